"""The curve of a run, read from the rows that its worker appends to metrics.jsonl.

A page asks with a cursor, a place in the file in bytes, and gets what was written since. The first answer,
cursor 0, is the whole curve, thinned; each later one fits into 2 KB. Beside the losses it gets one quantity more, the
one that it shows: all of them at each look would not fit, and nobody looks at eight curves at once.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

import orjson

from studio.train.marks import Mark, Marks, weight_of

MAX_POINTS = 1_500
# 15 rows of the widest numbers are 0.9 KB of JSON, and the run's figures and the bar go with them: 2 KB in all.
# A mark counts as the rows that its words take the place of.
ROWS_PER_TICK = 15
# A page that was hidden for longer than this redraws faster than it catches up.
MAX_GAP_BYTES = 64 * 1024
# Enough to hold some rows before the cursor: they tell whether what follows was rewound.
LOOK_BACK_BYTES = 8 * 1024
# Rows among which the newest of each quantity is looked for; one that was not logged for longer is not known now.
RECENT_ROWS = 50
# JavaScript's largest whole number; a step beyond it is no step.
MAX_STEP = 2**53 - 1


class Quantity(NamedTuple):
    """What can be shown below the loss. People see a row's value times `scale`, in `unit`."""

    title: str
    unit: str = ""
    scale: float = 1.0


QUANTITIES: dict[str, Quantity] = {
    "learning_rate": Quantity("Learning rate"),
    "grad_norm": Quantity("Gradient norm"),
    "tokens_per_s": Quantity("Tokens a second"),
    "memory_bytes": Quantity("Memory", "GB", 1 / 2**30),
    "utilisation": Quantity("Utilisation", "%", 100),
    "temperature_c": Quantity("Temperature", "°C"),
    "power_w": Quantity("Power", "W"),
}
LOSSES = ("loss", "smooth")
NOW = ("step", "epoch", *QUANTITIES, "kwh")
Number = float | None
# Lists of Number, and "step" of int: as long as each other, lowest step first.
Columns = dict[str, list[Any]]


class Curve(TypedDict):
    """What to draw: parallel lists, each with its `step`.

    cursor: where to read on.  more: ask again at once.
    reset: forget what was drawn and ask again from the cursor; nothing else in this answer counts.
    train: step, loss, smooth, and under its own name the quantity that was asked for.  heldout: step, loss.
    now: the newest of each quantity that is known.
    """

    cursor: int
    more: bool
    reset: bool
    train: Columns
    heldout: Columns
    marks: list[Mark]
    now: dict[str, Number]


EMPTY_CURVE = Curve(cursor=0, more=False, reset=False, train={}, heldout={}, marks=[], now={})


class _Rows:
    """Rows in the order of the run, without those that a resumed run went through again."""

    def __init__(self, extra: str = "") -> None:
        self.values = (*LOSSES, extra) if extra in QUANTITIES else LOSSES
        self.train: Columns = {name: [] for name in ("step", *self.values)}
        self.heldout: Columns = {"step": [], "loss": []}
        self.marks = Marks()
        self.recent: deque[dict[str, Any]] = deque(maxlen=RECENT_ROWS)
        self.count = 0

    def add(self, row: Any) -> bool:
        """Take one row; what is none is passed over. Returns whether earlier rows were dropped for it."""
        step = row.get("step") if isinstance(row, dict) else None
        if type(step) is not int or not 0 <= step <= MAX_STEP:
            return False
        weight = 1
        if "heldout_loss" in row:
            rewound = self._rewind(train=step + 1, heldout=step)
            _append(self.heldout, (step, _number(row["heldout_loss"])))
        elif "loss" in row:
            rewound = self._rewind(train=step, heldout=step + 1)
            _append(self.train, (step, *(_number(row.get(name)) for name in self.values)))
            self.recent.append(row)
        else:
            rewound = row.get("mark") == "resumed" and self._rewind(train=step + 1, heldout=step + 1)
            if not self.marks.add(step, row.get("mark"), row.get("words")):
                return False
            weight = weight_of(row.get("words"))
        self.count += weight
        return rewound

    def _rewind(self, train: int, heldout: int) -> bool:
        rewound = _drop_from(train, self.train) | _drop_from(heldout, self.heldout)
        if rewound:
            self.marks.rewind(train)
        return rewound

    def now(self) -> dict[str, Number]:
        now: dict[str, Number] = {}
        for row in self.recent:
            now |= {name: number for name in NOW if (number := _number(row.get(name))) is not None}
        return now


def _parse_line(line: bytes) -> Any:
    """None for a line that is no JSON."""
    try:
        return json.loads(line.decode())
    except ValueError:
        return None


def parse_rows(lines: bytes) -> list[Any]:
    """Of whole lines, None for one that is no JSON.

    All at once takes a quarter of the time of line by line, which is left for damaged lines and for NaN.
    """
    if not lines:
        return []
    try:
        rows: list[Any] = orjson.loads(b"[" + lines[:-1].replace(b"\n", b",") + b"]")
    except ValueError:
        return [_parse_line(line) for line in lines.splitlines()]
    return rows


def read_metrics_since(path: Path, cursor: int, extra: str = "learning_rate") -> Curve:
    """Read what was logged since `cursor`; a row that is still being written waits for the next read.

    Args:
        extra: One of QUANTITIES, to be read beside the losses; anything else is none.
    """
    try:
        size_bytes = path.stat().st_size
    except FileNotFoundError:
        return _answer(_Rows(), 0)
    if cursor <= 0:
        return _read_whole(path, extra)
    if cursor > size_bytes or size_bytes - cursor > MAX_GAP_BYTES:
        return _answer(_Rows(), 0, reset=True)
    rows = _Rows(extra)
    with path.open("rb") as file:
        start = max(0, cursor - LOOK_BACK_BYTES)
        file.seek(start)
        before = file.read(cursor - start).split(b"\n")
        for line in before[1 if start else 0 :]:
            rows.add(_parse_line(line))
        known = len(rows.train["step"]), len(rows.heldout["step"])
        rows.marks, rows.count = Marks(), 0
        for line in file:
            if not line.endswith(b"\n"):
                break
            if rows.add(_parse_line(line)):
                return _answer(_Rows(), 0, reset=True)
            cursor += len(line)
            if rows.count >= ROWS_PER_TICK:
                break
    for columns, drawn in zip((rows.train, rows.heldout), known, strict=True):
        for values in columns.values():
            del values[:drawn]
    return _answer(rows, cursor, more=rows.count >= ROWS_PER_TICK)


def _read_whole(path: Path, extra: str) -> Curve:
    rows = _Rows(extra)
    data = path.read_bytes()
    cursor = data.rfind(b"\n") + 1
    for row in parse_rows(data[:cursor]):
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
    now = {name: _round(value) for name, value in rows.now().items()}
    return Curve(
        cursor=cursor, more=more, reset=reset, train=train, heldout=heldout, marks=rows.marks.listed(), now=now
    )
