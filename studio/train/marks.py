"""The moments of a run that are marked on its curve: rows {"step", "mark", "words"} of metrics.jsonl."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TypedDict

# In the order of a legend. A run that went back has never been at its "best", "saved" or "spike" of later steps;
# that it was resumed, lowered or paused there did happen.
UNDONE_BY_A_REWIND = ("best", "saved", "spike")
KINDS = (*UNDONE_BY_A_REWIND, "resumed", "lowered", "paused")
MAX_OF_A_KIND = 200
MAX_WORDS = 100  # characters


class Mark(TypedDict):
    step: int
    mark: str
    words: str


class Marks:
    """What is marked, a kind at a time; the later of two at one step counts."""

    def __init__(self) -> None:
        self._of: dict[str, dict[int, str]] = {kind: {} for kind in KINDS}

    def add(self, step: int, kind: Any, words: Any) -> bool:
        """Returns whether it is a mark."""
        if not isinstance(kind, str) or kind not in self._of:
            return False
        of_kind = self._of[kind]
        of_kind.pop(step, None)
        of_kind[step] = words[:MAX_WORDS] if isinstance(words, str) else ""
        return True

    def rewind(self, step: int) -> None:
        """Forget what the run, back before `step`, will reach anew or never."""
        for kind in UNDONE_BY_A_REWIND:
            self._of[kind] = {at: words for at, words in self._of[kind].items() if at < step}

    def listed(self) -> list[Mark]:
        """Lowest step first; of a kind, at most MAX_OF_A_KIND: evenly many of them all, the newest among them."""
        marks = [Mark(step=at, mark=kind, words=words) for kind in KINDS for at, words in self._thinned(kind)]
        return sorted(marks, key=lambda mark: mark["step"])

    def _thinned(self, kind: str) -> Iterator[tuple[int, str]]:
        rows = sorted(self._of[kind].items())
        every = max(1, -(-len(rows) // MAX_OF_A_KIND))
        yield from rows[::-1][::every]


def weight_of(words: Any) -> int:
    """How many rows of figures a mark takes the place of in an answer: its words may be wide as JSON."""
    return 1 + len(json.dumps(words[:MAX_WORDS] if isinstance(words, str) else "")) // 50
