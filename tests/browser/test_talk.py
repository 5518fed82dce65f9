"""Talking to both in a real browser; the model is none, what is looked at is the page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from studio.compare.sampling import Sampling
from studio.compare.voices import Voice, keep_chosen
from studio.compare.weigh import weigh
from studio.data.datasets import open_current
from studio.data.read import Row
from studio.runs import Run
from studio.store import read_json, write_json
from studio.vote.ballots import begin_or_extend
from studio.workspace import Workspace
from tests.browser.compared import ATTACK, GREETS, NAMES, Answerer, fill, open_compare, open_view
from tests.browser.pages import wait_until_answered
from tests.browser.readable import SCHEMES, WIDTHS, require_fit, show_at, show_in, violations

TURNS = [
    Row(
        n,
        {
            "messages": [
                {"role": "system", "content": "Be kind."},
                {"role": "user", "content": f"Where is parcel {n * 7919}?"},
                {"role": "assistant", "content": f"At place {n}."},
                {"role": "user", "content": f"Since when has it been at place {n}?"},
                {"role": "assistant", "content": f"Since day {n}."},
            ]
        },
    )
    for n in range(100)
]
VIEWS = ("Talk", "Blind vote", "Scores", "What it forgot", "Judge", "Report")


@pytest.fixture
def run(emptied: Workspace, answerer: Answerer) -> Run:
    """With scores of each answer."""
    answerer.asked.clear()
    run = fill(emptied, rows=TURNS)
    scores = read_json(run.folder / "scores.json")
    answers = [{**row, "base_loss": 2.0, "tuned_loss": 1.0} for row in scores["answers"]]
    write_json(run.folder / "scores.json", {**scores, **weigh([row["wanted"] for row in answers], answers)})
    return run


def test_a_held_out_question_brings_what_was_said_before_it(page: Page, url: str, run: Run, answerer: Answerer):
    open_compare(page, url)
    page.locator("#unseen").click()
    expect(page.locator("#wanted")).to_contain_text("Question 1 of 10. Wanted: Since day")
    for pane in ("#pane-1", "#pane-2"):
        expect(page.locator(f"{pane} .message.bot")).to_contain_text("At place")
    page.locator("#send").click()
    expect(page.locator("#compare-state")).to_contain_text(
        "Both answered, one after the other, in 0.6 s. After was cut off."
    )
    expect(page.locator("#figures")).to_contain_text("After: 21 tokens, the first after 0.1 s, 40 tokens a second")
    (asked,) = answerer.asked
    base, tuned = asked.prompts.values()
    assert [message.role for message in tuned] == ["system", "user", "assistant", "user"]
    assert base == tuned
    assert (asked.most_tokens, asked.sampling, asked.strength) == (256, Sampling(), 1.0)

    page.locator("#unseen").click()
    expect(page.locator("#wanted")).to_contain_text("Question 2 of 10.")
    expect(page.locator("#figures")).to_be_empty()


def test_chance_is_set_by_the_person(page: Page, url: str, run: Run, answerer: Answerer):
    open_compare(page, url)
    page.locator("#how > button").click()
    page.locator("#temperature input[type=number]").fill("0.8")
    page.locator("#seed input").fill("7")
    page.get_by_label("Same dice").uncheck()
    page.locator("#strength input[type=number]").fill("50")
    ask(page, "Hello?", "Both answered")
    assert answerer.asked[0].sampling == Sampling(temperature=0.8, seed=7, same_dice=False)
    assert answerer.asked[0].strength == 0.5


def test_up_to_four_answer_beside_each_other(page: Page, url: str, run: Run, answerer: Answerer):
    for step in (4, 8):
        (run.checkpoints / f"checkpoint-{step}").mkdir(parents=True)
    open_compare(page, url)
    ask(page, "Where is it?", "Both answered")
    choose(page, 4, 8)
    expect(page.locator("#pane-4")).to_contain_text("step 8")
    expect(page.locator("#pane-4")).to_contain_text("New here. It answers from your next question on")
    for pane in ("#pane-1", "#pane-2"):
        expect(page.locator(f"{pane} .message.bot")).to_have_count(1)
    mark(page)
    ask(page, "And since when?", "All 4 answered")
    expect(page.locator("#pane-4 .message.bot")).to_have_count(1)
    expect(page.locator("#pane-1 .message.bot")).to_have_count(2)
    asked = [[said.content for said in prompt if said.role == "user"] for prompt in answerer.asked[-1].prompts.values()]
    assert asked == [["Where is it?", "And since when?"]] * 2 + [["And since when?"]] * 2
    expect(page.locator("#figures")).to_contain_text("Step 8: 21 tokens")
    expect(page.locator("#apart .apart")).to_have_count(3)
    assert [voice.at for voice in answerer.asked[-1].prompts] == ["", "", "4", "8"]
    show_at(page, 390)
    require_fit(page, 390)
    page.reload()
    expect(page.locator("#pane-4")).to_contain_text("step 8")


def test_who_stays_keeps_what_was_said_where_another_goes_and_an_old_question_is_asked_anew(
    page: Page, url: str, run: Run, answerer: Answerer
):
    (run.checkpoints / "checkpoint-4").mkdir(parents=True)
    open_compare(page, url)
    ask(page, "Where is it?", "Both answered")
    page.locator("#who").get_by_role("button", name="Remove").first.click()
    expect(page.locator("#pane-2")).to_be_hidden()
    expect(page.locator("#pane-1")).to_contain_text("adapter “orders”")
    expect(page.locator("#pane-1 .message.bot")).to_contain_text("Mia Chen")
    choose(page, 4)
    expect(page.locator("#pane-2")).to_contain_text("New here.")
    ask(page, "Since when?", "Both answered")
    page.locator("#pane-1 .message.user").last.hover()
    page.locator("#pane-1").get_by_label("Edit", exact=True).last.click()
    page.locator("#pane-1 .message.user textarea").fill("Who has it?")
    page.locator("#pane-1").get_by_label("Submit", exact=True).click()
    expect(page.locator("#pane-2 .message.user")).to_have_text("Who has it?")
    expect(page.locator("#pane-1 .message.user")).to_have_text(["Where is it?", "Who has it?"])
    expect(page.locator("#compare-state")).to_contain_text("Both answered")
    roles = [[said.role for said in prompt] for prompt in answerer.asked[-1].prompts.values()]
    assert roles == [["system", "user", "assistant", "user"], ["system", "user"]]


def ask(page: Page, question: str, answered: str) -> None:
    page.locator("#ask textarea").fill(question)
    page.locator("#send").click()
    wait_until_answered(page)
    expect(page.locator("#compare-state")).to_contain_text(answered)


def choose(page: Page, *steps: int) -> None:
    """More who answer, beside those that are there."""
    for step in steps:
        page.locator("#who input").click()
        page.get_by_role("option", name=re.compile(f"step {step}$")).click()
        wait_until_answered(page)
    page.keyboard.press("Escape")


def mark(page: Page) -> None:
    page.get_by_label("Mark the words that differ").check()
    wait_until_answered(page)


def test_a_conversation_is_kept_and_opened_with_who_answered(page: Page, url: str, run: Run):
    (run.checkpoints / "checkpoint-4").mkdir(parents=True)
    write_json(run.checkpoints / "checkpoint-4" / "adapter_config.json", {})
    keep_chosen(run, [Voice("base", run.id), Voice("checkpoint", run.id, "4"), Voice("run", run.id)])
    open_compare(page, url)
    expect(page.locator("#pane-2")).to_contain_text("step 4")
    ask(page, "Where is it?", "All 3 answered")
    page.locator("#keep > button").click()
    page.locator("#keep-it").click()
    expect(page.locator("#kept-state")).to_contain_text("Kept as “Where is it?”")
    page.locator("#clear").click()
    expect(page.locator("#pane-1 .message")).to_have_count(0)
    page.locator("#who").get_by_role("button", name="Remove").last.click()
    expect(page.locator("#pane-3")).to_be_hidden()
    wait_until_answered(page)
    page.locator("#kept-open").click()
    expect(page.locator("#pane-3 .message.bot")).to_contain_text("Mia Chen")
    expect(page.locator("#pane-2")).to_contain_text("step 4")


def test_a_kept_conversation_is_added_to_the_examples(page: Page, url: str, run: Run, home: Workspace):
    open_compare(page, url)
    ask(page, "May I bring my dog along?", "Both answered")
    page.locator("#keep > button").click()
    page.locator("#keep-it").click()
    expect(page.locator("#kept-state")).to_contain_text("Kept as")
    page.get_by_role("button", name="Add to the examples").click()
    said = page.locator("#kept-link")
    expect(said).to_contain_text("✓ It is example 101 of orders v1 now, to learn from")
    ((added, _),) = open_current(home, "orders").rows([100])
    assert [message.role for message in added.messages] == ["system", "user", "assistant"]
    assert added.wanted == NAMES
    expect(said.locator(".note")).to_be_visible()
    page.get_by_role("button", name="Add to the examples").click()
    expect(said).to_contain_text("✖ orders v1 has it already: it is example 101.")
    for width in WIDTHS:
        show_at(page, width)
        require_fit(page, width)


def test_questions_come_from_a_file(page: Page, url: str, run: Run, tmp_path: Path):
    file = tmp_path / "mine.txt"
    file.write_text("Where is my cat?\nWho has my hat?\n", encoding="utf-8")
    open_compare(page, url)
    with page.expect_file_chooser() as chooser:
        page.locator("#asked-file").click()
    chooser.value.set_files(file)
    expect(page.locator("#asked-words")).to_contain_text("2 questions from mine.txt")
    page.get_by_role("button", name="Take a question of the file").click()
    expect(page.locator("#ask textarea")).to_have_value("Where is my cat?")
    expect(page.locator("#wanted")).to_have_text("Question 1 of 2.")


def test_what_they_say_is_text_wherever_it_stands(page: Page, url: str, run: Run):
    open_compare(page, url)
    mark(page)
    ask(page, ATTACK, "Both answered")
    expect(page.locator("#apart")).to_contain_text("onerror")
    for pane in ("#pane-1", "#pane-2"):
        expect(page.locator(f"{pane} .message.user")).to_contain_text(ATTACK)
        expect(page.locator(f"{pane} .message img")).to_have_count(0)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy the answer of After").click()
    expect(page.get_by_text("Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == NAMES
    open_view(page, "Scores")
    page.get_by_text("Each answer, those first where After lost most").click()
    expect(page.locator("#scores")).to_contain_text("onerror")
    assert page.evaluate("window.attacked") is None


def test_scores_tell_nothing_of_what_is_still_to_be_voted_on(page: Page, url: str, run: Run):
    begin_or_extend(run)
    open_compare(page, url)
    open_view(page, "Scores")
    page.get_by_text("Each answer, those first where After lost most").click()
    expect(page.locator("#scores")).to_contain_text("10 questions are left out until they are voted on")
    expect(page.locator("#scores")).not_to_contain_text(GREETS)
    expect(page.locator("#scores")).not_to_contain_text(NAMES)


def test_every_view_is_labelled_and_readable_and_fits(page: Page, url: str, run: Run):
    open_compare(page, url)
    mark(page)
    ask(page, "Where is it?", "Both answered")
    expect(page.locator("#apart")).to_contain_text("Mia")
    page.locator("#why").click()
    expect(page.locator("#reasons li p").first).to_have_css("display", "block")
    for width in WIDTHS:
        show_at(page, width)
        for name in VIEWS:
            open_view(page, name)
            for scheme in SCHEMES:
                show_in(page, scheme)
                assert violations(page, "#compare-views") == [], f"{name} {width} {scheme}"
                require_fit(page, width)
