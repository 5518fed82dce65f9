"""What a page costs while a run goes on, and how soon a long run is seen, in the real studio and a real Chromium.

Beside it Gradio's own way: pandas.read_json and the whole curve into gr.Plot, at each tick.
"""

from __future__ import annotations

import json
import math
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import pandas
from measure import ROOT, free_port, running, running_studio, say, show_table, verdict
from playwright.sync_api import Browser, Page, Response, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from studio.environment import find_browser
from studio.place import write_place
from studio.process import ProcessId
from studio.runs import Run, open_run
from studio.store import append_row, write_json
from studio.train.metrics import read_metrics_since
from studio.train.recipe import make_recipe, write_recipe
from studio.workspace import Workspace

LENGTHS = (100, 10_000, 100_000)
REPEATS = 3
MOST_BYTES = 2048
MOST_S = 1.0
STEPS_A_SECOND = 5  # brisk: a small model on a good card
WATCHED_S = 15
KINDS = ("curve", "status", "bar")
BROWSER_FLAGS = ["--no-sandbox", "--disable-dev-shm-usage"]


def row_at(step: int, steps: int) -> dict[str, float]:
    """One line of metrics.jsonl as the trainer writes it."""
    smooth = 0.3 + 2 / (1 + step / 50)
    return {
        "step": step,
        "epoch": round(3 * step / steps, 3),
        "loss": smooth * (1 + 0.2 * math.sin(step * 1.7)),
        "smooth": round(smooth, 5),
        "learning_rate": 2e-4 * (1 - step / steps),
        "tokens_per_s": round(3000 + 50 * math.sin(step), 1),
        "grad_norm": 0.6 + 0.2 * math.sin(step * 0.9),
        "memory_bytes": 8_000_000_000 + step % 1_000_000,
        "utilisation": round(0.95 + 0.04 * math.sin(step), 3),
        "temperature_c": 70 + step % 5,
        "power_w": round(180 + 9 * math.sin(step), 1),
        "kwh": round(step * 1e-5, 6),
    }


class LongRun:
    """A run's folder as its worker would have left it by now, with a process that lives."""

    def __init__(self, workspace: Workspace, logged: int, process: subprocess.Popen[bytes]) -> None:
        self.step = logged
        self.steps = 2 * logged
        self.process = process
        folder = workspace.runs / f"2026-01-01-0000-{logged}-steps"
        write_recipe(folder / "recipe.yaml", make_recipe(data="letters", name=f"{logged} steps"))
        lines: list[dict[str, object]] = []
        for step in range(1, logged + 1):
            if step % max(1, self.steps // 200) == 0:
                lines.append({"step": step, "heldout_loss": row_at(step, self.steps)["smooth"] * 1.1})
                lines.append({"step": step, "mark": "saved", "words": "Saved."})
            lines.append(row_at(step, self.steps))
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / "metrics.jsonl").write_text(text, encoding="utf-8")
        (folder / "worker.log").touch()
        self._write_state(folder, "training")
        self.run: Run = open_run(workspace, folder.name)
        if not self.run.is_live:
            raise SystemExit(f"The run should be live and is {self.run.state}: its page would ask for nothing.")

    def _write_state(self, folder: Path, state: str) -> None:
        now = row_at(self.step, self.steps)
        state_now = {
            "state": state,
            "pid": self.process.pid,
            "started_s": ProcessId.of(self.process.pid).started_s,
            "message": "Training",
            "engine": "Unsloth, 16-bit",
            "steps": self.steps,
            "step": self.step,
            "epoch": round(now["epoch"], 2),
            "loss": round(now["smooth"], 4),
            "heldout_loss": now["smooth"] * 1.1,
            "tokens_per_s": now["tokens_per_s"],
            "left_s": (self.steps - self.step) // STEPS_A_SECOND,
            "seconds": self.step / STEPS_A_SECOND,
            "updated_s": time.time(),
        }
        write_json(folder / "state.json", state_now)

    def end(self) -> None:
        self._write_state(self.run.folder, "done")

    @contextmanager
    def growing(self) -> Iterator[None]:
        enough = threading.Event()

        def grow() -> None:
            while not enough.wait(1 / STEPS_A_SECOND):
                self.step += 1
                append_row(self.run.metrics, row_at(self.step, self.steps))
                self._write_state(self.run.folder, "training")

        thread = threading.Thread(target=grow)
        thread.start()
        try:
            yield
        finally:
            enough.set()
            thread.join()


def watch_ticks(page: Page, run: LongRun) -> dict[str, list[tuple[int, int]]]:
    """(bytes of the body, bytes on the wire with headers) of each answer, by its kind."""
    responses: list[Response] = []
    page.on("response", lambda response: responses.append(response))
    with run.growing():
        page.wait_for_timeout(WATCHED_S * 1000)
    answers = defaultdict(list)
    for response in list(responses):
        kind = _kind_of(response)
        if kind:
            sizes = response.request.sizes()
            wire = sizes["responseBodySize"] + sizes["responseHeadersSize"]
            answers[kind].append((len(response.body()), wire))
    return answers


def _kind_of(response: Response) -> str | None:
    if "/component_server" in response.url:
        return "curve"
    if "/run/predict" in response.url:
        return "bar" if len(response.json()["data"]) == 2 else "status"
    return None


def wait_for_step(page: Page, step: int) -> None:
    """Until the curve is drawn up to a step. The tab is asked for again where the page's own start took it away."""
    page.wait_for_function(
        """step => {
            const tab = document.querySelector('#tab-train-button');
            if (tab?.ariaSelected !== 'true') tab?.click();
            return (document.querySelector('#chart .plot')?.ariaLabel ?? '').match(/at step (\\d+)/)?.[1] >= step;
        }""",
        arg=step,
        timeout=60_000,
    )


