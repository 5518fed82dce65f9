"""A file of examples -> rows. Says which rows could not be read, and goes on with the rest."""

from __future__ import annotations

import codecs
import csv
import io
import json
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import pandas

from studio.errors import DataError

SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".xlsx", ".parquet")
EXPECTED = "Tunesmith reads JSONL, JSON, CSV, TSV, Excel (.xlsx) and Parquet."
LARGEST_FILE_BYTES = 2_000_000_000
LARGEST_UNPACKED_BYTES = 500_000_000
DEEPEST = 100
csv.field_size_limit(10_000_000)


@dataclass(frozen=True, slots=True)
class Row:
    """`line` is the 1-based line (for a table: the row, its header being 1) where it stands in the file."""

    line: int
    value: dict[str, Any]


@dataclass(frozen=True, slots=True)
class UnreadableRow:
    line: int
    reason: str
    text: str = ""


def read_file(path: Path) -> Iterator[Row | UnreadableRow]:
    """Rows of a file in its order, of which at least one can be read.

    Raises: DataError if the file as a whole cannot be read; it says what was expected and shows the first bytes.
    """
    rows = _read_rows(path)
    before: list[UnreadableRow] = []
    for row in rows:
        if isinstance(row, Row):
            return chain(before, [row], rows)
        before.append(row)
    raise unreadable(path, f"Line {before[0].line} {before[0].reason}." if before else "It holds no rows.")


def _read_rows(path: Path) -> Iterator[Row | UnreadableRow]:
    if not path.is_file():
        raise DataError(f"There is no file {path}.", "Check the path, or drop the file on the page.")
    if path.stat().st_size > LARGEST_FILE_BYTES:
        raise DataError(
            f"{path.name} is larger than {LARGEST_FILE_BYTES / 1e9:.0f} GB.",
            "Split it, or take a part of it.",
        )
    if path.stat().st_size == 0:
        raise DataError(f"{path.name} is empty.", f"Bring a file with at least one example. {EXPECTED}")
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise unreadable(path, f"Its ending {suffix or '(none)'} is not one of {', '.join(SUFFIXES)}.")
    if suffix in (".xlsx", ".parquet"):
        return _read_table(path, suffix)
    text = decode(path)
    if suffix in (".csv", ".tsv"):
        return _read_csv(path, text)
    if suffix == ".json":
        return _read_json(path, text)
    return _read_lines(text)


def unreadable(path: Path, reason: str) -> DataError:
    with path.open("rb") as file:
        first = file.read(120)
    shown = "".join(c if c.isprintable() else "·" for c in first.decode("utf-8", errors="replace"))
    return DataError(f"{path.name} could not be read. {reason} It begins with: {shown}", EXPECTED)


def decode(path: Path) -> str:
    """Text of a file in UTF-8, UTF-8 with mark, UTF-16 or Windows-1252, whichever it is."""
    data = path.read_bytes()
    encoding = detect_encoding(data)
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        raise unreadable(path, f"It looked like {encoding} text but breaks off or is damaged.") from None


def detect_encoding(data: bytes) -> str:
    if data.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    head = data[:4000]
    if head.count(0) > len(head) // 4:  # Latin letters in UTF-16 have a zero for every other byte
        return "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"
    try:
        data.decode("utf-8")
        return "utf-8"
    except UnicodeDecodeError:
        # Five bytes have no meaning in Windows-1252; Latin-1 gives them one, so nothing is lost.
        return "latin-1" if any(byte in data for byte in b"\x81\x8d\x8f\x90\x9d") else "windows-1252"


