"""The window: five tabs, a bar at the bottom while anything runs, and the door in front of it all."""

from __future__ import annotations

import argparse
import os
import secrets
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable
from html import escape
from typing import Any

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported; it would look up two hosts

import gradio as gr

from components.bar import find_doing, show_doing
from components.chart import build_chart
from components.compare_tab import build_compare_tab
from components.data_tab import build_data_tab
from components.export_tab import build_export_tab
from components.frame import Studio, TabView
from components.guard import build_guard
from components.notices import told
from components.progress_icon import build_progress_mark, read_title_script, show_mark
from components.runs_tab import RunsView, build_runs_tab
from components.theme import build_theme, read_css
from components.train_tab import TrainView, build_train_tab
from components.watch_view import metrics_since
from studio import hardware
from studio.compare.chat import Chat
from studio.compare.proof import is_scored
from studio.data.datasets import list_datasets
from studio.errors import TunesmithError
from studio.keeper import start_keeper
from studio.place import read_place, write_place
from studio.runs import list_runs, live_run, open_run
from studio.train.library import repeat
from studio.workspace import ASSETS, Workspace

ADDRESS = "127.0.0.1"
PORT = 7860
LARGEST_UPLOAD = "2gb"
DAY_S = 86_400  # uploads are copied into the workspace; the browser's copy may go after a day
QUEUE_POLL_S = 0.05  # the most by which an event may start late
TABS: dict[str, tuple[str, Callable[[Studio], TabView]]] = {
    "data": ("1 Data", build_data_tab),
    "train": ("2 Train", build_train_tab),
    "compare": ("3 Compare", build_compare_tab),
    "export": ("4 Export", build_export_tab),
    "runs": ("Runs", lambda studio: build_runs_tab(studio, lambda: _build_pair_chart(studio))),
}
# Who has already clicked or typed while the page was loading is not moved away from there.
WATCH_HANDS = """<script>
for (const act of ["pointerdown", "keydown"])
  addEventListener(act, () => { window.tunesmithTouched = true; }, { capture: true, once: true });
</script>"""
ARRIVE = """(place) => {
  window.tunesmithArrived = true;
  return [window.tunesmithTouched ? { __type__: "update" } : { __type__: "update", selected: place }, "yes"];
}"""


def build_app(studio: Studio) -> gr.Blocks:
    app: gr.Blocks
    with gr.Blocks(title="Tunesmith", analytics_enabled=False, fill_width=True, delete_cache=(DAY_S, DAY_S)) as app:
        gr.HTML(_show_header(), elem_id="header")
        arrived = gr.Textbox(visible=False)  # Gradio "selects" the first tab before the page shows where one was
        place = gr.Textbox(visible=False)
        views: dict[str, TabView] = {}
        tabs: dict[str, gr.Tab] = {}
        with gr.Tabs(selected="data", elem_id="tabs") as strip:
            for name, (title, build) in TABS.items():
                with gr.Tab(title, id=name, elem_id=f"tab-{name}") as tabs[name]:
                    views[name] = build(studio)
        mark = build_progress_mark()
        with gr.Row(visible=False, elem_id="bar") as bar:
            words = gr.HTML(elem_id="bar-words")
            watch = gr.Button("Watch", size="sm", elem_id="bar-watch", scale=0)
            stop = gr.Button("Stop and keep", size="sm", elem_id="bar-stop", scale=0)

        for name, view in views.items():
            tabs[name].select(
                _remember(studio, name), arrived, list(tabs.values()), queue=False, show_progress="hidden"
            )
            reading = tabs[name].select(view.read, list(view.inputs), list(view.outputs), show_progress="hidden")
            if view.interrupts:
                gr.on(list(view.interrupts), None, cancels=[reading])
            for button, target in view.leads:
                button.click(_go(target), None, strip, show_progress="hidden")  # which selects, and so reads, it
        runs, train = views["runs"], views["train"]
        if isinstance(runs, RunsView) and isinstance(train, TrainView):
            runs.take.click(_take_recipe(studio, train), runs.chosen, list(train.filled), show_progress="hidden").then(
                _go("train"), None, strip, show_progress="hidden"
            )
        app.load(_find_place(studio), None, place, show_progress="hidden").then(
            None, place, [strip, arrived], js=ARRIVE, show_progress="hidden"
        )
        app.load(lambda: _mark_steps(studio), None, list(tabs.values()), queue=False, show_progress="hidden")

        def tick(before: str, marked: str) -> Any:
            run = live_run(studio.workspace)
            if run and studio.chat.busy_with:
                studio.chat.close()  # a run that was started elsewhere needs the memory more
            doing, sign = find_doing(studio.workspace), show_mark(studio.workspace, run, marked or "")
            now = show_doing(doing) if doing else ""
            if now == (before or "") and sign == (marked or ""):
                return gr.skip()
            return gr.Row(visible=doing is not None), now, sign, gr.Button(doing.stop if doing else "Stop")

        @told
        def end() -> Any:
            if doing := find_doing(studio.workspace):
                doing.end()
            return tick("", "")

        below = [bar, words, mark, stop]
        gr.Timer(2).tick(tick, [words, mark], below, queue=False, show_progress="hidden")
        watching = watch.click(_watch(studio), None, strip, show_progress="hidden")
        for name in ("train", "compare"):
            watching.then(_read_if(studio, name, views[name]), None, list(views[name].outputs), show_progress="hidden")
        stop.click(end, None, below, show_progress="hidden")
    for event in app.fns.values():
        if event.show_progress == "hidden":
            # On an event's targets Gradio sets a progress, hidden or not, and from then on sets it anew at every event
            # of the page: an idle page with its ticks took a third of a processor.
            event.show_progress_on = []
    app.queue(default_concurrency_limit=8)
    # Gradio polls its queue a thousand times a second, except on Windows: 8 % of a core, with no page open.
    app._queue.sleep_when_free, app._queue.progress_update_sleep_when_free = QUEUE_POLL_S, 10 * QUEUE_POLL_S
    return app


