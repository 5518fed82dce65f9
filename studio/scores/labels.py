"""Answers that are one of a few labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy
from numpy.typing import NDArray

from studio.data.audit.form import label_of
from studio.scores.form import as_object

Floats = NDArray[numpy.float64]

FEWEST_ANSWERS, MOST = 20, 0.95
OTHER = ""  # what an answer is that is none of the labels


def find_labels(wanted: Sequence[str]) -> tuple[str, ...]:
    """The labels of a data set whose answers are nearly all one of a few, sorted; else none."""
    if len(wanted) < FEWEST_ANSWERS:
        return ()
    counts = Counter(label_of(text) for text in wanted if as_object(text) is None)
    often = {label: count for label, count in counts.items() if label and count >= 2}
    is_closed = 2 <= len(often) <= max(2, len(wanted) // 5) and sum(often.values()) >= MOST * len(wanted)
    return tuple(sorted(often)) if is_closed else ()


def read_label(labels: Sequence[str], answer: str) -> str:
    """Which of the labels an answer is, but for case, blanks and a stop; OTHER if none."""
    label = label_of(answer)
    return label if label in labels else OTHER


@dataclass(frozen=True)
class Confusion:
    """`counts` (labels, labels and OTHER): rows are what was wanted, columns what was answered."""

    labels: tuple[str, ...]
    counts: NDArray[numpy.int64]

    @property
    def accuracy(self) -> float:
        return float(self.counts.trace() / max(self.counts.sum(), 1))

    @property
    def macro_f1(self) -> float:
        hits = numpy.diagonal(self.counts).astype(float)
        return _macro_f1(hits, self.counts.sum(axis=1).astype(float), self.counts.sum(axis=0)[:-1].astype(float))


def confusion(labels: Sequence[str], wanted: Sequence[str], answers: Sequence[str]) -> Confusion:
    """Of answers whose wanted one is a label; those with another are left out."""
    place = {label: index for index, label in enumerate([*labels, OTHER])}
    counts = numpy.zeros((len(labels), len(labels) + 1), numpy.int64)
    for one, other in zip(wanted, answers, strict=True):
        if target := read_label(labels, one):
            counts[place[target], place[read_label(labels, other)]] += 1
    return Confusion(tuple(labels), counts)


@dataclass(frozen=True)
class MacroF1:
    """The mean over the labels that were wanted at all, and what its interval takes.

    `influence` (n,): n times the derivative of `value` by an example's weight, 0 in the mean; `is_right` (n,).
    `effective`: as many examples with equally common labels would be as sure of the mean over labels.
    """

    value: float
    influence: Floats
    is_right: NDArray[numpy.bool_]
    effective: float


def macro_f1_of(wanted: NDArray[numpy.int64], given: NDArray[numpy.int64]) -> MacroF1:
    """Of one or more examples. Shapes: wanted, given (n,) numbers of labels; a negative one given is no label.

    Source: Korn and Graubard 1998 and Kish 1965 on the effective number of examples.
    """
    actual = numpy.bincount(wanted)
    count, labels = len(wanted), len(actual)
    is_right = wanted == given
    said = numpy.bincount(given[(given >= 0) & (given < labels)], minlength=labels)
    hits = numpy.bincount(wanted[is_right], minlength=labels)
    kinds = int((actual > 0).sum())
    weight = numpy.where(actual > 0, 1 / numpy.maximum(actual + said, 1), 0.0)
    f1 = 2 * hits * weight
    # An example counts in the label that was wanted, and in the one that was answered; OTHER, the last, is not counted.
    cost = numpy.append(f1 * weight, 0.0)
    answered = numpy.where((given >= 0) & (given < labels), given, labels)
    influence = (2 * is_right * weight[wanted] - cost[wanted] - cost[answered]) * count / kinds
    effective = kinds**2 / float((1 / actual[actual > 0]).sum())
    return MacroF1(float(f1.sum()) / kinds, influence, is_right, effective)


def _macro_f1(hits: Floats, actual: Floats, said: Floats) -> float:
    """Mean over the labels that were wanted at all: (labels,) each."""
    f1 = 2 * hits / numpy.maximum(actual + said, 1e-12)
    return float(f1[actual > 0].mean()) if (actual > 0).any() else 0.0
