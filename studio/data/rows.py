"""What a reader gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class Unreadable(Exception):
    """A file that cannot be read as what its ending says; its words are the reason shown."""


@dataclass(frozen=True, slots=True)
class Row:
    """`line` is the 1-based line (for a table: the row, its header being 1) where it stands in its file.

    `file` is named where several were brought; `split` is the side that the file's name tells.
    """

    line: int
    value: dict[str, Any]
    file: str = ""
    split: str = ""


@dataclass(frozen=True, slots=True)
class UnreadableRow:
    """`line` is 0 where the file as a whole is meant."""

    line: int
    reason: str
    text: str = ""
    file: str = ""

    @property
    def sentence(self) -> str:
        where = f"{self.file}, line {self.line}" if self.file else f"Line {self.line}"
        return f"{where if self.line else self.file} {self.reason}."


class Unrecognised(Exception):
    """A row that has no shape of ours; its words are the reason shown."""
