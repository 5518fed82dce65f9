"""The Compare tab while other things happen: runs come and go, work goes on, and what was typed stays. No model."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from studio.compare.chosen import keep_choice, read_choice, read_typed, weigh_run
from studio.compare.proof import note_of as note_of_scores
from studio.compare.proof import read_scores
from studio.compare.worth_job import job_of_run
from studio.quiz.forget import note_of as note_of_quiz
from studio.runs import Run, open_run
from studio.scores.choice import Choice, Typed, make_choice
from studio.store import read_json, write_json
from studio.train.recipe import make_recipe, write_recipe
from studio.workspace import Workspace
from tests.browser.compared import arrive, open_compare, open_view, pick_run, tell
from tests.browser.pages import wait_for_a_look, wait_until_answered

SECOND = "2026-11-25-0900-letters"


def train_another(home: Workspace) -> Run:
    """As one that ends at this moment: what it learned is there, and then its state."""
    folder = home.runs / SECOND
    write_recipe(folder / "recipe.yaml", make_recipe(data="orders", name="letters"))
    write_json(folder / "adapter" / "adapter_config.json", {})
    write_json(folder / "state.json", {"state": "done", "updated_s": 0, "step": 8})
    return open_run(home, SECOND)


def test_a_run_that_ends_meanwhile_is_listed_and_nothing_picked_or_typed_is_lost(page: Page, url: str, run: Run, home):
    open_compare(page, url)
    page.locator("#ask textarea").fill("Half a que")
    page.locator("#who").get_by_role("button", name="Remove").first.click()
    expect(page.locator("#pane-2")).to_be_hidden()
    train_another(home)
    wait_for_a_look(page)
    expect(page.locator("#compare-run input")).to_have_value(re.compile("orders"))
    expect(page.locator("#ask textarea")).to_have_value("Half a que")
    expect(page.locator("#pane-1")).to_contain_text("After")
    page.locator("#who input").click()
    expect(page.get_by_role("option", name=re.compile("adapter “letters”, step 8"))).to_have_count(1)
    expect(page.locator("#who .token")).to_have_count(1)
    page.keyboard.press("Escape")
    pick_run(page, "letters")
    expect(page.locator("#pane-2")).to_contain_text("adapter “letters”, step 8")


def test_on_a_phone_the_arrow_of_a_list_leaves_what_is_picked_readable(page: Page, url: str, run: Run):
    open_compare(page, url)
    page.set_viewport_size({"width": 390, "height": 844})
    room = """field => {
      const arrow = field.parentElement.querySelector(".icon-wrap").getBoundingClientRect();
      return arrow.left - (field.getBoundingClientRect().right - parseFloat(getComputedStyle(field).paddingRight));
    }"""
    assert page.locator("#compare-run input").evaluate(room) >= 0


def test_who_filters_the_list_of_runs_while_one_ends_goes_on_typing(page: Page, url: str, run: Run, home):
    open_compare(page, url)
    field = page.locator("#compare-run input")
    field.click()
    field.fill("lett")
    train_another(home)
    expect(page.get_by_role("option", name=re.compile("letters, done"))).to_be_visible()
    expect(field).to_have_value("lett")


def test_the_first_run_is_picked_when_it_ends(page: Page, url: str, run: Run, tmp_path: Path):
    folder = tmp_path / "aside"
    shutil.move(run.folder, folder)
    page.goto(url)
    expect(page.locator("#compare-state")).to_contain_text("There is no trained run yet")
    shutil.move(folder, run.folder)
    expect(page.locator("#compare-run input")).to_have_value(re.compile("orders"))
    expect(page.locator("#pane-2")).to_contain_text("adapter “orders”")
    expect(page.locator("#send")).to_be_enabled()


def test_a_run_that_is_deleted_gives_way_to_another(page: Page, url: str, run: Run, home):
    other = train_another(home)
    open_compare(page, url, title="letters")
    shutil.rmtree(other.folder)
    expect(page.locator("#compare-run input")).to_have_value(re.compile("orders"))
    expect(page.locator("#pane-2")).to_contain_text("adapter “orders”")


@pytest.mark.parametrize(
    ("view", "name", "note_of"),
    [
        ("What it forgot", "forgot", note_of_quiz),
        ("Scores", "measure", note_of_scores),
        ("Worth it?", "worth", lambda run: job_of_run(run).note),
    ],
)
def test_how_far_work_is_stands_over_its_own_run_alone(
    page: Page, url: str, run: Run, home, sleeper, view, name, note_of
):
    train_another(home)
    stop = page.locator({"worth": "#stop-worth"}.get(name, f"#{name}-stop"))
    ask = page.locator({"measure": "#measure"}.get(name, f"#ask-{name}"))
    state = page.locator(f"#{name}-state")
    tell(note_of(run), sleeper, "Asking orders")
    open_compare(page, url, view, title="letters")
    pick_run(page, "orders")
    expect(state).to_contain_text("Asking orders")
    ask.click()  # joins the one that asks
    wait_until_answered(page)
    tell(note_of(run), sleeper, "Still asking orders")
    expect(state).to_contain_text("Still asking orders")
    expect(state.get_by_text("Still asking orders")).to_be_visible()
    pick_run(page, "letters")
    expect(state).to_be_empty()
    tell(note_of(run), sleeper, "Asking orders on")
    wait_for_a_look(page)
    expect(state).to_be_empty()
    expect(stop).to_be_hidden()
    ask.click()
    expect(page.get_by_text("“orders” is being measured or asked, and it has the memory.")).to_be_visible()
    expect(state).to_be_empty()
    page.get_by_role("button", name=re.compile("close|dismiss", re.IGNORECASE)).first.click()
    pick_run(page, "orders")
    expect(state).to_contain_text("Asking orders on")
    expect(stop).to_be_visible()
    stop.click()
    expect(state).to_contain_text("Stopped.")
    expect(stop).to_be_hidden()
    pick_run(page, "letters")
    expect(state).to_be_empty()


def test_its_end_is_seen_without_a_press_and_a_failure_is_told_over_its_run(page: Page, url: str, run: Run, sleeper):
    note = note_of_scores(run)
    tell(note, sleeper, "Asking both")
    open_compare(page, url, "Scores")
    expect(page.locator("#measure-state")).to_contain_text("Asking both")
    page.get_by_role("button", name="Measure something else").click()
    pattern = page.get_by_label("A pattern that an answer must match")
    pattern.fill("^At place")
    scores = read_json(run.folder / "scores.json")
    write_json(run.folder / "scores.json", {**scores, "examples": 7})
    write_json(note, {"result": {}})
    expect(page.locator("#scores")).to_contain_text("7 held-out examples")
    expect(page.locator("#measure-state")).to_be_empty()
    expect(pattern).to_have_value("^At place")
    tell(note, sleeper, "Asking both")
    expect(page.locator("#measure-state")).to_contain_text("Asking both")
    write_json(note, {"error": {"what": "The memory was too small.", "do": "Take a smaller model."}})
    expect(page.locator("#measure-state")).to_contain_text("✖ The memory was too small. Take a smaller model.")
    expect(page.locator("#measure-stop")).to_be_hidden()


def test_what_was_typed_and_not_applied_is_there_still_with_its_run_alone(page: Page, url: str, run: Run, home):
    train_another(home)
    open_compare(page, url, "Scores", title="letters")
    pick_run(page, "orders")
    page.get_by_role("button", name="Measure something else").click()
    pattern, labels = page.get_by_label("A pattern that an answer must match"), page.get_by_label("The labels, one")
    pattern.fill("(half a pat")
    labels.fill("up\ndo")
    page.get_by_label("As text", exact=True).check()
    page.get_by_label("A JSON schema").fill("{")  # as what is pasted
    page.get_by_label("A JSON schema").blur()
    wait_until_answered(page)
    assert read_typed(run) == Typed(pattern="(half a pat", labels="up\ndo", read_as="text", schema="{")
    pick_run(page, "letters")
    expect(pattern).to_have_value("")
    expect(page.locator("#choose-state")).to_be_empty()
    pick_run(page, "orders")
    expect(pattern).to_have_value("(half a pat")
    page.reload()
    arrive(page)
    open_view(page, "Scores")
    page.get_by_role("button", name="Measure something else").click()
    expect(pattern).to_have_value("(half a pat")
    expect(labels).to_have_value("up\ndo")
    expect(page.get_by_label("A JSON schema")).to_have_value("{")
    expect(page.get_by_label("As text", exact=True)).to_be_checked()
    expect(page.locator("#choose-state")).to_contain_text("not used yet. “Measure by this” uses it.")
    assert read_choice(run) == Choice()
    page.get_by_role("button", name="Let the data decide").click()
    expect(pattern).to_have_value("")
    assert read_typed(run) is None


def measure(run: Run, choice: Choice) -> None:
    """As another window does, or the command line."""
    rows = (read_scores(run) or {})["answers"]
    keep_choice(run, choice)
    write_json(run.folder / "scores.json", weigh_run(run, rows, choice))


def test_what_was_measured_elsewhere_is_shown_without_a_press(page: Page, url: str, run: Run):
    measure(run, Choice())
    open_compare(page, url, "Scores")
    scores = page.locator("#scores")
    expect(scores).to_contain_text("Each answer, those first where After lost most")
    measure(run, make_choice("length_match"))
    expect(scores).to_contain_text("“as long as wanted” was chosen by hand to decide")


def test_once_a_vote_begins_no_view_tells_any_more_whose_answer_is_whose(page: Page, url: str, run: Run):
    measure(run, Choice())
    open_compare(page, url, "Scores")
    scores = page.locator("#scores")
    expect(scores).to_contain_text("Each answer, those first where After lost most")
    assert "Mia Chen" in scores.inner_html()
    open_view(page, "Blind vote")
    page.get_by_role("button", name="Begin the vote").click()
    expect(page.locator("#vote")).to_contain_text("Question 1 of")
    assert "Mia Chen" not in scores.inner_html(), "in the moment in which the first question is there"
