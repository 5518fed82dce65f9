"""Examples as bubbles: what a data set says is shown, never run."""

from __future__ import annotations

from components.bubbles import show_conversation
from studio.data.conversation import Conversation, Message

ATTACK = '<img src=x onerror="alert(1)"></p><script>alert(2)</script>'


def test_markup_in_data_stays_text():
    shown = show_conversation(Conversation((Message("user", ATTACK), Message("assistant", ATTACK * 100))))
    assert "<img" not in shown
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown


def test_a_cut_within_markup_opens_none():
    for most in range(len(ATTACK)):
        shown = show_conversation(Conversation((Message("user", ATTACK),)), most)
        assert f"… and {len(ATTACK) - most} characters more" in shown
        assert "<img" not in shown
        assert "<script" not in shown


def test_an_empty_message_is_shown_as_one():
    assert "(empty)" in show_conversation(Conversation((Message("assistant", ""),)))
