"""Rows -> conversations. Each row is recognised by itself, so that one file may mix shapes."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from studio.data.conversation import Conversation
from studio.data.rows import Row, UnreadableRow, Unrecognised
from studio.data.shapes import BY_NAME, SHAPES, Fields, build_pair, folded, text
from studio.data.sources import SPLIT_NAMES

YOUR_COLUMNS = "your columns"
MOST_LISTED = 1_000  # unreadable rows whose text is kept; the numbers of all are
MOST_TAGS, LONGEST_TAG = 20, 100
_SAYS_QUESTION = re.compile(r"quest|frage|prompt|quer|input|request|mail|instruct|ask|wish|problem", re.IGNORECASE)
_SAYS_ANSWER = re.compile(r"answ|antwort|repl|respon|output|complet|ticket|solution|result|target", re.IGNORECASE)
_SAYS_NOTHING = re.compile(
    r"^(?:id|nr|no|number|date|time|url|link|source|author|lang)\b|[_ ]id$|_at$|(?-i:(?<=[a-z])I[dD]$)", re.IGNORECASE
)
_LETTERS = re.compile(r"[^\W\d_]{2}")


@dataclass(frozen=True)
class Mapping:
    """Which columns are what, for a table whose names say nothing. `context` stands before the question."""

    question: str
    answer: str
    system: str = ""
    context: str = ""


@dataclass
class Conversion:
    """Conversations of all rows that can be read, one by one; what else was seen is counted on the way.

    `rows` counts readable and unreadable ones; `shapes` how many rows had which shape. Up to 50 rows of no known
    shape are kept in `unmapped`, for the preview of the mapping form. `shape` reads every row as that one.
    """

    source: Iterable[Row | UnreadableRow]
    mapping: Mapping | None = None
    shape: str = ""
    unreadable: list[UnreadableRow] = field(default_factory=list)
    unreadable_rows: list[int] = field(default_factory=list)
    shapes: Counter[str] = field(default_factory=Counter)
    columns: list[str] = field(default_factory=list)
    unmapped: list[Fields] = field(default_factory=list)
    rows: int = 0

    @cached_property
    def conversations(self) -> list[Conversation]:
        """All of them, held in memory."""
        return list(self)

    def __iter__(self) -> Iterator[Conversation]:
        if "conversations" in vars(self):  # the source can be read once
            yield from self.conversations
            return
        for row in self.source:
            number = self.rows
            self.rows += 1
            if isinstance(row, UnreadableRow):
                self._list(row, number)
                continue
            if any(name not in self.columns for name in row.value) and len(self.columns) < 200:
                self.columns += [name for name in row.value if name not in self.columns]
            try:
                name, conversation, rest, fields = self._convert(row.value)
            except Unrecognised as reason:
                shown = _show(row.value) if len(self.unreadable) < MOST_LISTED else ""
                self._list(UnreadableRow(row.line, str(reason), shown, row.file), number)
                if len(self.unmapped) < 50:
                    self.unmapped.append(row.value)
            else:
                self.shapes[name] += 1
                yield replace(conversation, row=number, split=_split(fields) or row.split, tags=_tags(rest))

    def _list(self, row: UnreadableRow, number: int) -> None:
        self.unreadable_rows.append(number)
        if len(self.unreadable) < MOST_LISTED:
            self.unreadable.append(row)

    def _convert(self, value: Fields) -> tuple[str, Conversation, Fields, Fields]:
        """(shape, conversation, columns that are no part of it, all columns by their folded names)."""
        row = folded(value)
        if self.mapping:
            used = {*vars(self.mapping).values()}
            rest = {name: cell for name, cell in value.items() if name not in used}
            return YOUR_COLUMNS, _mapped(value, self.mapping), rest, row
        for shape in [BY_NAME[self.shape]] if self.shape else SHAPES:
            if shape.matches(row):
                rest = {name: cell for name, cell in row.items() if name not in shape.uses}
                return shape.name, shape.convert(row), rest, row
        columns = ", ".join(map(str, value)) or "(none)"
        reason = f"do not fit {self.shape}" if self.shape else "say nothing of question and answer"
        raise Unrecognised(f"has columns {columns}, which {reason}")


def convert_rows(rows: Iterable[Row | UnreadableRow], mapping: Mapping | None = None, shape: str = "") -> Conversion:
    """All rows at once, for what is small enough to be held."""
    converted = Conversion(rows, mapping, shape)
    converted.conversations  # noqa: B018 (read now, so that what was counted stands)
    return converted


def _mapped(value: Fields, mapping: Mapping) -> Conversation:
    for name in (mapping.question, mapping.answer):
        if name not in value:
            raise Unrecognised(f"has no column {name!r}")
    more = {role: text(value.get(name)) for role, name in (("system", mapping.system), ("context", mapping.context))}
    return build_pair(text(value[mapping.question]), value[mapping.answer], **more)


def _tags(row: Fields) -> dict[str, str]:
    """Short values of columns that are no part of the conversation."""
    if not row:
        return {}
    short = {
        str(name): str(cell)
        for name, cell in row.items()
        if isinstance(cell, str | int | float) and 0 < len(str(cell)) <= LONGEST_TAG and name not in ("split", "row")
    }
    return dict(list(short.items())[:MOST_TAGS])


def _split(row: Fields) -> str:
    return SPLIT_NAMES.get(str(row.get("split", "")).strip().casefold(), "")


@dataclass(frozen=True)
class _Column:
    name: str
    cells: list[str]

    @property
    def length(self) -> float:
        return sum(map(len, self.cells)) / max(1, len(self.cells))

    @property
    def speaks(self) -> bool:
        """Whether most cells hold letters: a table of figures written as text has none."""
        return sum(bool(_LETTERS.search(cell)) for cell in self.cells) * 2 > len(self.cells)

    @property
    def asks(self) -> float:
        """Share of cells that end with a question mark."""
        return sum(cell.rstrip().endswith("?") for cell in self.cells) / max(1, len(self.cells))


def suggest_mapping(rows: list[dict[str, Any]]) -> Mapping | None:
    """Question and answer among the columns of text, by their names where these say so, else by what is in them.

    A passage that is far longer than both becomes the context of the question. Never a system prompt: people choose
    that.
    """
    columns = [
        _Column(name, [row[name] for row in rows if isinstance(row.get(name), str) and row[name].strip()])
        for name in (rows[0] if rows else {})
    ]
    columns = [column for column in columns if len(column.cells) >= max(1, len(rows) // 2)]
    spoken = [column for column in columns if not _SAYS_NOTHING.search(column.name) and column.speaks]
    columns = spoken if len(spoken) >= 2 else columns
    if len(columns) < 2:
        return None
    named = next((column for column in columns if _SAYS_QUESTION.search(column.name)), None)
    question = named or max(columns, key=lambda column: column.asks)
    if not named and question.asks < 0.5:
        question = columns[0]
    rest = [column for column in columns if column is not question]
    passage = max(rest, key=lambda column: column.length)
    others = [column for column in rest if column is not passage]
    is_context = bool(others) and passage.length > 3 * max(300, question.length, *(c.length for c in others))
    candidates = others if is_context else rest
    answer = next((column for column in candidates if _SAYS_ANSWER.search(column.name)), None)
    answer = answer or next((c for c in candidates if columns.index(c) > columns.index(question)), candidates[0])
    return Mapping(question.name, answer.name, "", passage.name if is_context and passage is not answer else "")


def _show(value: Fields) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)[:200]
