"""Scores in a real browser: what decides is changed by hand, and the same answers are weighed anew, without a model."""

from __future__ import annotations

import re

import psutil
import pytest
from playwright.sync_api import Locator, Page, expect

from studio.compare.asking import keep_asking, make_asking, read_asking
from studio.compare.chosen import keep_choice, read_choice, weigh_run
from studio.compare.proof import note_of, read_scores
from studio.data.read import Row
from studio.runs import Run, workspace_of
from studio.scores.choice import Choice
from studio.store import write_json
from studio.workspace import Workspace
from tests.browser.compared import arrive, fill, open_compare, open_view, tell
from tests.browser.pages import wait_until_answered
from tests.browser.readable import require_readable

MOODS = ("angry", "calm", "glad")
ROWS = [Row(n, {"question": f"Message {n * 7919}: how is its writer?", "answer": MOODS[n % 3]}) for n in range(400)]


@pytest.fixture
def run(emptied: Workspace) -> Run:
    """Before, the label was never said alone; after, it is, and every fourth "glad" is taken for "calm"."""
    run = fill(emptied, rows=ROWS)
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
    open_compare(page, url, "Scores")
    return page.locator("#scores")


def unfold(page: Page) -> None:
    page.get_by_role("button", name="Measure something else").click()
    expect(page.get_by_label("Which measure decides")).to_be_visible()


def pick_measure(page: Page, title: str) -> None:
    page.get_by_label("Which measure decides").click()
    page.get_by_role("option", name=title, exact=True).click()


def test_another_measure_decides_and_verdict_and_table_change_without_asking_anybody(page: Page, url: str, run: Run):
    scores = open_scores(page, url)
    expect(scores.locator(".note").first).to_contain_text("✓ Better. Right label: 0 % before")
    unfold(page)
    page.get_by_label("A pattern that an answer must match").fill("indeed$")
    pick_measure(page, "matches the pattern")
    expect(page.locator("#choose-help")).to_contain_text("The regular expression that you gave")
    wait_until_answered(page)  # what was typed is kept, and the list has gone from over the button
    page.get_by_role("button", name="Measure by this").click()
    expect(scores.locator(".note").first).to_contain_text("✖ Worse. Matches the pattern: 100 % before, 0 % after")
    expect(page.locator("#choose-state")).to_contain_text("Weighed anew")
    expect(scores).to_contain_text("“matches the pattern” was chosen by hand to decide (the pattern “indeed$”).")
    expect(scores).to_contain_text("it would be “right label”, which says: better.")
    expect(scores).to_contain_text("this is no clean test")
    expect(scores.locator("table").first.locator("th strong")).to_have_text("matches the pattern")
    scores.get_by_text("Each answer, those first where After lost most").click()
    expect(scores.locator("table.each caption")).to_have_text("Below each answer: matches the pattern")

    scores = open_scores(page, url)  # it is kept with the run
    expect(scores.locator(".note").first).to_contain_text("✖ Worse.")
    unfold(page)
    expect(page.get_by_label("A pattern that an answer must match")).to_have_value("indeed$")
    page.get_by_role("button", name="Let the data decide").click()
    expect(scores.locator(".note").first).to_contain_text("✓ Better. Right label")
    expect(scores).not_to_contain_text("by hand")
    expect(page.get_by_label("A pattern that an answer must match")).to_have_value("")
    assert read_choice(run) == Choice()


def test_what_makes_no_sense_is_said_beside_the_form_and_nothing_changes(page: Page, url: str, run: Run):
    scores = open_scores(page, url)
    table = scores.locator(".html-container")  # without the seconds that Gradio counts unseen
    expect(table).to_contain_text("held-out examples")
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
        expect(said).to_contain_text(sentence)
        field.fill("")
    expect(table).to_have_text(before, use_inner_text=True)
    assert read_choice(run) == Choice()


def test_the_deciding_measure_is_changed_by_keys_alone(page: Page, url: str, run: Run):
    scores = open_scores(page, url)
    page.locator("#measure").focus()
    press_until(page, "Measure something else")
    page.keyboard.press("Enter")
    picked = page.get_by_label("Which measure decides")
    expect(picked).to_be_visible()
    press_until(page, "Which measure decides")
    offered = page.get_by_role("option")
    expect(offered.filter(has_text="macro F1")).to_have_count(1)
    page.keyboard.type("one of the labels", delay=20)
    expect(offered.filter(has_text="macro F1")).to_have_count(0)
    page.keyboard.press("Enter")
    expect(picked).to_have_value("one of the labels")
    expect(page.locator("#choose-help")).to_contain_text("one of the labels of the examples")
    press_until(page, "Measure by this")
    page.keyboard.press("Enter")
    expect(scores.locator(".note").first).to_contain_text("One of the labels: 0 % before, 100 % after")


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
    pictures = scores.locator("svg.picture")
    expect(pictures).to_have_count(2)
    before, after = pictures.first, pictures.last
    expect(before).to_have_attribute("aria-label", re.compile(r"^Before: .*: 0 of 40 right, 0\s% \(between"))
    expect(after).to_have_attribute(
        "aria-label", re.compile(r"^After: .*right, .*\)\. Most often glad taken for calm, \d time")
    )
    expect(after.locator("text", has_text=re.compile("^glad$"))).to_have_count(2)