def parse_json(text: str) -> Any:
    """A value that can be written again. Raises: JSONDecodeError, also for what is too deep or too long to hold."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        raise
    except RecursionError:
        raise json.JSONDecodeError("nested too deeply", text, 0) from None
    except ValueError:  # Python's limit of digits
        raise json.JSONDecodeError("a number with thousands of digits", text, 0) from None
    if text.count("[") + text.count("{") > DEEPEST and _is_deep(value):
        raise json.JSONDecodeError("nested too deeply", text, 0)
    if "\\ud" in text.lower():  # a text that was cut within an emoji ends in half a character, which no file can hold
        halves = json.dumps(value, ensure_ascii=False).encode("utf-16-le", "surrogatepass")
        value = json.loads(halves.decode("utf-16-le", "replace"))
    return value


def _is_deep(value: Any) -> bool:
    layer = [value]
    for _ in range(DEEPEST):
        layer = [
            child
            for item in layer
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
        ]
    return bool(layer)


def _parse_object(line: int, text: str) -> Row | UnreadableRow:
    try:
        value = parse_json(text)
    except json.JSONDecodeError as error:
        return UnreadableRow(line, f"is not JSON: {error.msg} at character {error.pos + 1}", text[:200])
    return _as_row(line, value)


def _as_row(line: int, value: Any) -> Row | UnreadableRow:
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        value = {"messages": value}  # a bare list of messages is an example too
    if not isinstance(value, dict):
        return UnreadableRow(line, "is not an object in braces", str(value)[:200])
    return Row(line, value)


def _read_lines(text: str) -> Iterator[Row | UnreadableRow]:
    for number, line in enumerate(io.StringIO(text, newline="\n"), start=1):
        if line.strip():
            yield _parse_object(number, line.rstrip())


def _read_json(path: Path, text: str) -> Iterator[Row | UnreadableRow]:
    try:
        value = parse_json(text)
    except json.JSONDecodeError as error:
        first = next((line for line in text.splitlines() if line.strip()), "")
        if isinstance(_parse_object(1, first), Row):
            return _read_lines(text)  # JSONL that was named .json
        raise unreadable(path, f"It is not JSON: {error.msg} in line {error.lineno}.") from None
    if isinstance(value, dict):
        lists = [item for item in value.values() if isinstance(item, list) and item and isinstance(item[0], dict)]
        is_example = any(key in value for key in ("messages", "conversations"))
        if columns := _columns(value):
            value = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
        else:
            value = [value] if is_example or not lists else [row for rows in lists for row in rows]
    if not isinstance(value, list):
        raise unreadable(path, "A list of examples was expected.")
    # A list has no lines worth naming: its entries are counted from 1.
    return (_as_row(number, item) for number, item in enumerate(value, start=1))


def _columns(value: dict[str, Any]) -> dict[str, list[Any]]:
    """{"question": [...], "answer": [...]} of equal length, as pandas and datasets write tables; else nothing."""
    columns = {
        name: list(item.values()) if isinstance(item, dict) and all(key.isdigit() for key in item) else item
        for name, item in value.items()
    }
    lists = [cells for cells in columns.values() if isinstance(cells, list)]
    is_table = len(lists) == len(columns) > 1 and len({len(cells) for cells in lists}) == 1
    return columns if is_table and not any(isinstance(cell, dict) for cells in lists for cell in cells) else {}


def _read_csv(path: Path, text: str) -> Iterator[Row | UnreadableRow]:
    delimiter = "\t" if path.suffix.lower() == ".tsv" else _detect_delimiter(text)
    # Strict: a quote that is never closed is said, instead of taking the rest of the file into one cell.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = list(_distinct(next(cells for cells in reader if any(cell.strip() for cell in cells))))
    except (StopIteration, csv.Error) as error:
        raise unreadable(path, "A header row of column names was expected.") from error
    if "\0" in text:
        raise unreadable(path, "It holds bytes that are no text.")
    return _csv_rows(reader, header)


def _distinct(names: list[str]) -> Iterator[str]:
    """The second column of one name gets a number, as pandas does it for Excel."""
    seen: Counter[str] = Counter()
    for name in map(str.strip, names):
        yield f"{name}.{seen[name]}" if seen[name] else name
        seen[name] += 1


def _csv_rows(reader: Any, header: list[str]) -> Iterator[Row | UnreadableRow]:
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield UnreadableRow(line, f"is not a table row: {error}")
            continue
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            yield UnreadableRow(
                line, f"has {len(cells)} columns where the header has {len(header)}", ",".join(cells)[:200]
            )
        else:
            yield Row(line, dict(zip(header, cells, strict=True)))


def _detect_delimiter(text: str) -> str:
    """The one of , ; tab | that stands most often in the first line outside quotes."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    outside = "".join(first.split('"')[::2])
    return max(",;\t|", key=outside.count)


def _read_table(path: Path, suffix: str) -> Iterator[Row | UnreadableRow]:
    try:
        if suffix == ".parquet":
            table = pandas.read_parquet(path)
        else:
            _refuse_bomb(path)
            table = pandas.read_excel(path, dtype=object, keep_default_na=False)  # N/A may be an answer
    except DataError:
        raise
    except Exception as error:  # each engine has its own exceptions for a damaged file
        raise unreadable(path, f"The {suffix[1:]} reader says: {str(error)[:200]}.") from error
    names = [str(name).strip() for name in table.columns]
    return _table_rows(table, names)


def _refuse_bomb(path: Path) -> None:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > LARGEST_UNPACKED_BYTES:
                raise DataError(f"{path.name} unpacks to more than 500 MB.", "Save the sheet as CSV and bring that.")


def _table_rows(table: pandas.DataFrame, names: list[str]) -> Iterator[Row | UnreadableRow]:
    for number, cells in enumerate(table.itertuples(index=False, name=None), start=2):
        value = {name: _plain(cell) for name, cell in zip(names, cells, strict=True)}
        if any(item not in (None, "") for item in value.values()):
            yield Row(number, value)


def _plain(cell: Any) -> Any:
    """Cells as JSON would have them: arrays of Parquet become lists, missing values None."""
    if hasattr(cell, "tolist"):
        cell = cell.tolist()
    if isinstance(cell, list):
        return [_plain(item) for item in cell]
    if isinstance(cell, dict):
        return {key: _plain(item) for key, item in cell.items()}
    if isinstance(cell, str) or cell is None:
        return cell
    if pandas.isna(cell):
        return None
    return cell if isinstance(cell, int | float) else str(cell)
