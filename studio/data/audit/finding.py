"""What a check finds, and what it is given to look at."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from studio.data.conversation import Conversation
from studio.data.tokens import Labelled

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Subject:
    """All conversations of a file, and the tokens of those that the model's template accepts."""

    conversations: list[Conversation]
    unreadable_rows: list[int]
    accepted: list[Conversation]
    labelled: list[Labelled]


@dataclass(frozen=True)
class Check:
    """`find` gives the 0-based rows, as read, that the check objects to."""

    id: str
    title: str
    why: str
    severity: Severity
    find: Callable[[Subject], Iterable[int]]


@dataclass(frozen=True)
class Finding:
    check: Check
    rows: list[int]

    @property
    def sentence(self) -> str:
        return self.check.title.format(count=len(self.rows), s="" if len(self.rows) == 1 else "s")

    def as_dict(self) -> dict[str, object]:
        return {
            "check": self.check.id,
            "severity": self.check.severity,
            "count": len(self.rows),
            "rows": self.rows,
        }


def each(objects: Callable[[Conversation], bool]) -> Callable[[Subject], Iterable[int]]:
    """A check that looks at one conversation at a time."""
    return lambda subject: (c.row for c in subject.conversations if objects(c))
