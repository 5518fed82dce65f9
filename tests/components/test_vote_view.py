"""The page of the blind vote: the same whoever gave which answer, and what models say in it is text."""

from __future__ import annotations

import re
from html import unescape

import pytest

from components.vote_view import show_vote
from studio.data.datasets import save_dataset
from studio.data.formats import convert_rows
from studio.data.read import Row
from studio.runs import Run, open_run
from studio.store import read_json, write_json
from studio.train.recipe import make_recipe, write_recipe
from studio.vote.ballots import begin_or_extend
from studio.vote.votes import cast, read_standing
from studio.workspace import Workspace

ATTACK = "<img src=x onerror=alert(1)></div><script>alert(2)</script>"
MAKERS = re.compile(r"\b(base|tuned|before|after|adapter)\b", re.IGNORECASE)


@pytest.fixture
def run(workspace: Workspace) -> Run:
    rows = [Row(n, {"question": f"{ATTACK} Number {n * 7919}?", "answer": f"{ATTACK} {n}"}) for n in range(40)]
    dataset = save_dataset(workspace, "orders", "orders.jsonl", convert_rows(rows))
    folder = workspace.runs / "2026-11-24-1530-orders"
    write_recipe(folder / "recipe.yaml", make_recipe(data="orders"))
    write_json(folder / "state.json", {"state": "done", "step": 40})
    answers = [
        {"row": each.row, "prompt": each.prompt[-1].content, "wanted": each.wanted, "base": ATTACK, "tuned": "Hello."}
        for each in dataset.conversations("test")
    ]
    write_json(folder / "scores.json", {"examples": len(answers), "answers": answers})
    return open_run(workspace, folder.name)


def vote(run: Run, choice: str) -> None:
    standing = read_standing(run)
    assert standing
    assert standing.next
    assert cast(run, standing.next.mark, choice)


def swap_makers(run: Run) -> None:
    """The same answers on the same sides, of the other model each."""
    kept = read_json(run.folder / "ballots.json")
    other = {"base": "tuned", "tuned": "base"}
    for each in kept["ballots"]:
        each |= {"base": each["tuned"], "tuned": each["base"], "left": other[each["left"]]}
    write_json(run.folder / "ballots.json", kept)


def test_before_a_vote_the_page_is_the_same_whoever_gave_which_answer(run):
    begin_or_extend(run)
    shown = show_vote(run)
    assert "Hello." in shown
    swap_makers(run)
    assert show_vote(run) == shown


def test_before_the_first_vote_no_name_of_a_maker_stands_on_the_page(run):
    begin_or_extend(run)
    ballot = show_vote(run).partition('<div class="standing">')[0]
    assert MAKERS.findall(ballot) == []


def test_what_models_and_people_wrote_is_text(run):
    begin_or_extend(run)
    for _ in range(4):
        shown = show_vote(run)
        assert "<img" not in shown
        assert "<script" not in shown
        assert unescape(shown).count(ATTACK) == 3  # the question, the wanted answer, one of the two
        vote(run, "left")


def test_each_state_says_what_is_to_be_done(run):
    assert "Both have answered 4 held-out questions" in show_vote(run)
    begin_or_extend(run)
    assert "Undo" not in show_vote(run)
    for _ in range(4):
        vote(run, "both bad")
    shown = show_vote(run)
    assert "All 4 questions are voted on." in shown
    assert "No vote has decided yet: 4 tied." in shown
    assert "preference rows" not in shown
    assert "Ask both" not in shown  # none is left
    write_json(run.folder / "state.json", {"state": "done", "step": 80})
    assert "has learned on" in show_vote(open_run(Workspace(run.folder.parent.parent), run.id))
    (run.folder / "ballots.json").unlink()
    (run.folder / "scores.json").unlink()
    assert "First both are asked" in show_vote(run)


def test_at_the_end_it_offers_the_questions_that_were_not_asked_or_not_voted_on(run):
    scores = read_json(run.folder / "scores.json")
    write_json(run.folder / "scores.json", {**scores, "answers": scores["answers"][:1]})
    begin_or_extend(run)
    vote(run, "left")
    assert "Ask both up to 20 more questions" in show_vote(run)
    write_json(run.folder / "scores.json", scores)
    assert "Vote on 3 more" in show_vote(run)


def test_the_page_counts_the_questions_that_both_answer_alike(run):
    scores = read_json(run.folder / "scores.json")
    scores["answers"][0]["tuned"] = ATTACK
    write_json(run.folder / "scores.json", scores)
    begin_or_extend(run)
    assert "To 1 more question both gave the same answer" in show_vote(run)
