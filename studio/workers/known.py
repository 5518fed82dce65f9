"""What was found out already, kept as it comes: work that was broken off goes on where it was."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from studio import store
from studio.store import append_row, read_rows


class Known:
    """Rows of a file; `of` says of which weights and data they are, since others' answers are not these.

    `formerly`: how an older version said the same.
    """

    def __init__(self, path: Path, of: Sequence[str], formerly: Sequence[str] | None = None) -> None:
        self.path = path
        self.of = list(of)
        known = (self.of, self.of if formerly is None else list(formerly))
        self.found: dict[int, dict[str, Any]] = {}
        for row in read_rows(self.path):
            if row.get("of") in known:
                self.found.setdefault(row["place"], {}).update(row["found"])

    def add(self, place: int, found: dict[str, Any]) -> None:
        self.found.setdefault(place, {}).update(found)
        append_row(self.path, {"of": self.of, "place": place, "found": found})

    def lacks(self, name: str, places: Iterable[int]) -> list[int]:
        return [place for place in places if name not in self.found.get(place, {})]


def marks_of(folder: Path) -> list[str]:
    """They change whenever a run that learns on writes other weights."""
    return store.marks_of(sorted(folder.glob("*.safetensors")))
