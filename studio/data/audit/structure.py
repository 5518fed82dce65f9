"""Conversations that are broken as conversations."""

from __future__ import annotations

from collections.abc import Iterable

from studio.data.audit.finding import Check, whole_messages
from studio.data.conversation import LEARNED, Conversation


def empty_messages(conversation: Conversation) -> Iterable[int]:
    messages = enumerate(conversation.messages)
    return (n for n, message in messages if not message.content.strip() and not message.tool_calls)


def too_few_turns(conversation: Conversation) -> Iterable[int]:
    return [0] if len(conversation.turns) < 2 and not conversation.is_passage else []


def repeated_roles(conversation: Conversation) -> Iterable[int]:
    before = None
    for number, message in enumerate(conversation.messages):
        if message.role == "system":
            continue
        if message.role == before != "tool":
            yield number
        before = message.role


def after_the_last_answer(conversation: Conversation) -> Iterable[int]:
    messages = conversation.messages
    return [] if messages and messages[-1].role in LEARNED else [max(0, len(messages) - 1)]


CHECKS = (
    Check(
        "empty_message",
        "{count} example{s} with an empty message",
        "An empty answer teaches the model to say nothing.",
        "error",
        whole_messages(empty_messages),
    ),
    Check(
        "too_few_turns",
        "{count} example{s} with fewer than two turns",
        "Learning needs a question and an answer to it.",
        "error",
        whole_messages(too_few_turns),
    ),
    Check(
        "role_order",
        "{count} example{s} where one side speaks twice in a row",
        "Most chat templates expect question and answer by turns, and some refuse anything else.",
        "warning",
        whole_messages(repeated_roles),
    ),
    Check(
        "last_not_assistant",
        "{count} example{s} not ending with an answer",
        "What comes after the last answer is read but never learned.",
        "error",
        whole_messages(after_the_last_answer),
    ),
)
