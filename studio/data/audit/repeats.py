"""The same example again."""

from __future__ import annotations

from collections.abc import Iterable

from studio.data.audit.finding import Check, Subject
from studio.data.splits import fingerprint


def find_duplicates(subject: Subject) -> Iterable[int]:
    """Every example that stood earlier in the file already; the first of each stays unmarked."""
    seen: set[str] = set()
    for conversation in subject.conversations:
        key = fingerprint(conversation)
        if key in seen:
            yield conversation.row
        seen.add(key)


CHECKS = (
    Check(
        "exact_duplicate",
        "{count} example{s} found here twice",
        "What stands twice is learned twice as hard, and by heart.",
        "warning",
        find_duplicates,
    ),
)
