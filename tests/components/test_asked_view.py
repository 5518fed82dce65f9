"""The list of questions, and where they come from."""

from __future__ import annotations

from typing import cast

import pytest

from components.asked_view import FILE, HELD_OUT, list_questions, questions_from
from components.frame import Studio
from studio.compare.asked import FILE as KEPT_AS
from studio.compare.asked import take_asked
from studio.compare.chat import Chat
from studio.data.conversation import Conversation, Message
from studio.errors import DataError


def ask(text):
    return Conversation((Message("user", text), Message("assistant", "")))


def test_questions_are_numbered_cut_and_named_by_their_source():
    listed = list_questions([ask("Where\nis   it?"), ask("x" * 200)])
    assert listed.choices == [("1. Where is it?", 0), (f"2. {'x' * 90}", 1)]
    assert (listed.label, listed.value) == ("Questions it never saw (2)", None)
    assert list_questions([ask("Why?")], FILE).label == "Questions of the file (1)"


def test_a_long_list_says_how_many_there_are():
    listed = list_questions([ask("Why?")] * 1234)
    assert len(listed.choices) == 500
    assert listed.label == "Questions it never saw (the first 500 of 1,234)"


def test_the_source_decides_and_a_file_that_is_gone_is_said(workspace, tmp_path):
    studio = Studio(workspace, cast(Chat, None))
    file = tmp_path / "a.txt"
    file.write_text("Why?\n", encoding="utf-8")
    held_out = [ask("Where?")]
    with pytest.raises(DataError, match="Bring the file again"):
        questions_from(studio, FILE, lambda: held_out)
    take_asked(workspace, file)
    file.unlink()
    assert questions_from(studio, FILE, lambda: held_out) == [ask("Why?")]
    assert questions_from(studio, HELD_OUT, lambda: held_out) == held_out
    (workspace.root / KEPT_AS).unlink()
    with pytest.raises(DataError, match="are gone"):
        questions_from(studio, FILE, lambda: held_out)
