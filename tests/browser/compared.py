"""The Compare tab alone, served with a model that answers without weights, and a run that it was measured for."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import gradio as gr
from playwright.sync_api import Page, expect
from starlette.middleware import Middleware

from components.compare_tab import build_compare_tab
from components.frame import Studio
from components.guard import build_guard
from components.theme import build_theme, read_css
from studio.compare.chat import Chat, Figures, Reply
from studio.compare.sampling import GREEDY, Sampling
from studio.compare.voices import Voice
from studio.data.datasets import save_dataset
from studio.data.formats import convert_rows
from studio.data.read import Row
from studio.process import ProcessId
from studio.runs import Run, open_run
from studio.store import write_json
from studio.train.recipe import make_recipe, write_recipe
from studio.workspace import Workspace
from tests.browser.pages import wait_until_answered

TOKEN = "a-start-token"
RUN = "2026-11-24-1530-orders"
ATTACK = '<img src="x" onerror="window.attacked = 1"></div><script>window.attacked = 2</script>'
GREETS, NAMES = "Good day, and thank you for writing to us.", f'{{"customer": "Mia Chen"}} {ATTACK}'
ROWS = [Row(n, {"question": f"Where is parcel {n * 7919}?", "answer": f"At place {n}"}) for n in range(100)]


@dataclass(frozen=True)
class Asked:
    prompts: dict[Voice, Any]
    most_tokens: int
    sampling: Sampling
    strength: float


class Answerer:
    """Answers as the worker would, without a model, and remembers what it was asked."""

    in_turn, busy_with = True, frozenset[str]()

    def __init__(self) -> None:
        self.asked: list[Asked] = []

    def open(self, workspace: Workspace, voices: Sequence[Voice]) -> Iterator[Any]:
        yield from ()

    def ask(
        self, prompts: Mapping[Voice, Any], most_tokens: int, sampling: Sampling = GREEDY, strength: float = 1.0
    ) -> Iterator[Reply]:
        """The first has ended before the others begin, who all say the same."""
        self.asked.append(Asked(dict(prompts), most_tokens, sampling, strength))
        first, *others = prompts
        yield Reply({first: GREETS, **dict.fromkeys(others, "")})
        time.sleep(0.1)
        figures = {first: Figures(9, True, 0.1, 0.5, 0.4)}
        figures |= dict.fromkeys(others, Figures(21, False, 0.1, 0.6, 0.9))
        yield Reply({first: GREETS, **dict.fromkeys(others, NAMES)}, True, 0.6, figures)

    def stop(self) -> None:
        """There is nothing to stop."""

    def close(self) -> None:
        """There is nothing to close."""


@contextmanager
def serve_compare(home: Workspace, answerer: Answerer, *middleware: Middleware) -> Iterator[str]:
    studio = Studio(home, cast(Chat, answerer))
    gr.set_static_paths([home.exports])
    with gr.Blocks(title="Tunesmith", analytics_enabled=False) as demo:
        view = build_compare_tab(studio)
        demo.load(view.read, None, list(view.outputs), show_progress="hidden")
    _, url, _ = demo.launch(
        app_kwargs={"middleware": [build_guard(TOKEN), *middleware]},
        **{"theme": build_theme(), "css": read_css()},
        **{"quiet": True, "prevent_thread_lock": True, "share": False, "inline": False},
        **{"ssr_mode": False, "num_workers": 0, "footer_links": [], "run_history": False},
        **{"enable_monitoring": False},
    )
    yield f"{url}?token={TOKEN}"
    demo.close(verbose=False)


def empty(home: Workspace) -> Workspace:
    """What was there is set aside, not deleted: a handler of the page before may still be writing there."""
    home.root.rename(home.root.with_name(f"aside-{len(list(home.root.parent.iterdir()))}"))
    return Workspace.open(home.root)


def fill(workspace: Workspace, base: str = GREETS, tuned: str = NAMES, rows: Sequence[Row] = ROWS) -> Run:
    """A finished run, whose held-out questions both have answered."""
    dataset = save_dataset(workspace, "orders", "orders.jsonl", convert_rows(rows))
    folder = workspace.runs / RUN
    write_recipe(folder / "recipe.yaml", make_recipe(data="orders", name="orders"))
    write_json(folder / "state.json", {"state": "done", "updated_s": 0, "step": 40})
    write_json(folder / "adapter" / "adapter_config.json", {})
    answers = [
        {"row": each.row, "prompt": each.prompt[-1].content, "wanted": each.wanted, "base": base, "tuned": tuned}
        for each in dataset.conversations("test")
    ]
    write_json(folder / "scores.json", {"examples": len(answers), "base": {}, "tuned": {}, "answers": answers})
    return open_run(workspace, RUN)


def tell(note: Path, process: ProcessId, message: str, share: float = 0.5, **more: Any) -> None:
    """As a worker that goes on tells how far it is."""
    write_json(note, {"pid": process.pid, "started_s": process.started_s, "message": message, "share": share, **more})


def open_compare(page: Page, url: str, view: str = "Talk", title: str = "orders") -> None:
    """Until the run of that title is on the page, with all that is told of it, and the view is open."""
    page.goto(url)
    arrive(page, title)
    open_view(page, view)


def arrive(page: Page, title: str = "orders") -> None:
    expect(page.locator("#compare-run input")).to_have_value(re.compile(f"^{title}, "))
    wait_until_answered(page)


def open_view(page: Page, name: str) -> None:
    """Once the page is there; on a phone the last ones stand behind the dots."""
    tab = page.get_by_role("tab", name=name, exact=True)
    if tab.is_visible():
        tab.click()
    else:
        page.locator("#compare-views .overflow-menu > button").click()
        page.locator("#compare-views .overflow-dropdown").get_by_text(name, exact=True).click()
    wait_until_answered(page)


def pick_run(page: Page, title: str) -> None:
    page.locator("#compare-run input").click()
    page.get_by_role("option", name=re.compile(f"^{title}, done")).click()
    wait_until_answered(page)
