"""Was it worth it, in a real browser: read at every width, in light and dark, by keys alone. No model is asked."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from studio.compare import proof
from studio.compare.worth_job import job_of_run
from studio.process import ProcessId
from studio.runs import Run
from studio.scores.choice import Choice, make_choice
from studio.store import write_json
from studio.workspace import Workspace
from tests.browser.compared import Answerer, fill, serve_compare
from tests.browser.readable import violations
from tests.studio.reports import ask_worth

SLOW_MS = 60_000


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace.open(tmp_path_factory.mktemp("worth"))


@pytest.fixture(scope="module")
def run(home: Workspace) -> Run:
    return fill(home)


@pytest.fixture(scope="module")
def url(home: Workspace, run: Run) -> Iterator[str]:
    with serve_compare(home, Answerer()) as address:
        yield address


def open_worth(page: Page, url: str) -> Locator:
    page.goto(url)
    expect(page.locator("#compare-run input")).to_have_value(re.compile("orders"), timeout=SLOW_MS)
    page.get_by_role("tab", name="Worth it?").click()
    expect(page.locator("#ask-worth")).to_be_visible()
    return page.locator("#worth")


def test_the_answer_stands_first_and_its_grounds_unfold_by_keys(page: Page, url: str, run: Run) -> None:
    ask_worth(run, base=0, prompt=5, tuned=10)
    worth = open_worth(page, url)
    expect(worth.get_by_role("status")).to_contain_text("keep the tuned one")
    expect(worth.locator("table").first.locator("tbody th")).to_have_text(
        ["The base alone", "The base with 3 examples in its prompt", "Fine-tuned"]
    )
    expect(worth.get_by_text("without examples)")).to_be_hidden()
    for summary in worth.locator("summary").all():
        summary.focus()
        page.keyboard.press("Enter")
    expect(worth.get_by_text("without examples)")).to_be_visible()
    expect(worth.get_by_role("region", name="Question", exact=True)).to_contain_text("Where is parcel")


def test_a_measure_that_is_chosen_under_scores_decides_here_too(page: Page, url: str, run: Run) -> None:
    ask_worth(run, base=0, prompt=5, tuned=10)
    worth = open_worth(page, url)
    expect(worth.get_by_role("status")).to_contain_text("keep the tuned one")
    for _ in proof.choose(run, make_choice("length_match")):
        pass
    page.get_by_role("tab", name="Scores").click()
    page.get_by_role("tab", name="Worth it?").click()
    expect(worth.get_by_role("status").last).to_contain_text("By the measure that you chose: “as long as wanted”.")
    expect(worth.get_by_role("status").first).to_contain_text("by the measure that you chose")
    assert violations(page, "#worth") == []
    for _ in proof.choose(run, Choice()):
        pass


def test_it_can_be_read_at_every_width_in_light_and_dark(page: Page, url: str, run: Run) -> None:
    ask_worth(run, base=0, prompt=5, tuned=10)
    worth = open_worth(page, url)
    for summary in worth.locator("summary").all():
        summary.click()
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            assert violations(page, "#worth") == [], f"{width} {scheme}"
            assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_work_of_another_window_is_seen_and_stopped(page: Page, url: str, run: Run) -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    worker = ProcessId.of(process.pid)
    told = {"message": "Asking 10 held-out questions in 3 ways", "share": 0.5, "left_s": 60.0}
    write_json(job_of_run(run).note, {"pid": worker.pid, "started_s": worker.started_s, **told})
    try:
        open_worth(page, url)
        expect(page.locator("#worth-state")).to_contain_text("Asking 10 held-out questions in 3 ways, 60 s left")
        page.locator("#stop-worth").click()
        expect(page.locator("#worth-state")).to_contain_text("Stopped. What was answered is kept")
        expect(page.locator("#stop-worth")).to_be_hidden()
        process.wait(timeout=10)
        assert not worker.is_alive()
    finally:
        process.kill()
        process.wait()
