"""What is said of a conversation that was kept, and that its text stays text."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from components.kept_taken import show_link
from components.kept_view import cut, title_of, turns_of, words_of_opening
from components.run_views import words_of_loss
from components.turns import messages_of
from studio.compare.kept import Broken, Kept, Pane, keep, list_kept, remove
from studio.compare.kept_files import FORMS
from studio.data.conversation import Message
from studio.runs import open_run
from studio.store import write_json
from studio.train.recipe import make_recipe, write_recipe

ATTACK = '<img src=x onerror="alert(1)">'
SAID = (Message("user", f"Where? {ATTACK}"), Message("assistant", "1 < 2 &amp; &lt;b&gt;"))
KEPT = Kept(
    "1", "the parcel", "2026-11-24T15:30:00+00:00", (Pane("Before", SAID), Pane("After", SAID), Pane("Step 100"))
)


@pytest.fixture
def run(workspace):
    folder = workspace.runs / "2026-11-24-1530-orders"
    write_recipe(folder / "recipe.yaml", make_recipe(data="orders", name="orders"))
    write_json(folder / "state.json", {"state": "done"})
    return open_run(workspace, folder.name)


def test_turns_come_back_from_a_pane_as_they_were_kept():
    turns = turns_of(KEPT.panes[0])
    assert not any("<" in turn["content"] for turn in turns)
    assert messages_of(turns, "") == SAID
    assert turns_of(KEPT.panes[2]) == []


def test_the_list_tells_names_apart_by_their_moment_and_says_what_is_broken():
    when = datetime.fromisoformat(KEPT.at).astimezone()
    assert title_of(KEPT) == f"the parcel, {when:%d %b %Y %H:%M}"
    assert title_of(Broken("20260101", "it is damaged")) == "20260101 (cannot be read)"
    assert cut("x" * 61) == f"{'x' * 60} …"


def test_opened_where_the_same_answer_it_says_nothing_of_who():
    words = words_of_opening(KEPT, ["Before", "After", "Step 100"], 3)
    assert words.startswith("“the parcel” is open, as it was kept on 2")
    assert "It was said by" not in words


def test_opened_where_others_answer_it_says_who_said_it_and_what_is_not_seen():
    words = words_of_opening(KEPT, ["Before", "After, step 40"], 2)
    assert "It was said by: 1. Before; 2. After; 3. Step 100." in words
    assert "The first 2 of its 3 panes are seen" in words
    assert "It was said by" in words_of_opening(KEPT, ["After", "Before", "Step 100"], 3)


def test_a_link_is_text_and_an_address_whatever_the_folder_is_called():
    link = show_link(Path('/tmp/"><script>/a b.md'), "md")
    assert "<script" not in link
    assert 'href="/gradio_api/file=/tmp/%22%3E%3Cscript%3E/a%20b.md"' in link
    for form in FORMS:
        assert "</a> holds " in show_link(Path("a"), form)


def test_deleting_a_run_says_that_its_conversations_go_too(run):
    assert "kept" not in words_of_loss(run, 0)
    keep(run, "one", KEPT.panes)
    assert "its recipe, its 1 kept conversation and its notes" in words_of_loss(run, 0)
    keep(run, "two", KEPT.panes)
    assert "its 2 kept conversations" in words_of_loss(run, 0)
    remove(run, list_kept(run)[0].id)
    assert "its 1 kept conversation " in words_of_loss(run, 0)
