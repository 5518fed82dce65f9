"""What a check finds, and what it is given to look at."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import pandas

from studio.data.conversation import Conversation
from studio.data.likeness import Sketches, find_clusters
from studio.data.tokens import Labelled

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in an example: characters `begin` to `end` of a message. `kind` says of what, as EMAIL."""

    message: int
    begin: int
    end: int
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Example:
    """What a check that looks at one example is given. `tokens` is None where the model's template refuses it."""

    conversation: Conversation
    tokens: Labelled | None
    special_marks: re.Pattern[str] | None = None
    end_ids: frozenset[int] = frozenset()  # of the tokens that may end an answer; empty where that is not known


@dataclass(frozen=True)
class Whole:
    """What a check that looks over all examples is given: a row of facts an example, see `facts.COLUMNS`."""

    facts: pandas.DataFrame
    sketches: Sketches

    @cached_property
    def clusters(self) -> list[list[int]]:
        """Examples that are the same or nearly: places in `facts`, the earliest of each cluster first."""
        return find_clusters(self.sketches)

    def rows_at(self, places: Iterable[int]) -> list[int]:
        return [int(row) for row in self.facts["row"].to_numpy()[list(places)]]

    def rows(self, where: pandas.Series[bool]) -> list[int]:
        return [int(row) for row in self.facts.loc[where, "row"]]


@dataclass(frozen=True)
class Check:
    """One of `look` (marks in one example; any mark is an objection) or `find` (rows, of all) does the work.

    `title` is a sentence with {count} and {s}; rows are 0-based, of the file as read.
    """

    id: str
    title: str
    why: str
    severity: Severity
    look: Callable[[Example], Iterable[Mark]] | None = None
    find: Callable[[Whole], Iterable[int]] | None = None


@dataclass(frozen=True)
class Finding:
    """`clusters`: rows of examples that are alike, where that is what was found; `reasons`: those of the model."""

    check: Check
    rows: list[int]
    count: int
    clusters: list[list[int]] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    @property
    def why(self) -> str:
        return " ".join([self.check.why, *self.reasons])

    @property
    def sentence(self) -> str:
        return self.check.title.format(count=f"{self.count:,}", s="" if self.count == 1 else "s")

    def as_dict(self) -> dict[str, object]:
        return {
            "check": self.check.id,
            "severity": self.check.severity,
            "count": self.count,
            "rows": self.rows,
        } | ({"reasons": self.reasons} if self.reasons else {})


def in_answers(pattern: re.Pattern[str], *hints: str) -> Callable[[Example], Iterable[Mark]]:
    """A check that marks what a pattern matches in answers.

    `hints` are in lower case; the pattern matches nothing that holds none of them. To look for them first is fast.
    """

    def look(example: Example) -> Iterable[Mark]:
        for number, message in enumerate(example.conversation.messages):
            if message.role == "assistant":
                lower = message.content.lower()
                if any(hint in lower for hint in hints):
                    for found in pattern.finditer(message.content):
                        yield Mark(number, found.start(), found.end())

    return look


def whole_messages(objects: Callable[[Conversation], Iterable[int]]) -> Callable[[Example], Iterable[Mark]]:
    """A check that objects to messages as a whole, by their numbers."""

    def look(example: Example) -> Iterable[Mark]:
        messages = example.conversation.messages
        for number in objects(example.conversation):
            yield Mark(number, 0, len(messages[number].content) if messages else 0)

    return look
