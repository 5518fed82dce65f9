"""Answers that teach the wrong thing: too short, too long, or somebody else's voice."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable

from studio.data.audit.finding import Check, Subject, each
from studio.data.conversation import Conversation

AS_AN_AI = re.compile(
    r"\bas an? (?:ai|artificial intelligence|(?:large )?language model)\b"
    r"|\bi(?:'|’)?(?: a)?m (?:just |only )?an ai\b|\bai language model\b"
    r"|\bmy (?:knowledge|training) (?:cutoff|cut-off)\b"
    r"|\b(?:trained|developed|created) by (?:openai|anthropic|google)\b",
    re.IGNORECASE,
)


def speaks_as_an_ai(conversation: Conversation) -> bool:
    return any(AS_AN_AI.search(answer) for answer in conversation.answers)


def find_very_short(subject: Subject) -> Iterable[int]:
    """Far below the data set's own lengths. In a set of short answers (labels, numbers) none is too short."""
    lengths = _lengths(subject)
    if not lengths or statistics.median(lengths.values()) < 40:
        return
    bound = max(3, statistics.median(lengths.values()) / 12)
    yield from (row for row, length in lengths.items() if 0 < length < bound)


def find_very_long(subject: Subject) -> Iterable[int]:
    """More than eight times the median and beyond the upper quartile by six times the quartiles' distance."""
    lengths = _lengths(subject)
    if len(lengths) < 4:
        return
    low, middle, high = statistics.quantiles(lengths.values(), n=4)
    bound = max(8 * middle, high + 6 * (high - low), 200)
    yield from (row for row, length in lengths.items() if length > bound)


def _lengths(subject: Subject) -> dict[int, int]:
    return {c.row: len(c.wanted.strip()) for c in subject.conversations if c.answers}


CHECKS = (
    Check(
        "very_short",
        "{count} answer{s} far shorter than the rest",
        "A few stubs among full answers teach the model to break off.",
        "note",
        find_very_short,
    ),
    Check(
        "very_long",
        "{count} answer{s} far longer than the rest",
        "They take most of the training time, and are often two examples in one.",
        "note",
        find_very_long,
    ),
    Check(
        "identity_leak",
        "{count} answer{s} speaking “as an AI”",
        "The model would learn to speak of itself as somebody else's assistant.",
        "warning",
        each(speaks_as_an_ai),
    ),
)
