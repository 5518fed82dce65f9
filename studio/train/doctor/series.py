"""What the doctor reads, and what it says."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy
import numpy.typing

Array = numpy.typing.NDArray[numpy.float64]
COLUMNS = 4
MAX_STEP = 2**53 - 1  # as large as a number with a fraction can count
Severity = Literal["good", "note", "warning", "bad"]


@dataclass(frozen=True, eq=False)
class Series:
    """The curve of a run, lowest step first.

    Shapes: steps, loss, grad_norm and learning_rate (n,). A loss that was no number is NaN or infinite; so is a
    gradient norm or a rate that was not logged. `heldout` holds (step, loss) pairs.
    """

    steps: Array
    loss: Array
    grad_norm: Array
    learning_rate: Array
    heldout: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True)
class RunFacts:
    """What the curve does not show. `steps` are those planned; `examples` those that are learned from."""

    steps: int
    ended: bool
    heldout_examples: int
    warmup_steps: int
    epochs: float
    examples: int


@dataclass(frozen=True)
class Remark:
    """`sentence` says what the curve means, `do` what to do about it. `step` is where it shows, if at one place."""

    kind: str
    severity: Severity
    sentence: str
    do: str
    step: int | None = None


class Growing:
    """The curve in rows of metrics.jsonl, taken one after the other; what is none of it is passed over.

    A resumed run goes through some steps again: the later row counts, and rows of higher steps before it are void.
    """

    def __init__(self) -> None:
        self.train = array("d")  # COLUMNS numbers a row
        self.heldout: list[tuple[int, float]] = []

    def add(self, row: Any) -> None:
        step = row.get("step") if isinstance(row, dict) else None
        if type(step) is not int or not 0 <= step <= MAX_STEP:
            return
        if "heldout_loss" in row:
            self._rewind(train=step + 1, heldout=step)
            self.heldout.append((step, _number(row["heldout_loss"])))
        elif "loss" in row:
            self._rewind(train=step, heldout=step + 1)
            self.train.extend((step, *(_number(row.get(name)) for name in ("loss", "grad_norm", "learning_rate"))))

    def _rewind(self, train: int, heldout: int) -> None:
        while self.train and self.train[-COLUMNS] >= train:
            del self.train[-COLUMNS:]
        while self.heldout and self.heldout[-1][0] >= heldout:
            self.heldout.pop()

    def series(self) -> Series:
        columns = numpy.array(self.train).reshape(-1, COLUMNS).T
        return Series(columns[0], columns[1], columns[2], columns[3], tuple(self.heldout))


def series_of(rows: Iterable[Any]) -> Series:
    """The curve of a run whose rows are all at hand."""
    growing = Growing()
    for row in rows:
        growing.add(row)
    return growing.series()


def _number(value: Any) -> float:
    """NaN too for null: some writers of JSON write NaN so."""
    if type(value) is float:
        return value
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan
