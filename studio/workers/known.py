"""What was found out already, kept as it comes: work that was broken off goes on where it was."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from studio.store import append_row, read_rows


class Known:
    """Rows of a file; `of` says of which weights and data they are, since others' answers are not these."""

    def __init__(self, path: Path, of: Sequence[str]) -> None:
        self.path = path
        self.of = list(of)
        self.found: dict[int, dict[str, Any]] = {}
        for row in read_rows(self.path):
            if row.get("of") == self.of:
                self.found.setdefault(row["place"], {}).update(row["found"])

    def add(self, place: int, found: dict[str, Any]) -> None:
        self.found.setdefault(place, {}).update(found)
        append_row(self.path, {"of": self.of, "place": place, "found": found})

    def lacks(self, name: str, count: int) -> list[int]:
        return [place for place in range(count) if name not in self.found.get(place, {})]


def marks_of(folder: Path) -> list[str]:
    """They change whenever a run that learns on writes its weights anew."""
    files = [file.stat() for file in sorted(folder.glob("*.safetensors"))]
    return [f"{stat.st_size} {stat.st_mtime_ns}" for stat in files]
