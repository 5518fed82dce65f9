"""JSON and JSONL -> rows."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from typing import Any, TextIO

from studio.data.rows import Row, Unreadable, UnreadableRow
from studio.data.sources import SPLIT_NAMES
from studio.data.text import LONGEST_LINE, read_line

DEEPEST = 100
LONGEST_WHOLE = 300_000_000  # characters of a JSON file that is no list, and so is held as a whole
CHUNK = 1 << 18
_NEXT_ENTRY = re.compile(r"[}\]]\s*,\s*(?=[{\[])")
_BLANK = re.compile(r"[\s,]*")


def parse_json(text: str) -> Any:
    """A value that can be written again. Raises: JSONDecodeError, also for what is too deep or too long to hold."""
    value, end = parse_first(text, len(text) - len(text.lstrip()))
    if text[end:].strip():
        raise json.JSONDecodeError("Extra data", text, end)
    return value


_decode = json.JSONDecoder().raw_decode


def parse_first(text: str, start: int) -> tuple[Any, int]:
    """The value that begins at `start`, and where it ends."""
    try:
        value, end = _decode(text, start)
    except json.JSONDecodeError:
        raise
    except RecursionError:
        raise json.JSONDecodeError("nested too deeply", text, start) from None
    except ValueError:  # Python's limit of digits
        raise json.JSONDecodeError("a number with thousands of digits", text, start) from None
    if text.count("[", start, end) + text.count("{", start, end) > DEEPEST and _is_deep(value):
        raise json.JSONDecodeError("nested too deeply", text, start)
    if text.find("\\u", start, end) >= 0:  # a text that was cut within an emoji ends in half a character
        halves = json.dumps(value, ensure_ascii=False).encode("utf-16-le", "surrogatepass")
        value = json.loads(halves.decode("utf-16-le", "replace"))
    return value, end


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


def _as_row(line: int, value: Any, split: str = "") -> Row | UnreadableRow:
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        value = {"messages": value}  # a bare list of messages is an example too
    if not isinstance(value, dict):
        return UnreadableRow(line, "is not an object in braces", str(value)[:200])
    return Row(line, value, split=split)


def read_lines(text: TextIO) -> Iterator[Row | UnreadableRow]:
    number = 0
    while (read := read_line(text))[0]:
        number += 1
        line, is_whole = read
        if not is_whole:
            yield UnreadableRow(number, f"is longer than {LONGEST_LINE / 1e6:.0f} million characters", line[:200])
        elif line.strip():
            yield _parse_object(number, line.strip())


def read_json(text: TextIO) -> Iterator[Row | UnreadableRow]:
    """A list is read entry by entry, JSONL that was named .json line by line, other layouts as a whole."""
    start = text.read(CHUNK).lstrip()
    first, _, rest = start.partition("\n")
    if rest.strip() and isinstance(_parse_object(1, first.strip()), Row):
        return read_lines(_Joined(start, text))  # type: ignore[arg-type]
    if start.startswith("["):
        return _entries(text, start[1:])
    whole = start + text.read(LONGEST_WHOLE)
    if len(whole) >= LONGEST_WHOLE:
        raise Unreadable(f"JSON of more than {LONGEST_WHOLE / 1e6:.0f} million characters must be a list or JSONL.")
    return _layout(whole)


class _Joined:
    """What was read of a text already, then the rest of it; `readline` is all that is asked of it."""

    def __init__(self, start: str, text: TextIO) -> None:
        self._start, self._text = io.StringIO(start, newline=""), text

    def readline(self, most: int) -> str:
        line = self._start.readline(most)
        return line if line.endswith(("\n", "\r")) else line + self._text.readline(most - len(line))


def _entries(text: TextIO, ahead: str) -> Iterator[Row | UnreadableRow]:
    """Entries of a list whose bracket is read; a list has no lines worth naming, so they are counted from 1.

    One that is broken is listed, and the next that begins with a bracket goes on.
    """
    number, place = 0, 0
    while True:
        place = _BLANK.match(ahead, place).end()  # type: ignore[union-attr]
        if ahead.startswith("]", place):
            return
        number += 1
        try:
            value, place = parse_first(ahead, place)
            if place == len(ahead):  # a number may go on in what comes next
                raise json.JSONDecodeError("It breaks off", ahead, place)
        except json.JSONDecodeError as error:
            may_go_on = _may_go_on(error, ahead)
            more = text.read(max(CHUNK, len(ahead))) if may_go_on and len(ahead) < LONGEST_LINE else ""
            if more:
                ahead, place, number = ahead[place:] + more, 0, number - 1
                continue
            if may_go_on and not ahead.rstrip().endswith("]"):
                yield UnreadableRow(number, "is missing: the file breaks off before the list ends")
                return
            yield UnreadableRow(number, f"is not JSON: {error.msg}", ahead[place : place + 200])
            while not (following := _NEXT_ENTRY.search(ahead, max(place, error.pos - 1))):
                ahead, place = text.read(CHUNK), 0
                if not ahead:
                    return
            place = following.end()
        else:
            yield _as_row(number, value)
        if place > CHUNK:
            ahead, place = ahead[place:], 0


def _may_go_on(error: json.JSONDecodeError, ahead: str) -> bool:
    return error.msg.startswith(("Unterminated", "It breaks off")) or error.pos >= len(ahead) - 10


def _layout(text: str) -> Iterator[Row | UnreadableRow]:
    try:
        value = parse_json(text)
    except json.JSONDecodeError as error:
        raise Unreadable(f"It is not JSON: {error.msg} in line {error.lineno}.") from None
    if not isinstance(value, dict):
        raise Unreadable("A list of examples was expected.")
    lists = {
        name: rows for name, rows in value.items() if isinstance(rows, list) and rows and isinstance(rows[0], dict)
    }
    if columns := _columns(value):
        rows = [("", dict(zip(columns, cells, strict=True))) for cells in zip(*columns.values(), strict=True)]
    elif any(key in value for key in ("messages", "conversations", "mapping")) or not lists:
        rows = [("", value)]
    else:
        rows = [(SPLIT_NAMES.get(name.lower(), ""), row) for name, part in lists.items() for row in part]
    return (_as_row(number, row, split) for number, (split, row) in enumerate(rows, start=1))


def _columns(value: dict[str, Any]) -> dict[str, list[Any]]:
    """{"question": [...], "answer": [...]} of equal length, as pandas and datasets write tables; else nothing."""
    columns = {
        name: list(item.values()) if isinstance(item, dict) and all(key.isdigit() for key in item) else item
        for name, item in value.items()
    }
    lists = [cells for cells in columns.values() if isinstance(cells, list)]
    is_table = len(lists) == len(columns) > 1 and len({len(cells) for cells in lists}) == 1
    return columns if is_table and not any(isinstance(cell, dict) for cells in lists for cell in cells) else {}
