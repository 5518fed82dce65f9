"""What it forgot, in a real browser: a light that is a word too, answers that open by keys, examples mixed in."""

from __future__ import annotations

import json
import re
from typing import Any

import psutil
import pytest
from playwright.sync_api import Page, expect

from studio.data.datasets import open_dataset
from studio.quiz.forget import is_stopped, note_of, state_of
from studio.quiz.form import detect_form
from studio.quiz.reading import read_quiz
from studio.quiz.result import OffTopic, judge
from studio.runs import Run
from studio.store import write_json
from tests.browser.compared import ATTACK, open_compare, tell
from tests.browser.pages import wait_until_answered
from tests.browser.readable import require_readable

QUIZ = read_quiz()
TICKETS = ['{"order": "1"}'] * len(QUIZ.off_topic)
PLAIN = ["It is blue."] * len(QUIZ.off_topic)


def keep_quiz(run: Run, share_after: float, taken_over: bool = False) -> dict[str, Any]:
    """As the worker leaves it: all right before; after, so many of each subject."""

    def answer(place: int, right: bool) -> dict[str, Any]:
        item = QUIZ.items[place]
        if not item.options:
            return {"text": item.answer[0] if right and item.answer else ATTACK}
        return {"scores": [0.0 if (option == item.right) == right else -1.0 for option in item.options]}

    places = range(len(QUIZ.items))
    before = [answer(place, True) for place in places]
    after = [answer(place, place % 10 < 10 * share_after) for place in places]
    beside = OffTopic(detect_form(TICKETS), QUIZ.off_topic, PLAIN, TICKETS if taken_over else [ATTACK] * len(PLAIN))
    found: dict[str, Any] = {"of": state_of(run), **judge(QUIZ, before, after, beside, run.recipe)}
    write_json(run.folder / "quiz.json", found)
    return found


def open_forgot(page: Page, url: str) -> None:
    open_compare(page, url, "What it forgot")


def test_before_it_was_asked_it_says_what_will_be(page, url, run):
    open_forgot(page, url)
    expect(page.locator("#forgot")).to_contain_text("Not asked yet.")
    expect(page.get_by_role("button", name="What did it forget?")).to_be_visible()
    expect(page.locator("#forgot-stop")).to_be_hidden()


@pytest.mark.parametrize(
    ("share", "light", "sign", "word"), [(1.0, "green", "✓", "kept"), (0.5, "red", "✖", "forgotten")]
)
def test_each_light_is_a_sign_and_a_word_too_and_says_what_to_do(page, url, run, share, light, sign, word):
    found = keep_quiz(run, share)
    open_forgot(page, url)
    verdict = page.locator("#forgot .verdict")
    expect(verdict).to_contain_text(f"{sign} {light.capitalize()}. {found['words']}")
    expect(verdict).to_contain_text(found["do"])
    rows = page.locator("#forgot table").first.locator("tbody tr")
    expect(rows).to_have_count(len(QUIZ.subjects) + 1)
    expect(rows.last.locator("td").first).to_have_text(f"{sign} {word}")
    both = re.compile(r"\(between \d+ and \d+\).*\(between \d+ and \d+\)", re.DOTALL)
    expect(rows).to_contain_text([both] * (len(QUIZ.subjects) + 1))
    if light == "red":
        expect(verdict).to_contain_text("10 to 20 % of general examples")


def test_the_answers_open_by_keys_and_stay_text(page, url, run):
    keep_quiz(run, 0.5, taken_over=True)
    open_forgot(page, url)
    folds = page.locator("#forgot details")
    expect(folds).to_have_count(2)
    beside, lost = folds.first, folds.last
    expect(beside.locator("summary")).to_contain_text("10 of 10 answers look like those of your examples")
    expect(lost.locator("summary")).to_contain_text("questions were right before and are wrong now")
    for folded in (beside, lost):
        expect(folded.locator("table")).to_be_hidden()
        folded.locator("summary").focus()
        page.keyboard.press("Enter")
        expect(folded.locator("table")).to_be_visible()
    expect(beside).to_contain_text("Tell me a joke.")
    expect(lost).to_contain_text(ATTACK)
    assert page.evaluate("window.attacked") is None
    expect(page.locator("#forgot img")).to_have_count(0)


def test_general_examples_are_mixed_into_a_new_version(page, url, run, home, tmp_path):
    keep_quiz(run, 0.5)
    before = open_dataset(home, "orders")
    lines = [json.dumps({"question": f"What is {n} and {n}?", "answer": f"It is {2 * n}."}) for n in range(60)]
    file = tmp_path / "general.jsonl"
    file.write_text("\n".join(lines), encoding="utf-8")
    open_forgot(page, url)
    page.get_by_role("button", name="Mix in general examples").click()
    page.get_by_role("button", name="Mix them in").click()
    expect(page.get_by_text("There is no file of general examples yet.")).to_be_visible()
    page.locator("#mix-file input[type=file]").set_input_files(file)
    expect(page.locator("#mix-file .stem")).to_have_text("general")  # until then it is on its way
    page.get_by_role("button", name="Mix them in").click()
    said = page.locator("#mixed")
    expect(said).to_contain_text("✓ orders v1 is made:")
    expect(said).to_contain_text("general examples of general.jsonl mixed in, 15% of what is learned")
    expect(said).to_contain_text("Pick it in Train, and train again.")
    made = open_dataset(home, "orders@v1")
    added = made.counts["train"] - before.counts["train"]
    assert added / made.counts["train"] == pytest.approx(0.15, abs=0.01)
    assert made.counts["test"] == before.counts["test"]
    assert sum(each.wanted.startswith("It is ") for each in made.conversations("train")) == added


def test_stop_ends_the_process_that_asks(page, url, run, sleeper):
    tell(note_of(run), sleeper, "Asking yours", share=0.4, left_s=20.0)
    open_forgot(page, url)
    expect(page.locator("#forgot-state")).to_contain_text("Asking yours, 20 s left")
    page.get_by_role("button", name="What did it forget?").click()  # joins the one that asks
    wait_until_answered(page)  # or else it might begin anew what Stop has ended
    page.locator("#forgot-stop").click()
    expect(page.locator("#forgot-state")).to_contain_text("Stopped. Press “What did it forget?” to ask anew.")
    expect(page.locator("#forgot-stop")).to_be_hidden()
    psutil.Process(sleeper.pid).wait(10)
    assert is_stopped(run)
    expect(page.locator("#forgot")).to_contain_text("Not asked yet.")
    expect(page.get_by_text("That did not work")).to_have_count(0)


def test_it_is_labelled_and_readable_and_fits(page, url, run):
    keep_quiz(run, 0.5, taken_over=True)
    open_forgot(page, url)
    for summary in page.locator("#forgot summary").all():
        summary.click()
    page.get_by_role("button", name="Mix in general examples").click()
    require_readable(page, "#forgot", "#mix", "#ask-forgot")
