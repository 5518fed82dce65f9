"""A file of examples -> rows. Says which rows could not be read, and goes on with the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from studio.data import json_rows, passages, table_rows
from studio.data.rows import Row, Unreadable, UnreadableRow
from studio.data.sources import EXPECTED, ROWS, SUFFIXES, TEXTS, Meter, Source, find_sources
from studio.data.text import open_text
from studio.errors import DataError

__all__ = ["EXPECTED", "SUFFIXES", "Meter", "Row", "UnreadableRow", "read_file"]

MOST_BROKEN_BEFORE = 10_000  # rows: what begins with so many that cannot be read is no file of examples
FIRST_BYTES = 120


@dataclass(frozen=True)
class PassageLength:
    """How long the passages are that a text is cut into, and how that is counted."""

    most_tokens: int = 512
    count: Callable[[str], int] = lambda text: -(-len(text) // 4)  # about as most tokenizers do it in English


def read_file(
    path: Path, meter: Meter | None = None, passage: PassageLength | None = None
) -> Iterator[Row | UnreadableRow]:
    """Rows of a file, a folder or an archive in their order, of which at least one can be read.

    Read as a stream: what is held is a row, or for JSON that is no list and for Excel the file.
    Raises: DataError if the file as a whole cannot be read; it says what was expected and shows the first bytes.
    """
    sources = find_sources(path, meter or Meter())
    rows = chain.from_iterable(_rows_of(source, passage or PassageLength()) for source in sources)
    before: list[UnreadableRow] = []
    for row in rows:
        if isinstance(row, Row):
            return chain(before, [row], rows)
        before.append(row)
        if len(before) == MOST_BROKEN_BEFORE:
            break
    raise _unreadable(path, before[0].sentence if before else "It holds no rows.")


def _rows_of(source: Source, passage: PassageLength) -> Iterator[Row | UnreadableRow]:
    if not source.inside:
        yield from _read(source, passage)
        return
    if source.reason:
        yield UnreadableRow(0, source.reason, file=source.inside)
        return
    try:
        for row in _read(source, passage):
            if isinstance(row, Row):
                yield replace(row, file=source.inside, split=row.split or source.split)
            else:
                yield replace(row, file=source.inside)
    except DataError as error:  # one file that is damaged does not take the others with it
        yield UnreadableRow(0, f"could not be read to its end: {error.what}", file=source.inside)


def _read(source: Source, passage: PassageLength) -> Iterator[Row | UnreadableRow]:
    suffix = source.suffix
    if suffix not in (*ROWS, *TEXTS):
        raise _unreadable(source.path, f"Its ending {suffix or '(none)'} is not one of {', '.join(SUFFIXES)}.")
    try:
        if suffix == ".xlsx":
            with source.open_seekable() as table:
                yield from table_rows.read_excel(table, source.name)
        elif suffix == ".parquet":
            with source.open_seekable() as table:
                yield from table_rows.read_parquet(table)
        else:
            with source.open() as file, open_text(file) as text:
                if suffix in (".csv", ".tsv"):
                    yield from table_rows.read_csv(text, "\t" if suffix == ".tsv" else "")
                elif suffix == ".json":
                    yield from json_rows.read_json(text)
                elif suffix in TEXTS:
                    yield from passages.read_passages(text, passage.most_tokens, passage.count)
                else:
                    yield from json_rows.read_lines(text)
    except Unreadable as reason:
        raise _unreadable(source.path, str(reason)) from reason


def _unreadable(path: Path, reason: str) -> DataError:
    begins = ""
    if path.is_file():
        with path.open("rb") as file:
            first = file.read(FIRST_BYTES)
        shown = "".join(c if c.isprintable() else "·" for c in first.decode("utf-8", errors="replace"))
        begins = f" It begins with: {shown}"
    return DataError(f"{path.name} could not be read. {reason}{begins}", EXPECTED)
