"""Scores in a real browser: what decides is changed by hand, and the same answers are weighed anew, without a model."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from studio.compare.chosen import keep_choice, read_choice, weigh_run
from studio.compare.proof import note_of, read_scores
from studio.data.read import Row
from studio.process import ProcessId
from studio.runs import Run, workspace_of
from studio.scores.choice import Choice
from studio.store import write_json
from studio.workspace import Workspace
from tests.browser.compared import Answerer, fill, serve_compare
from tests.browser.readable import violations

SLOW_MS = 60_000
MOODS = ("angry", "calm", "glad")
ROWS = [Row(n, {"question": f"Message {n * 7919}: how is its writer?", "answer": MOODS[n % 3]}) for n in range(400)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace.open(tmp_path_factory.mktemp("scores"))


@pytest.fixture(scope="module")
def url(home: Workspace) -> Iterator[str]:
    with serve_compare(home, Answerer()) as address:
        yield address


@pytest.fixture
def run(home: Workspace) -> Run:
    """Before, the label was never said alone; after, it is, and every fourth "glad" is taken for "calm"."""
    shutil.rmtree(home.root)
    run = fill(Workspace.open(home.root), rows=ROWS)
    answers = [
        {
            **row,
            "base": f"The writer is {row['wanted']} indeed",
            "tuned": "calm" if row["wanted"] == "glad" and row["row"] % 4 == 0 else row["wanted"],
            "base_loss": 2.0 + row["row"] % 3 / 10,
            "tuned_loss": 0.1 + row["row"] % 5 / 100,
        }
        for row in (read_scores(run) or {})["answers"]
    ]
    write_json(run.folder / "scores.json", weigh_run(run, answers, Choice()))
    return run


def open_scores(page: Page, url: str) -> Locator:
    page.goto(url)
    expect(page.locator("#compare-run input")).to_have_value(re.compile("orders"), timeout=SLOW_MS)
    page.get_by_role("tab", name="Scores").click()
    scores = page.locator("#scores")
    expect(scores).to_contain_text("held-out examples")
    return scores


def unfold(page: Page) -> None:
    page.get_by_role("button", name="Measure something else").click()
    expect(page.get_by_label("Which measure decides")).to_be_visible()


def pick_measure(page: Page, title: str) -> None:
    page.get_by_label("Which measure decides").click()
    page.get_by_role("option", name=title, exact=True).click()


def test_another_measure_decides_and_verdict_and_table_change_without_asking_anybody(page: Page, url: str, run: Run):
    scores = open_scores(page, url)
    expect(scores.locator(".note").first).to_contain_text("✓ Better. Right label: 0 % before", timeout=SLOW_MS)
    unfold(page)
    page.get_by_label("A pattern that an answer must match").fill("indeed$")
    pick_measure(page, "matches the pattern")
    expect(page.locator("#choose-help")).to_contain_text("The regular expression that you gave")
    page.get_by_role("button", name="Measure by this").click()
    expect(scores.locator(".note").first).to_contain_text(
        "✖ Worse. Matches the pattern: 100 % before, 0 % after", timeout=SLOW_MS
    )
    expect(page.locator("#choose-state")).to_contain_text("Weighed anew")
    expect(scores).to_contain_text("“matches the pattern” was chosen by hand to decide (the pattern “indeed$”).")
    expect(scores).to_contain_text("it would be “right label”, which says: better.")
    expect(scores).to_contain_text("this is no clean test")
    expect(scores.locator("table").first.locator("th strong")).to_have_text("matches the pattern")
    scores.get_by_text("Each answer, those first where After lost most").click()
    expect(scores.locator("table.each caption")).to_have_text("Below each answer: matches the pattern")

    page.reload()  # it is kept with the run
    scores = open_scores(page, url)
    expect(scores.locator(".note").first).to_contain_text("✖ Worse.", timeout=SLOW_MS)
    unfold(page)
    expect(page.get_by_label("A pattern that an answer must match")).to_have_value("indeed$")
    page.get_by_role("button", name="Let the data decide").click()
    expect(scores.locator(".note").first).to_contain_text("✓ Better. Right label", timeout=SLOW_MS)
    expect(scores).not_to_contain_text("by hand")
    expect(page.get_by_label("A pattern that an answer must match")).to_have_value("")
    assert read_choice(run) == Choice()


def test_what_makes_no_sense_is_said_beside_the_form_and_nothing_changes(page: Page, url: str, run: Run):
    scores = open_scores(page, url)
    table = scores.locator(".html-container")  # without the seconds that Gradio counts unseen
    before = table.inner_text()
    unfold(page)
    said = page.locator("#choose-state")
    for label, text, sentence in (
        ("A pattern that an answer must match", "(", "“(” is no regular expression"),
        ("A JSON schema", "{", "The schema is no JSON"),
        ("The labels, one a line", "happy\nsad", "None of the wanted answers is one of your labels"),
        ("A pattern that takes the result", "#### (.+)", "is found in none of the wanted answers"),
    ):
        field = page.get_by_label(label)
        field.fill(text)
        page.get_by_role("button", name="Measure by this").click()
        expect(said).to_contain_text(sentence, timeout=SLOW_MS)
        field.fill("")
    assert table.inner_text() == before
    assert read_choice(run) == Choice()


def test_the_deciding_measure_is_changed_by_keys_alone(page: Page, url: str, run: Run):
    scores = open_scores(page, url)
    page.locator("#measure").focus()
    press_until(page, "Measure something else")
    page.keyboard.press("Enter")
    press_until(page, "Which measure decides")
    picked = page.get_by_label("Which measure decides")
    offered = page.get_by_role("option")
    expect(offered.filter(has_text="macro F1")).to_have_count(1)
    page.keyboard.type("one of the labels", delay=20)
    expect(offered.filter(has_text="macro F1")).to_have_count(0)
    page.keyboard.press("Enter")
    expect(picked).to_have_value("one of the labels")
    expect(page.locator("#choose-help")).to_contain_text("one of the labels of the examples")
    press_until(page, "Measure by this")
    page.keyboard.press("Enter")
    expect(scores.locator(".note").first).to_contain_text("One of the labels: 0 % before, 100 % after", timeout=SLOW_MS)


def press_until(page: Page, name: str) -> None:
    """Tab on, until what has the focus bears that name."""
    said = "(document.activeElement.getAttribute('aria-label') || document.activeElement.innerText || '').trim()"
    for _ in range(20):
        page.keyboard.press("Tab")
        if str(page.evaluate(said)).startswith(name):
            return
    pytest.fail(f"“{name}” is not reached by keys")


def test_which_label_was_taken_for_which_is_drawn_and_told(page: Page, url: str, run: Run):
    scores = open_scores(page, url)
    before, after = scores.locator("svg.picture").all()
    expect(before).to_have_attribute("aria-label", re.compile(r"^Before: .*: 0 of 40 right, 0\s% \(between"))
    expect(after).to_have_attribute(
        "aria-label", re.compile(r"^After: .*right, .*\)\. Most often glad taken for calm, \d time")
    )
    expect(after.locator("text", has_text=re.compile("^glad$"))).to_have_count(2)


def test_all_answers_are_written_as_a_table_to_take_along(page: Page, url: str, run: Run):
    open_scores(page, url)
    page.get_by_role("button", name="Download the answers (CSV)").click()
    link = page.locator("#answers-link a")
    expect(link).to_have_text(f"{run.id}-answers.csv", timeout=SLOW_MS)
    lines = (workspace_of(run.folder).exports / f"{run.id}-answers.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + len((read_scores(run) or {})["answers"])


def test_stop_is_there_while_both_are_asked_and_ends_it(page: Page, url: str, run: Run):
    note = note_of(run)
    open_scores(page, url)
    expect(page.get_by_role("button", name="Stop", exact=True)).to_have_count(0)
    sleeper = sleeping()
    try:
        asked = {"message": "Asking both 40 held-out questions: 12 done", "share": 0.3, "left_s": 50.0}
        process = ProcessId.of(sleeper.pid)
        write_json(note, {"pid": process.pid, "started_s": process.started_s, **asked})
        page.locator("#measure").click()
        state = page.locator("#measure-state")
        expect(state).to_contain_text("12 done, 50 s left")
        page.reload()  # it goes on while nobody looks
        open_scores(page, url)
        expect(state).to_contain_text("12 done, 50 s left")
        page.get_by_role("button", name="Stop", exact=True).click()
        expect(state).to_contain_text("Stopped. What was answered is kept")
        assert sleeper.wait(10) != 0
        expect(page.get_by_role("button", name="Stop", exact=True)).to_have_count(0)
    finally:
        sleeper.kill()


def sleeping():
    import subprocess
    import sys

    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])


def test_all_of_it_is_labelled_and_readable_and_fits(page: Page, url: str, run: Run):
    choice = Choice(measure="loss")
    write_json(run.folder / "scores.json", weigh_run(run, (read_scores(run) or {})["answers"], choice))
    keep_choice(run, choice)
    scores = open_scores(page, url)
    expect(scores).to_contain_text("“loss” was chosen by hand")
    unfold(page)
    scores.get_by_text("Each answer, those first where After lost most").click()
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        for scheme in ("light", "dark"):
            page.evaluate(f"document.body.classList.toggle('dark', {str(scheme == 'dark').lower()})")
            page.wait_for_timeout(500)
            assert violations(page, "#compare-views") == [], f"{width} {scheme}"
            assert page.evaluate("document.documentElement.scrollWidth") <= width
