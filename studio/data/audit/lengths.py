"""What the model would not see, because the example is longer than it reads."""

from __future__ import annotations

from collections.abc import Iterable

from studio.data.audit.finding import Check, Subject


def find_cut_answers(subject: Subject) -> Iterable[int]:
    pairs = zip(subject.accepted, subject.labelled, strict=True)
    return (conversation.row for conversation, labelled in pairs if labelled.cut_learned_tokens)


CHECKS = (
    Check(
        "answer_cut_off",
        "{count} answer{s} cut off at the length limit",
        "The model never sees how they end, and learns to stop in the middle.",
        "warning",
        find_cut_answers,
    ),
)
