"""Conversations that are broken as conversations."""

from __future__ import annotations

from itertools import pairwise

from studio.data.audit.finding import Check, each
from studio.data.conversation import Conversation


def has_empty_message(conversation: Conversation) -> bool:
    return any(not message.content.strip() for message in conversation.messages)


def has_too_few_turns(conversation: Conversation) -> bool:
    return len(conversation.turns) < 2


def repeats_a_role(conversation: Conversation) -> bool:
    turns = conversation.turns
    return any(one.role == next.role != "tool" for one, next in pairwise(turns))


def ends_without_answer(conversation: Conversation) -> bool:
    return not conversation.messages or conversation.messages[-1].role != "assistant"


CHECKS = (
    Check(
        "empty_message",
        "{count} example{s} with an empty message",
        "An empty answer teaches the model to say nothing.",
        "error",
        each(has_empty_message),
    ),
    Check(
        "too_few_turns",
        "{count} example{s} with fewer than two turns",
        "Learning needs a question and an answer to it.",
        "error",
        each(has_too_few_turns),
    ),
    Check(
        "role_order",
        "{count} example{s} where one side speaks twice in a row",
        "Most chat templates expect question and answer by turns, and some refuse anything else.",
        "warning",
        each(repeats_a_role),
    ),
    Check(
        "last_not_assistant",
        "{count} example{s} not ending with an answer",
        "What comes after the last answer is read but never learned.",
        "error",
        each(ends_without_answer),
    ),
)