def open_page(browser: Browser, url: str) -> Page:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(url)
    return page


def measure_ticks(browser: Browser, workspace: Workspace, runs: dict[int, LongRun]) -> list[list[str]]:
    columns = []
    for logged, run in runs.items():
        say(f"A page tick at {logged:,} logged steps")
        for other in runs.values():
            other.end()
        run._write_state(run.run.folder, "training")
        write_place(workspace, tab="train", run=run.run.id)
        with running_studio(workspace.root) as (_, url):
            page = open_page(browser, url)
            wait_for_step(page, logged)
            page.get_by_label("Also show").select_option("grad_norm")  # the dearest page: a second curve is open
            page.wait_for_timeout(3000)  # what the opening itself asked for is over
            answers = watch_ticks(page, run)
            page.close()
        run.end()
        if not answers["curve"]:
            raise SystemExit("The page did not ask for the curve: there is nothing to measure.")
        columns.append(answers)
    table = [[f"{kind}, largest of {WATCHED_S} s"] for kind in KINDS]
    total, wire = ["**studio, all three**"], ["on the wire, headers too"]
    for answers in columns:
        largest = [max((body for body, _ in answers[kind]), default=0) for kind in KINDS]
        for line, size in zip(table, largest, strict=True):
            line.append(f"{size:,}")
        total.append(f"{sum(largest):,} {verdict(sum(largest) <= MOST_BYTES)}")
        wire.append(f"{sum(max((size for _, size in answers[kind]), default=0) for kind in KINDS):,}")
    return [*table, total, wire]


def measure_opening(browser: Browser, workspace: Workspace, runs: dict[int, LongRun]) -> list[list[str]]:
    short, long = runs[min(runs)], runs[max(runs)]
    picked, whole, read = [], [], []
    for repeat in range(REPEATS):
        say(f"Opening {long.step:,} logged steps, {repeat + 1} of {REPEATS}")
        began_s = time.monotonic()
        curve = read_metrics_since(long.run.metrics, 0)
        read.append(time.monotonic() - began_s)
        write_place(workspace, tab="train", run=short.run.id)
        with running_studio(workspace.root) as (_, url):
            page = open_page(browser, url)
            wait_for_step(page, short.step)
            page.wait_for_timeout(2000)
            page.locator("#watched-run input").click()
            option = page.get_by_role("option", name=long.run.title)
            option.wait_for()
            began_s = time.monotonic()
            option.click()
            wait_for_step(page, long.step)
            picked.append(time.monotonic() - began_s)
            page.close()
            page = browser.new_page()  # the place is the long run by now
            began_s = time.monotonic()
            page.goto(url)
            wait_for_step(page, long.step)
            whole.append(time.monotonic() - began_s)
            page.close()
    size = len(json.dumps({**curve, "live": False}))
    return [
        ["studio: read and thin", _seconds(read), f"{size:,}", ""],
        ["studio: picked until drawn", _seconds(picked), "", verdict(statistics.median(picked) <= MOST_S)],
        ["studio: page opened until drawn", _seconds(whole), "", ""],
    ]


def measure_bare(browser: Browser, run: LongRun) -> list[list[str]]:
    """Gradio's own way: the whole file read by pandas and sent as a figure, at each look."""
    read, drawn, size = [], [], 0
    for repeat in range(REPEATS):
        say(f"The same through gr.Plot, {repeat + 1} of {REPEATS}")
        began_s = time.monotonic()
        pandas.read_json(run.run.metrics, lines=True)
        read.append(time.monotonic() - began_s)
        port = free_port()
        script = ROOT / "tests" / "benchmarks" / "bare_curve.py"
        with running([sys.executable, script, run.run.metrics, str(port)]):
            page = browser.new_page()
            sizes: list[int] = []
            page.on("response", lambda r, sizes=sizes: sizes.append(len(r.body())) if "/run/predict" in r.url else None)
            _wait_for_page(page, f"http://127.0.0.1:{port}/")
            began_s = time.monotonic()
            page.get_by_role("button", name="Read").click()
            page.locator("#curve .js-plotly-plot .lines").first.wait_for(state="attached", timeout=120_000)
            drawn.append(time.monotonic() - began_s)
            size = max(sizes, default=0)
            page.close()
    return [
        ["pandas.read_json", _seconds(read), "", ""],
        ["gr.Plot: asked until drawn", _seconds(drawn), f"{size:,}", ""],
    ]


def _wait_for_page(page: Page, url: str) -> None:
    for _ in range(100):
        try:
            page.goto(url)
            return
        except PlaywrightError:
            time.sleep(0.3)
    raise SystemExit("The bare app did not start.")


def _seconds(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} s"


def main() -> None:
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3000)"])
    try:
        with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
            workspace = Workspace.open(folder)
            runs = {logged: LongRun(workspace, logged, sleeper) for logged in LENGTHS}
            path = find_browser(platform.system())  # else Playwright's own
            browser = playwright.chromium.launch(executable_path=path, args=BROWSER_FLAGS)
            ticks = measure_ticks(browser, workspace, runs)
            for run in runs.values():
                run.end()
            opening = measure_opening(browser, workspace, runs) + measure_bare(browser, runs[max(LENGTHS)])
            browser.close()
    finally:
        sleeper.kill()
        sleeper.wait()
    show_table("A page tick, bytes", ["answer", *(f"{n:,} steps" for n in LENGTHS)], ticks)
    show_table(f"Opening {max(LENGTHS):,} logged steps", ["what", "time", "bytes", "at most 1 s"], opening)


if __name__ == "__main__":
    main()
