"""Base against tuned on the same examples: each measure's values, their difference and a word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

from studio.scores import intervals
from studio.scores.intervals import Floats, Interval, Word, word_of
from studio.scores.labels import macro_f1_of, read_label
from studio.scores.measures import MEASURES, Example, Measure

Values = Sequence[float | None]


@dataclass(frozen=True)
class Comparison:
    """`difference` is tuned minus base, over the `examples` of which the measure says something for both."""

    measure: Measure
    examples: int
    base: Interval
    tuned: Interval
    difference: Interval

    @property
    def word(self) -> Word:
        return word_of(self.difference, self.measure.higher_is_better)

    def as_dict(self) -> dict[str, Any]:
        sides = {"base": self.base, "tuned": self.tuned, "difference": self.difference}
        return {
            "examples": self.examples,
            "word": self.word,
            **{side: interval.as_dict() for side, interval in sides.items()},
        }


def compare(
    examples: Sequence[Example],
    base: Sequence[str],
    tuned: Sequence[str],
    names: Iterable[str],
    losses: tuple[Values, Values] | None = None,
) -> dict[str, Comparison]:
    """Of answers to the same examples, by the measures' ids; one that says nothing of any example is left out.

    losses: of base and tuned, the mean loss of each example's wanted answer, a token.
    """
    found: dict[str, Comparison | None] = {}
    for name in names:
        measure = MEASURES[name]
        if measure.value is not None:
            sides = [
                [measure.value(*pair) for pair in zip(examples, answers, strict=True)] for answers in (base, tuned)
            ]
            found[name] = compare_values(measure, *sides)
        elif name == "macro_f1":
            found[name] = _compare_macro_f1(examples, base, tuned)
        elif losses is not None:
            found[name] = _compare_perplexity(*losses) if name == "perplexity" else compare_values(measure, *losses)
    return {name: comparison for name, comparison in found.items() if comparison is not None}


def compare_values(measure: Measure, base: Values, tuned: Values) -> Comparison | None:
    one, other = _both(base, tuned)
    if not len(one):
        return None
    return Comparison(
        measure,
        len(one),
        intervals.of_mean(one, measure.bounds),
        intervals.of_mean(other, measure.bounds),
        intervals.of_difference(one, other, measure.bounds),
    )


def _both(base: Values, tuned: Values) -> tuple[Floats, Floats]:
    pairs = [pair for pair in zip(base, tuned, strict=True) if None not in pair]
    array = numpy.array(pairs, float).reshape(-1, 2)
    return array[:, 0], array[:, 1]


def _compare_perplexity(base: Values, tuned: Values) -> Comparison | None:
    """The bounds of one side are those of its loss, raised."""
    losses = compare_values(MEASURES["loss"], base, tuned)
    if losses is None:
        return None
    one, other = _both(base, tuned)

    def change(weights: Floats) -> Floats:
        total = weights.sum(axis=1)
        return numpy.asarray(numpy.exp(weights @ other / total) - numpy.exp(weights @ one / total), float)

    return Comparison(
        MEASURES["perplexity"],
        len(one),
        _raised(losses.base),
        _raised(losses.tuned),
        intervals.of_statistic(change, len(one), losses.difference),
    )


def _raised(loss: Interval) -> Interval:
    value, low, high = numpy.exp([loss.value, loss.low, loss.high])
    return Interval(float(value), float(low), float(high))


def _compare_macro_f1(examples: Sequence[Example], base: Sequence[str], tuned: Sequence[str]) -> Comparison | None:
    """Where no resample differs, as where all are right, it is as sure as the share of right labels."""
    shares = compare(examples, base, tuned, ["label_right"]).get("label_right")
    if shares is None:
        return None
    known = examples[0].expected.labels
    rows = [
        triple
        for triple in zip((example.wanted for example in examples), base, tuned, strict=True)
        if read_label(known, triple[0])
    ]
    wanted, one, other = (_codes(known, column) for column in zip(*rows, strict=True))

    def change(weights: Floats) -> Floats:
        return macro_f1_of(wanted, other, weights) - macro_f1_of(wanted, one, weights)

    return Comparison(
        MEASURES["macro_f1"],
        len(rows),
        intervals.of_statistic(lambda weights: macro_f1_of(wanted, one, weights), len(rows), shares.base),
        intervals.of_statistic(lambda weights: macro_f1_of(wanted, other, weights), len(rows), shares.tuned),
        intervals.of_statistic(change, len(rows), shares.difference),
    )


def _codes(known: Sequence[str], answers: Iterable[str]) -> NDArray[numpy.int64]:
    place: Mapping[str, int] = {label: index for index, label in enumerate(known)}
    return numpy.array([place.get(read_label(known, answer), -1) for answer in answers], numpy.int64)