def _mark_steps(studio: Studio) -> list[gr.Tab]:
    """The tabs' titles; a tick stands in place of the number of a step that is done, dots of one in work."""
    runs = list_runs(studio.workspace)
    done = {
        "data": bool(list_datasets(studio.workspace)),
        "train": any(run.has_adapter for run in runs),
        "compare": any(is_scored(run) for run in runs),
        "export": any(studio.workspace.exports.glob("*.task.json")),
    }
    live = any(run.is_live for run in runs)
    marks = {name: "✓" for name, finished in done.items() if finished} | ({"train": "…"} if live else {})
    return [
        gr.Tab(label=f"{marks[name]} {title.split()[-1]}" if name in marks else title)
        for name, (title, _) in TABS.items()
    ]


def _find_place(studio: Studio) -> Callable[[], str]:
    def find_place() -> str:
        tab = read_place(studio.workspace).tab
        return tab if tab in TABS else "data"

    return find_place


def _remember(studio: Studio, name: str) -> Callable[[str], list[gr.Tab]]:
    def remember(arrived: str) -> list[gr.Tab]:
        if arrived:
            write_place(studio.workspace, tab=name)
        return _mark_steps(studio)

    return remember


def _build_pair_chart(studio: Studio) -> gr.HTML:
    return build_chart(lambda run, cursor, extra: metrics_since(studio, run, cursor, extra), elem_id="runs-chart")


def _take_recipe(studio: Studio, train: TrainView) -> Callable[[str], Any]:
    @told
    def take(run_id: str) -> Any:
        return train.fill(repeat(open_run(studio.workspace, run_id).recipe))

    return take


def _go(target: str) -> Callable[[], gr.Tabs]:
    return lambda: gr.Tabs(selected=target)


def _watch(studio: Studio) -> Callable[[], Any]:
    def watch() -> Any:
        doing = find_doing(studio.workspace)
        if doing is None:
            return gr.skip()
        write_place(studio.workspace, run=doing.run.id)
        return gr.Tabs(selected=doing.tab)

    return watch


def _read_if(studio: Studio, tab: str, view: TabView) -> Callable[[], Any]:
    """Where what runs is watched there."""

    def read() -> Any:
        doing = find_doing(studio.workspace)
        return view.read() if doing and doing.tab == tab else gr.skip()

    return read


def _show_header() -> str:
    return f'<header><h1>Tunesmith</h1><span id="machine">{escape(hardware.describe_accelerator())}</span></header>'


def free_port(wish: int) -> int:
    """The wish, or the next port that nobody uses. Raises: TunesmithError if a hundred are taken."""
    for port in range(wish, wish + 100):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            if sys.platform != "win32":  # there the option would let two share one port
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((ADDRESS, port))
            except OSError:
                continue
            return port
    raise TunesmithError(f"Ports {wish} to {wish + 99} are all in use.", "Start with --port and another number.")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="launch.py", description="Open the studio in the browser.")
    parser.add_argument("--workspace", metavar="PATH", help="where data sets, models and runs are kept")
    parser.add_argument("--port", type=int, default=PORT, help="the page's port; the next free one is taken")
    parser.add_argument("--no-browser", action="store_true", help="do not open the browser")
    parser.add_argument("--share", action="store_true", help="a link for others; needs --password")
    parser.add_argument("--password", default="", metavar="WORDS", help="12 characters or more")
    parser.add_argument("--address", default=ADDRESS, help="another address than this machine alone; needs --password")
    return parser


def main(arguments: list[str]) -> int:
    """Serve until Ctrl+C. Exit code: 0 ended, 1 refused with a sentence, 2 a bad flag."""
    given = build_parser().parse_args(arguments)
    try:
        workspace = Workspace.open(given.workspace)
        token = secrets.token_urlsafe(24)
        guard = build_guard(token, password=given.password, address=given.address, share=given.share)
        port = free_port(given.port)
    except TunesmithError as error:
        print(f"{error.what}\n{error.do}", file=sys.stderr)
        return 1
    if port != given.port:
        print(f"Port {given.port} is in use; taking {port}.")
    studio = Studio(workspace, Chat(), shared=given.share)
    ended = start_keeper(workspace)
    gr.set_static_paths([workspace.exports, ASSETS])
    app = build_app(studio)
    _, local, shared = app.launch(
        server_name=given.address,
        server_port=port,
        share=given.share,
        app_kwargs={"middleware": [guard]},
        theme=build_theme(),
        css=read_css(),
        head=WATCH_HANDS + read_title_script(),
        ssr_mode=False,
        num_workers=0,
        strict_cors=True,
        max_file_size=LARGEST_UPLOAD,
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        inbrowser=False,
        inline=False,
        quiet=True,
        prevent_thread_lock=True,
    )
    address = shared or (local if given.password else f"{local}?token={token}")
    print(f"Tunesmith is open at {address}\nCtrl+C closes it; a run that is training goes on.", flush=True)
    if not given.no_browser:
        webbrowser.open(address)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        print("\nClosed. Runs go on.")
    finally:
        ended.set()
        studio.chat.close()
        app.close()
    return 0