def test_all_answers_are_written_as_a_table_to_take_along(page: Page, url: str, run: Run):
    open_scores(page, url)
    page.get_by_role("button", name="Download the answers (CSV)").click()
    link = page.locator("#answers-link a")
    expect(link).to_have_text(f"{run.id}-answers.csv")
    lines = (workspace_of(run.folder).exports / f"{run.id}-answers.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + len((read_scores(run) or {})["answers"])


def test_where_nothing_was_measured_no_answers_are_offered_to_take_along(page: Page, url: str, run: Run):
    (run.folder / "scores.json").unlink()
    expect(open_scores(page, url)).to_contain_text("Not measured yet")
    expect(page.locator("#answers-take")).to_be_hidden()


def test_the_lines_of_an_answer_stay_lines(page: Page, url: str, run: Run):
    scores = open_scores(page, url)
    scores.get_by_text("Each answer, those first where After lost most").click()
    for cell in ("th", "td"):
        expect(scores.locator(f"table.each tbody {cell}").first).to_have_css("white-space", "pre-wrap")


def test_stop_is_there_while_both_are_asked_and_ends_it(page: Page, url: str, run: Run, sleeper):
    open_scores(page, url)
    expect(page.get_by_role("button", name="Stop", exact=True)).to_have_count(0)
    tell(note_of(run), sleeper, "Asking both 40 held-out questions: 12 done", share=0.3, left_s=50.0)
    page.locator("#measure").click()
    wait_until_answered(page)
    state = page.locator("#measure-state")
    expect(state).to_contain_text("12 done, 50 s left")
    page.reload()  # it goes on while nobody looks
    arrive(page)
    open_view(page, "Scores")
    expect(state).to_contain_text("12 done, 50 s left")
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(state).to_contain_text("Stopped. What was answered is kept")
    psutil.Process(sleeper.pid).wait(10)
    expect(page.get_by_role("button", name="Stop", exact=True)).to_have_count(0)


def test_how_they_were_asked_is_told_and_is_not_changed_while_they_are_asked(page: Page, url: str, run: Run, sleeper):
    how = make_asking(20, temperature=0.7)
    keep_asking(run, how)
    write_json(run.folder / "scores.json", {**(read_scores(run) or {}), "asking": how.as_dict(), "of_all": 40})
    scores = open_scores(page, url)
    expect(scores).to_contain_text("20 of 40 questions were drawn by lot (seed 0). Words were drawn: temperature 0.7")
    page.get_by_role("button", name="How many questions, and with dice?").click()
    questions = page.get_by_label("Questions", exact=True)
    expect(questions).to_have_value("20")
    tell(note_of(run), sleeper, "Asking both 20 held-out questions: 12 done", share=0.3, left_s=50.0)
    questions.fill("5")
    page.locator("#measure").click()
    expect(page.get_by_text("Both are being measured, and asked otherwise.")).to_be_visible()
    assert read_asking(run) == how


def test_all_of_it_is_labelled_and_readable_and_fits(page: Page, url: str, run: Run):
    choice = Choice(measure="loss")
    write_json(run.folder / "scores.json", weigh_run(run, (read_scores(run) or {})["answers"], choice))
    keep_choice(run, choice)
    scores = open_scores(page, url)
    expect(scores).to_contain_text("“loss” was chosen by hand")
    page.get_by_role("button", name="How many questions, and with dice?").click()
    expect(page.get_by_label("Questions", exact=True)).to_be_visible()
    unfold(page)
    scores.get_by_text("Each answer, those first where After lost most").click()
    scores.get_by_text("What these mean").click()
    require_readable(page, "#compare-views")


def test_a_line_stands_between_the_rows_of_the_table_as_in_the_other_tables(page: Page, url: str, run: Run):
    """Gradio rewrites the rules of the page, and what it makes of them may outweigh the line."""
    page.set_viewport_size({"width": 1280, "height": 900})
    table = open_scores(page, url).locator("table").first
    for cell in (table.locator("thead th").first, table.locator("tbody th").first, table.locator("tbody td").last):
        expect(cell).to_have_css("border-bottom", re.compile(r"^1px solid"))
        expect(cell).to_have_css("border-top-width", "0px")
