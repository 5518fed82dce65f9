"""CSV, Excel and Parquet -> rows."""

from __future__ import annotations

import csv
import math
import zipfile
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from typing import IO, Any, TextIO

import pandas
import pyarrow
import pyarrow.parquet

from studio.data.rows import Row, Unreadable, UnreadableRow
from studio.data.sources import LARGEST_TABLE_BYTES
from studio.data.text import read_line

ROWS_AT_ONCE = 1_000
csv.field_size_limit(2_000_000)


class _Lines:
    """Lines that can be given back: those of a row that turned out to be none."""

    def __init__(self, text: TextIO) -> None:
        self.taken: list[str] = []
        self.number = 0
        self._text = text
        self._back: deque[str] = deque()

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._back.popleft() if self._back else read_line(self._text)[0]
        if not line:
            raise StopIteration
        self.taken.append(line)
        self.number += 1
        return line

    def begin(self) -> int:
        """The number of the line that comes next, with which a row begins."""
        self.taken.clear()
        return self.number + 1

    def give_back(self) -> None:
        """All lines but the first of those taken since the row began."""
        self._back.extendleft(reversed(self.taken[1:]))
        self.number -= len(self.taken) - 1


def read_csv(text: TextIO, delimiter: str) -> Iterator[Row | UnreadableRow]:
    lines = _Lines(text)
    head = next((line for line in lines if line.strip()), "")
    if "\0" in head:
        raise Unreadable("It holds bytes that are no text.")
    lines.taken[:] = ["", head]
    lines.give_back()
    # Strict: a quote that is never closed is said, instead of taking the rest of the file into one cell.
    reader = csv.reader(lines, delimiter=delimiter or _detect_delimiter(head), strict=True)
    try:
        header = list(_distinct(next(cells for cells in reader if any(cell.strip() for cell in cells))))
    except (StopIteration, csv.Error):
        raise Unreadable("A header row of column names was expected.") from None
    while True:
        line = lines.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield UnreadableRow(line, f"is not a table row: {error}", lines.taken[0][:200].rstrip())
            lines.give_back()
            continue
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            reason = f"has {len(cells)} columns where the header has {len(header)}"
            yield UnreadableRow(line, reason, ",".join(cells)[:200])
        elif any("\0" in cell for cell in cells):
            yield UnreadableRow(line, "holds bytes that are no text", ",".join(cells)[:200])
        else:
            yield Row(line, dict(zip(header, cells, strict=True)))


def _distinct(names: Sequence[str]) -> Iterator[str]:
    """The second column of one name gets a number, as pandas does it for Excel."""
    seen: Counter[str] = Counter()
    for name in map(str.strip, names):
        yield f"{name}.{seen[name]}" if seen[name] else name
        seen[name] += 1


def _detect_delimiter(first_line: str) -> str:
    """The one of , ; tab | that stands most often outside quotes."""
    outside = "".join(first_line.split('"')[::2])
    return max(",;\t|", key=outside.count)


def read_excel(file: IO[bytes], name: str) -> Iterator[Row | UnreadableRow]:
    try:
        with zipfile.ZipFile(file) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > LARGEST_TABLE_BYTES:
                raise Unreadable(f"It unpacks to more than {LARGEST_TABLE_BYTES / 1e6:.0f} MB; save the sheet as CSV.")
        file.seek(0)
        table = pandas.read_excel(file, dtype=object, keep_default_na=False)  # N/A may be an answer
    except Unreadable:
        raise
    except Exception as error:  # each engine has its own exceptions for a damaged file
        raise Unreadable(f"The Excel reader says: {str(error)[:200]}.") from error
    names = [str(name).strip() for name in table.columns]
    for number, cells in enumerate(table.itertuples(index=False, name=None), start=2):
        yield from _as_row(number, dict(zip(names, cells, strict=True)))


def read_parquet(file: IO[bytes]) -> Iterator[Row | UnreadableRow]:
    number = 1
    try:
        table = pyarrow.parquet.ParquetFile(file)
        for batch in table.iter_batches(ROWS_AT_ONCE):
            for value in batch.to_pylist():
                number += 1
                yield from _as_row(number, {str(name).strip(): cell for name, cell in value.items()})
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        if number > 1:
            yield UnreadableRow(number + 1, f"and what follows could not be read: {str(error)[:200]}")
        else:
            raise Unreadable(f"The Parquet reader says: {str(error)[:200]}.") from error


def _as_row(number: int, value: dict[str, Any]) -> Iterator[Row]:
    value = {name: _plain(cell) for name, cell in value.items()}
    if any(item not in (None, "") for item in value.values()):
        yield Row(number, value)


def _plain(cell: Any) -> Any:
    """Cells as JSON would have them: missing values None, dates and the like as text."""
    if isinstance(cell, list):
        return [_plain(item) for item in cell]
    if isinstance(cell, dict):
        return {str(key): _plain(item) for key, item in cell.items()}
    if cell is None or cell is pandas.NaT or (isinstance(cell, float) and math.isnan(cell)):
        return None
    return cell if isinstance(cell, str | int | float) else str(cell)
