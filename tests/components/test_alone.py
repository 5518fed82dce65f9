"""One damaged file, or a data set that is gone, costs the part of Compare that needs it, and no other."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from html import unescape
from typing import Any, cast

import gradio as gr
import pytest

from components.alone import show_alone
from components.compare_tab import build_compare_tab
from components.frame import Studio, TabView
from components.vote_view import show_vote
from studio.compare.chat import Chat
from studio.place import write_place
from studio.runs import Run
from studio.tasks import is_on
from studio.vote.ballots import begin_or_extend
from studio.vote.votes import read_standing, votes_file
from studio.workspace import Workspace
from tests.browser.compared import Answerer
from tests.studio.reports import ask_worth, make_run, quiz, score, vote

# Where the sentence is to stand, by its elem_id; what is seen of the others is below.
PLACES = {
    "scores.json": ["scores", "others-table"],
    "ballots.json": ["vote"],
    "quiz.json": ["forgot"],
    "worth.json": ["worth"],
    "judge.json": ["judged"],
    "others.json": ["others-table"],
    "score.choice.json": ["choose-state", "worth"],
}
GONE = "There is no data set 'orders'."
SEEN = {"scores": "held-out examples", "forgot": "questions about everything else", "worth": "examples in the prompt"}


@pytest.fixture
def run(workspace: Workspace) -> Run:
    run = make_run(workspace)
    score(run, lambda row, wanted: "Hello!", lambda row, wanted: wanted)
    quiz(run)
    ask_worth(run, base=2, prompt=40, tuned=80)
    vote(run, ["tuned"] * 3)
    write_place(workspace, run=run.id)
    return run


def shown(workspace: Workspace) -> dict[str, str]:
    """What an opening of the tab gives to the parts with a name, as text."""
    with gr.Blocks():
        tab: TabView = build_compare_tab(Studio(workspace, cast(Chat, Answerer())))
    values: dict[Any, Any] = tab.read()
    return {each.elem_id: value for each, value in values.items() if each.elem_id and isinstance(value, str)}


def test_whole_files_leave_nothing_to_say(run: Run, workspace: Workspace) -> None:
    assert not [name for name, text in shown(workspace).items() if "damaged" in text]


@pytest.mark.parametrize("file", PLACES)
def test_a_damaged_file_is_said_where_it_is_needed_and_the_rest_is_seen(
    run: Run, workspace: Workspace, file: str
) -> None:
    path = run.folder / file
    path.write_text(path.read_text()[:-40] if path.exists() else "[{")
    page = shown(workspace)
    for name in PLACES[file]:
        assert f"{file} (in {run.id}) is damaged" in page[name]
    for name, words in SEEN.items():
        assert name in PLACES[file] or words in page[name]
    assert not [name for name, text in page.items() if "damaged" in text and name not in PLACES[file]]


def test_a_damaged_note_of_work_is_that_of_no_work(run: Run, workspace: Workspace) -> None:
    note = run.folder / "score.task.json"
    note.write_text('{"pid": 1, "star')
    assert not is_on(note)
    assert SEEN["scores"] in shown(workspace)["scores"]


def test_after_damaged_ballots_a_new_vote_begins_and_the_votes_before_it_stay_theirs(run: Run) -> None:
    ballots = run.folder / "ballots.json"
    ballots.write_text(ballots.read_text()[:500])
    before = votes_file(run).read_bytes()
    assert "Begin a new vote" in show_vote(run)
    assert begin_or_extend(run).number == 2
    standing = read_standing(run)
    assert standing
    assert standing.votes == {}
    assert votes_file(run).read_bytes() == before
    assert (run.folder / "ballots.json.broken").exists()


def test_without_the_data_set_what_is_there_is_seen_and_one_can_talk(run: Run, workspace: Workspace) -> None:
    before = shown(workspace)
    shutil.rmtree(workspace.datasets / "orders")
    after = shown(workspace)
    for name in (*SEEN, "vote"):
        assert after[name] == before[name]
    assert GONE in unescape(after["compare-state"])
    assert after["system"] == ""


def test_without_the_data_set_a_vote_that_has_not_begun_says_what_is_missing(run: Run, workspace: Workspace) -> None:
    (run.folder / "ballots.json").unlink()
    shutil.rmtree(workspace.datasets / "orders")
    assert GONE in unescape(shown(workspace)["vote"])


def test_a_view_that_fails_in_an_unforeseen_way_shows_nothing_of_the_run_before(caplog) -> None:
    def show(run_id: str | None) -> dict[str, str]:
        return {"page": f"of {run_id}"} if run_id != "b" else {"page": str(1 // 0)}

    showing: Callable[..., Any] = show
    assert show_alone(showing, "a") == {"page": "of a"}
    with pytest.warns(UserWarning, match="by zero"):
        assert show_alone(showing, "b") == {"page": "of None"}
    assert "A handler failed" in caplog.text
