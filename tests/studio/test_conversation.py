"""What can be asked of an example."""

from __future__ import annotations

from studio.data.conversation import Conversation, Message

TALK = Conversation(
    (
        Message("system", "Be kind."),
        Message("user", "Hi"),
        Message("assistant", "Hello"),
        Message("user", "Time?"),
        Message("assistant", "Noon."),
    ),
    row=3,
)


def test_the_last_answer_is_wanted_and_all_before_it_is_the_prompt():
    assert TALK.wanted == "Noon."
    assert TALK.prompt == TALK.messages[:-1]
    assert TALK.answers == ["Hello", "Noon."]


def test_turns_leave_the_system_prompt_out():
    assert [message.content for message in TALK.turns] == ["Hi", "Hello", "Time?", "Noon."]
    assert TALK.system == "Be kind."


def test_without_an_answer_all_is_prompt_and_nothing_is_wanted():
    asked = Conversation((Message("user", "Hi"),))
    assert asked.prompt == asked.messages
    assert asked.wanted == asked.system == ""


def test_what_follows_the_last_answer_is_no_part_of_the_prompt():
    left = Conversation((*TALK.messages, Message("user", "Thanks")))
    assert left.prompt == TALK.prompt


def test_a_conversation_survives_being_written():
    assert Conversation.from_dicts(TALK.as_dicts(), row=3) == TALK
