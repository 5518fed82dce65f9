"""The curve of a run, read from the rows that its worker appends to metrics.jsonl.

A page asks with a cursor, a place in the file in bytes, and gets what was written since. The first answer,
cursor 0, is the whole curve, thinned; each later one fits into 2 KB.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, TypedDict

import orjson

MAX_POINTS = 1_500
# 15 rows of the widest numbers are 0.9 KB of JSON, and the run's figures and the bar go with them: 2 KB in all.
ROWS_PER_TICK = 15
# A page that was hidden for longer than this redraws faster than it catches up.
MAX_GAP_BYTES = 64 * 1024
# Enough to hold some rows before the cursor: they tell whether what follows was rewound.
LOOK_BACK_BYTES = 4 * 1024
# JavaScript's largest whole number; a step beyond it is no step.
MAX_STEP = 2**53 - 1

VALUES = ("loss", "smooth", "learning_rate")
NOW = ("step", "epoch", "tokens_per_s")
Number = float | None
# Lists of Number, and "step" of int: as long as each other, lowest step first.
Columns = dict[str, list[Any]]


class Curve(TypedDict):
    """What to draw: parallel lists, each with its `step`.

    cursor: where to read on.  more: ask again at once.
    reset: forget what was drawn and ask again from the cursor; nothing else in this answer counts.
    """

    cursor: int
    more: bool
    reset: bool
    train: Columns
    heldout: Columns
    now: dict[str, Number]


class _Rows:
    """Rows in the order of the run, without those that a resumed run went through again."""

    def __init__(self) -> None:
        self.train: Columns = {name: [] for name in ("step", *VALUES)}
        self.heldout: Columns = {"step": [], "loss": []}
        self.newest: dict[str, Any] = {}
        self.count = 0

    def add(self, row: Any) -> bool:
        """Take one row; what is none is passed over. Returns whether earlier rows were dropped for it."""
        step = row.get("step") if isinstance(row, dict) else None
        if type(step) is not int or not 0 <= step <= MAX_STEP:
            return False
        if "heldout_loss" in row:
            rewound = _drop_from(step, self.heldout) | _drop_from(step + 1, self.train)
            _append(self.heldout, (step, _number(row["heldout_loss"])))
        elif "loss" in row:
            rewound = _drop_from(step, self.train) | _drop_from(step + 1, self.heldout)
            _append(self.train, (step, *(_number(row.get(name)) for name in VALUES)))
            self.newest = row
        else:
            return False
        self.count += 1
        return rewound


def _parse_line(line: bytes) -> Any:
    """None for a line that is no JSON."""
    try:
        return json.loads(line.decode())
    except ValueError:
        return None


def _parse_all(lines: list[bytes]) -> list[Any]:
    """All at once takes a quarter of the time of line by line, which is left for damaged lines and for NaN."""
    try:
        rows: list[Any] = orjson.loads(b"[" + b",".join(lines) + b"]")
    except ValueError:
        return [_parse_line(line) for line in lines]
    return rows


def read_metrics_since(path: Path, cursor: int) -> Curve:
    """Read what was logged since `cursor`; a row that is still being written waits for the next read."""
    try:
        size_bytes = path.stat().st_size
    except FileNotFoundError:
        return _answer(_Rows(), 0)
    if cursor <= 0:
        return _read_whole(path)
    if cursor > size_bytes or size_bytes - cursor > MAX_GAP_BYTES:
        return _answer(_Rows(), 0, reset=True)
    rows = _Rows()
    with path.open("rb") as file:
        start = max(0, cursor - LOOK_BACK_BYTES)
        file.seek(start)
        before = file.read(cursor - start).split(b"\n")
        for line in before[1 if start else 0 :]:
            rows.add(_parse_line(line))
        known = len(rows.train["step"]), len(rows.heldout["step"])
        rows.count = 0
        for line in file:
            if not line.endswith(b"\n"):
                break
            if rows.add(_parse_line(line)):
                return _answer(_Rows(), 0, reset=True)
            cursor += len(line)
            if rows.count == ROWS_PER_TICK:
                break
    for columns, drawn in zip((rows.train, rows.heldout), known, strict=True):
        for values in columns.values():
            del values[:drawn]
    return _answer(rows, cursor, more=rows.count == ROWS_PER_TICK)


def _read_whole(path: Path) -> Curve:
    rows = _Rows()
    data = path.read_bytes()
    cursor = data.rfind(b"\n") + 1
    for row in _parse_all(data[:cursor].splitlines()):
        rows.add(row)
    _thin(rows.train)
    _thin(rows.heldout)
    return _answer(rows, cursor)


def _thin(columns: Columns) -> None:
    """Keep the ends and, of each of many buckets, every column's lowest and highest point."""
    steps = columns["step"]
    values = [column for name, column in columns.items() if name != "step"]
    if len(steps) <= MAX_POINTS:
        return
    buckets = (MAX_POINTS - 2) // (2 * len(values))
    edges = [len(steps) * bucket // buckets for bucket in range(buckets + 1)]
    kept = {0, len(steps) - 1}
    for column in values:
        for start, end in pairwise(edges):
            kept |= _lowest_and_highest(column, range(start, end))
    for column in columns.values():
        column[:] = [column[index] for index in sorted(kept)]


def _lowest_and_highest(column: Sequence[Number], places: Iterable[int]) -> set[int]:
    known = [(value, place) for place in places if (value := column[place]) is not None]
    return {min(known)[1], max(known)[1]} if known else set()


def _drop_from(step: int, columns: Columns) -> bool:
    steps = columns["step"]
    if not steps or steps[-1] < step:
        return False
    first = bisect_left(steps, step)
    for values in columns.values():
        del values[first:]
    return True


def _append(columns: Columns, values: Iterable[Number]) -> None:
    for column, value in zip(columns.values(), values, strict=True):
        column.append(value)


def _number(value: Any) -> Number:
    """A loss that became NaN is a gap in the curve; as NaN it would not be JSON."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _round(value: Number) -> Number:
    return float(f"{value:.5g}") if isinstance(value, float) else value


def _answer(rows: _Rows, cursor: int, *, more: bool = False, reset: bool = False) -> Curve:
    train, heldout = (
        {name: [_round(value) for value in values] for name, values in columns.items()}
        for columns in (rows.train, rows.heldout)
    )
    now = {name: _round(_number(rows.newest[name])) for name in NOW if name in rows.newest}
    return Curve(cursor=cursor, more=more, reset=reset, train=train, heldout=heldout, now=now)
