"""Examples as bubbles: what a data set says is shown, never run."""

from __future__ import annotations

from components.bubbles import show_conversation
from studio.data.audit.finding import Mark
from studio.data.conversation import ROLES, Conversation, Message, ToolCall

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


def test_a_marked_place_is_shown_though_it_stands_far_down():
    text = "a" * 5000 + "<b>" + "c" * 5000
    shown = show_conversation(Conversation((Message("user", text),)), 600, [Mark(0, 5000, 5003)])
    assert "<mark>&lt;b&gt;</mark>" in shown
    assert "4,880 characters before …" in shown
    assert "characters more" in shown


def test_a_mark_of_another_message_or_beyond_the_cut_marks_nothing():
    words = Conversation((Message("user", "hello"), Message("assistant", "good day " * 9)))
    assert "<mark>hello</mark>" in show_conversation(words, 40, [Mark(0, 0, 5), Mark(1, 60, 70)])
    assert show_conversation(words, 40, [Mark(0, 0, 5), Mark(0, 2, 4)]).count("<mark>") == 1


def test_all_that_an_example_may_hold_is_shown():
    shown = show_conversation(
        Conversation(
            (
                Message("user", "Rome?"),
                Message("assistant", "", tool_calls=(ToolCall("weather", '{"city": "Rome"}'),), learned=False),
                Message("tool", "Sunny"),
                Message("assistant", "Sunny.", reasoning="Look it up."),
            ),
            rejected="Rainy.",
            liked=False,
        )
    )
    for words in ("Answer, only read", "weather({&quot;city&quot;: &quot;Rome&quot;})", "Look it up.", "Found worse"):
        assert words in shown
    assert "Thumb down" in shown
    assert "(empty)" not in shown


def test_every_role_has_a_name_that_people_know():
    for role in ROLES:
        assert "who" in show_conversation(Conversation((Message(role, "words"),)))
