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
        return float(_macro_f1(hits, self.counts.sum(axis=1).astype(float), self.counts.sum(axis=0)[:-1].astype(float)))


def confusion(labels: Sequence[str], wanted: Sequence[str], answers: Sequence[str]) -> Confusion:
    """Of answers whose wanted one is a label; those with another are left out."""
    place = {label: index for index, label in enumerate([*labels, OTHER])}
    counts = numpy.zeros((len(labels), len(labels) + 1), numpy.int64)
    for one, other in zip(wanted, answers, strict=True):
        if target := read_label(labels, one):
            counts[place[target], place[read_label(labels, other)]] += 1
    return Confusion(tuple(labels), counts)


def macro_f1_of(wanted: NDArray[numpy.int64], given: NDArray[numpy.int64], weights: Floats) -> Floats:
    """Macro F1 of weighted examples, for many weightings at once.

    Shapes: wanted, given (n,) numbers of labels, a negative one for no label; weights (B, n). Result (B,).
    """
    labels = numpy.unique(wanted[wanted >= 0])
    is_wanted, is_given = (codes[:, None] == labels for codes in (wanted, given))
    hits, actual, said = (weights @ each.astype(float) for each in (is_wanted & is_given, is_wanted, is_given))
    return _macro_f1(hits, actual, said)


def _macro_f1(hits: Floats, actual: Floats, said: Floats) -> Floats:
    """Mean over the labels that were wanted at all: (..., labels) -> (...)."""
    f1 = 2 * hits / numpy.maximum(actual + said, 1e-12)
    wanted: Floats = (actual > 0).astype(float)
    mean: Floats = (f1 * wanted).sum(axis=-1) / numpy.maximum(wanted.sum(axis=-1), 1)
    return mean
