"""A kept conversation taken along: readable, whole, or a row that Data reads."""

from __future__ import annotations

import errno
import json

import pytest

from studio.compare.kept import Pane, Setup, keep
from studio.compare.kept_files import as_json, as_markdown, as_row, write_kept
from studio.compare.sampling import Sampling
from studio.data.conversation import Message
from studio.data.datasets import read_examples
from studio.errors import RunError, SettingError

ASKED = Message("user", "Where is it?\nAnd since when?")
ATTACK = "![](http://127.0.0.1/x.png) <img src=x>\n# A heading\n```\nends the fence"
PANES = (
    Pane("Before: a*b", (ASKED, Message("assistant", "At home."), Message("user", "Sure?"))),
    Pane("After", (ASKED, Message("assistant", ATTACK))),
    Pane("Nobody"),
)


@pytest.fixture
def run(make_run):
    return make_run("done", name="orders")


@pytest.fixture
def kept(run):
    return keep(run, "1 < 2 *now*", PANES, Setup("Be kind.", Sampling(0.8, 0.9, 7), 128))


def test_markdown_has_a_section_for_each_pane_and_quotes_what_was_said(kept):
    text = as_markdown(kept, "orders")
    assert text.startswith("# 1 \\< 2 \\*now\\*\n\nRun “orders”, kept ")
    assert "temperature 0.8, top-p 0.9, seed 7, at most 128 tokens." in text
    assert "**Instruction**\n\n> Be kind.\n" in text
    assert (
        "## Before: a\\*b\n\n**Question**\n\n> Where is it?  \n> And since when?\n\n**Answer**\n\n> At home.\n" in text
    )
    assert text.endswith("## Nobody\n\nNothing was said here.\n")


def test_what_looks_like_markdown_is_fenced_by_more_marks_than_it_has(kept):
    assert f"````text\n{ATTACK}\n````\n" in as_markdown(kept, "orders")


@pytest.mark.parametrize("said", ["- one", "1. one", "  {", "a | b", "+ x", "===", "a_b_c", "<b>", "\tcode", "$x$"])
def test_lines_that_markdown_would_change_are_fenced(run, said):
    kept = keep(run, "x", [Pane("After", (Message("user", f"Hello\n{said}"),))])
    assert f"```text\nHello\n{said}\n```" in as_markdown(kept, "orders")


def test_json_is_all_of_it(kept):
    known = json.loads(as_json(kept))
    assert known["panes"][1]["messages"][1] == {"role": "assistant", "content": ATTACK}
    assert known["sampling"] == {"temperature": 0.8, "top_p": 0.9, "seed": 7, "same_dice": True}


def test_a_row_ends_with_its_last_answer_and_is_read_by_data(run, kept):
    (example,) = read_examples(write_kept(run, kept.id, "jsonl", 0)).conversations
    assert example.messages == (Message("system", "Be kind."), ASKED, Message("assistant", "At home."))


def test_a_pane_without_an_answer_makes_no_row(run, kept):
    with pytest.raises(RunError, match="“Nobody” has not answered"):
        as_row(kept, 2)
    silent = keep(run, "", [Pane("After", (ASKED, Message("assistant", " ")))])
    with pytest.raises(RunError, match="has not answered"):
        as_row(silent, 0)
    with pytest.raises(SettingError, match="no pane 4"):
        as_row(kept, 3)


def test_they_stand_among_the_exports_under_names_that_the_person_did_not_write(workspace, run, kept):
    paths = [write_kept(run, kept.id, "md"), write_kept(run, kept.id, "json"), write_kept(run, kept.id, "jsonl", 1)]
    start = f"{run.id}-conversation-{kept.id}"
    assert [path.name for path in paths] == [f"{start}.md", f"{start}.json", f"{start}-pane-2.jsonl"]
    assert {path.parent for path in paths} == {workspace.exports}
    with pytest.raises(SettingError, match="no form"):
        write_kept(run, kept.id, "exe")


def test_a_full_disk_is_a_sentence(run, kept, monkeypatch):
    def full(*_given, **_named):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("studio.store.tempfile.mkstemp", full)
    with pytest.raises(RunError, match="could not be written: No space left on device"):
        write_kept(run, kept.id, "md")
