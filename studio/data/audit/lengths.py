"""What the model would not see, because the example is longer than it reads; and answers out of all proportion."""

from __future__ import annotations

from collections.abc import Iterable

from studio.data.audit.finding import Check, Whole


def cut(whole: Whole) -> Iterable[int]:
    return whole.rows((whole.facts["cut_tokens"] > 0) & (whole.facts["cut_learned_tokens"] == 0))


def answers_cut(whole: Whole) -> Iterable[int]:
    return whole.rows(whole.facts["cut_learned_tokens"] > 0)


def nothing_learned(whole: Whole) -> Iterable[int]:
    return whole.rows((whole.facts["tokens"] > 0) & (whole.facts["learned_tokens"] == 0))


def very_short(whole: Whole) -> Iterable[int]:
    """Far below the data set's own lengths. In a set of short answers (labels, numbers) none is too short."""
    lengths = whole.facts["answer_length"]
    middle = lengths[lengths > 0].median()
    if not middle >= 40:
        return []
    return whole.rows((lengths > 0) & (lengths < max(3, middle / 12)))


def very_long(whole: Whole) -> Iterable[int]:
    """More than eight times the median and beyond the upper quartile by six times the quartiles' distance."""
    lengths = whole.facts["answer_length"]
    known = lengths[lengths > 0]
    if len(known) < 4:
        return []
    low, middle, high = known.quantile([0.25, 0.5, 0.75])
    return whole.rows(lengths > max(8 * middle, high + 6 * (high - low), 200))


CHECKS = (
    Check(
        "nothing_learned",
        "{count} example{s} with nothing left to learn",
        "The question alone fills what the model reads, so its answer is never seen.",
        "error",
        find=nothing_learned,
    ),
    Check(
        "answer_cut_off",
        "{count} answer{s} cut off at the length limit",
        "The model never sees how they end, and learns to stop in the middle.",
        "warning",
        find=answers_cut,
    ),
    Check(
        "cut_off",
        "{count} example{s} longer than the model reads, after the last answer",
        "What is beyond the limit is not seen.",
        "note",
        find=cut,
    ),
    Check(
        "very_short",
        "{count} answer{s} far shorter than the rest",
        "A few stubs among full answers teach the model to break off.",
        "note",
        find=very_short,
    ),
    Check(
        "very_long",
        "{count} answer{s} far longer than the rest",
        "They take most of the training time, and are often two examples in one.",
        "note",
        find=very_long,
    ),
)
