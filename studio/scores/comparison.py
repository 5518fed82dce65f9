"""Base against tuned on the same examples: each measure's values, their difference and a word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

from studio.scores import compound, intervals
from studio.scores.form import by_field
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
        return word_of(self.difference, self.measure.higher_is_better, self.examples)

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


def compare_fields(rows: Iterable[Mapping[str, Any]]) -> dict[str, Comparison]:
    """Each wanted field by its name, over the examples that want it; the hardest after training first.

    rows: of each example wanted, base and tuned; where no JSON object was wanted, there is no field.
    """
    sides: dict[str, tuple[list[float], list[float]]] = {}
    for row in rows:
        wanted, *answers = (str(row[name]) for name in ("wanted", "base", "tuned"))
        for number, answer in enumerate(answers):
            for name, is_right in (by_field(wanted, answer) or {}).items():
                sides.setdefault(name, ([], []))[number].append(float(is_right))
    found = {name: compare_values(MEASURES["fields_right"], *both) for name, both in sides.items()}
    told = {name: comparison for name, comparison in found.items() if comparison is not None}
    return dict(sorted(told.items(), key=lambda item: item[1].tuned.value))


def _both(base: Values, tuned: Values) -> tuple[Floats, Floats]:
    pairs = [pair for pair in zip(base, tuned, strict=True) if None not in pair]
    array = numpy.array(pairs, float).reshape(-1, 2)
    return array[:, 0], array[:, 1]


def _compare_perplexity(base: Values, tuned: Values) -> Comparison | None:
    losses = compare_values(MEASURES["loss"], base, tuned)
    if losses is None:
        return None
    return Comparison(
        MEASURES["perplexity"],
        losses.examples,
        compound.of_perplexity(losses.base),
        compound.of_perplexity(losses.tuned),
        compound.of_perplexity_change(*_both(base, tuned)),
    )


def _compare_macro_f1(examples: Sequence[Example], base: Sequence[str], tuned: Sequence[str]) -> Comparison | None:
    rows = [
        triple
        for triple in zip(examples, base, tuned, strict=True)
        if read_label(triple[0].expected.labels, triple[0].wanted)
    ]
    if not rows:
        return None
    known = examples[0].expected.labels
    wanted = _codes(known, [example.wanted for example, _, _ in rows])
    one, other = (macro_f1_of(wanted, _codes(known, column)) for column in list(zip(*rows, strict=True))[1:])
    return Comparison(
        MEASURES["macro_f1"],
        len(rows),
        compound.of_macro_f1(one),
        compound.of_macro_f1(other),
        compound.of_macro_f1_change(one, other),
    )


def _codes(known: Sequence[str], answers: Iterable[str]) -> NDArray[numpy.int64]:
    place: Mapping[str, int] = {label: index for index, label in enumerate(known)}
    return numpy.array([place.get(read_label(known, answer), -1) for answer in answers], numpy.int64)
