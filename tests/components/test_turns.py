"""Turns as Gradio hands them back are a conversation."""

from __future__ import annotations

from components.turns import before_question, last_answer, messages_of, plain, turn_of
from studio.data.conversation import Message

PARTS = {"role": "assistant", "content": [{"type": "text", "text": "At "}, {"type": "text", "text": "home."}]}


def test_texts_in_parts_are_joined_and_the_instruction_stands_first():
    said = [turn_of("user", "Where?"), PARTS, turn_of("user", "Since when?")]
    assert messages_of(said, "Be short.") == (
        Message("system", "Be short."),
        Message("user", "Where?"),
        Message("assistant", "At home."),
        Message("user", "Since when?"),
    )
    assert messages_of(said, "  ")[0].role == "user"


def test_the_last_answer_is_empty_until_somebody_answers():
    assert last_answer([turn_of("user", "Where?"), PARTS]) == "At home."
    assert last_answer([turn_of("user", "Where?")]) == ""
    assert last_answer([]) == ""


def test_what_was_said_before_a_question_is_counted_from_the_end():
    said = [turn_of("user", "Where?"), PARTS, turn_of("user", "Since when?"), PARTS]
    assert before_question(said, 1) == said[:2]
    assert before_question(said, 2) == []
    assert before_question(said[2:], 2) == []
    assert before_question([], 1) == []


def test_a_pane_shows_tags_as_text_and_gives_them_back_as_they_were():
    for text in ('<img src="x">', "1 < 2 && 3 > 2", "&lt;b&gt; &amp;amp; &copy", "`<`"):
        turn = turn_of("assistant", text)
        assert "<" not in turn["content"]
        assert last_answer([turn]) == plain(turn["content"]) == text
