"""Was it worth it, in a real browser: read at every width, in light and dark, by keys alone. No model is asked."""

from __future__ import annotations

import psutil
from playwright.sync_api import Locator, Page, expect

from studio.compare import proof
from studio.compare.worth_job import job_of_run
from studio.runs import Run
from studio.scores.choice import make_choice
from tests.browser.compared import open_compare, open_view, tell
from tests.browser.readable import require_readable, violations
from tests.studio.reports import ask_worth


def open_worth(page: Page, url: str) -> Locator:
    open_compare(page, url, "Worth it?")
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
    open_view(page, "Scores")
    open_view(page, "Worth it?")
    expect(worth.get_by_role("status").last).to_contain_text("By the measure that you chose: “as long as wanted”.")
    expect(worth.get_by_role("status").first).to_contain_text("by the measure that you chose")
    assert violations(page, "#worth") == []


def test_it_can_be_read_at_every_width_in_light_and_dark(page: Page, url: str, run: Run) -> None:
    ask_worth(run, base=0, prompt=5, tuned=10)
    worth = open_worth(page, url)
    for summary in worth.locator("summary").all():
        summary.click()
    require_readable(page, "#worth")


def test_work_of_another_window_is_seen_and_stopped(page: Page, url: str, run: Run, sleeper) -> None:
    tell(job_of_run(run).note, sleeper, "Asking 10 held-out questions in 3 ways", left_s=60.0)
    open_worth(page, url)
    expect(page.locator("#worth-state")).to_contain_text("Asking 10 held-out questions in 3 ways, 60 s left")
    page.locator("#stop-worth").click()
    expect(page.locator("#worth-state")).to_contain_text("Stopped. What was answered is kept")
    expect(page.locator("#stop-worth")).to_be_hidden()
    psutil.Process(sleeper.pid).wait(10)
