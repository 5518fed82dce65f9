"""What the doctor reads, and what it says."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy
import numpy.typing

Array = numpy.typing.NDArray[numpy.float64]
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


def series_of(rows: Iterable[Any]) -> Series:
    """The curve in rows of metrics.jsonl; what is none of it is passed over.

    A resumed run goes through some steps again: the later row counts, and rows of higher steps before it are void.
    """
    train: list[tuple[int, float, float, float]] = []
    heldout: list[tuple[int, float]] = []
    for row in rows:
        step = row.get("step") if isinstance(row, dict) else None
        if type(step) is not int or step < 0:
            continue
        if "heldout_loss" in row:
            _drop(heldout, step)
            _drop(train, step + 1)
            heldout.append((step, _number(row["heldout_loss"])))
        elif "loss" in row:
            _drop(train, step)
            _drop(heldout, step + 1)
            train.append((step, _number(row["loss"]), _number(row.get("grad_norm")), _number(row.get("learning_rate"))))
    columns = numpy.array(train, dtype=float).reshape(-1, 4).T
    return Series(columns[0], columns[1], columns[2], columns[3], tuple(heldout))


def _drop(rows: list[Any], step: int) -> None:
    while rows and rows[-1][0] >= step:
        rows.pop()


def _number(value: Any) -> float:
    """NaN too for null: some writers of JSON write NaN so."""
    if type(value) is float:
        return value
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan
