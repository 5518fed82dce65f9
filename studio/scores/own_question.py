"""Whether answers are to their own questions, or would do as well for any other.

Who learned the form alone, or answers that belong to other questions, is right by luck where the base never is: a field
that is mostly the same, a label that is common. So each answer is also held against the wanted answers of other
questions. It is a permutation test's comparison, without drawing permutations at random.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy

from studio.report.figures import say_both
from studio.scores.comparison import Comparison, compare_values
from studio.scores.measures import MEASURES, Example, Measure
from studio.scores.verdict import Verdict

OTHERWISE = "word_overlap"  # by which texts of every kind differ, where the deciding measure sees the form alone
LEAST_APART = 0.1  # the wanted answers, in the mean, for it to be asked of few examples too, where nothing is sure
MOST_OTHERS, MOST_LOOKS = 10, 2000  # questions beside an answer's own; of all answers together


def doubt(verdict: Verdict, main: str, examples: Sequence[Example], tuned: Sequence[str]) -> Verdict:
    """The verdict; where it is “better” and the answers are not surely nearer to their own questions: can't tell."""
    told = tell(main, examples, tuned) if verdict.word == "better" else None
    if told is None or told.word == "better":
        return verdict
    others, own = say_both(told.measure, told.base.value, told.tuned.value)
    return Verdict(
        "can't tell",
        f"{verdict.reason} But it may have learned the form alone: by what other questions wanted, its answers do "
        f"about as well as by what their own did ({told.measure.title}: {others} and {own}). See whether each question "
        "of the data stands with its own answer, or train longer.",
    )


def tell(main: str, examples: Sequence[Example], answers: Sequence[str]) -> Comparison | None:
    """The answers by other questions' wanted answers, in the mean (base), and by their own (tuned).

    None where the wanted answers are too alike for any measure to tell whose answer is whose.
    """
    for name in dict.fromkeys((main, OTHERWISE)):
        measure = MEASURES[name]
        perfect = _compare(measure, examples, [example.wanted for example in examples])
        if perfect is not None and (perfect.word == "better" or abs(perfect.difference.value) >= LEAST_APART):
            return _compare(measure, examples, answers)
    return None


def _compare(measure: Measure, examples: Sequence[Example], answers: Sequence[str]) -> Comparison | None:
    """None where the measure says nothing of a single answer, or there is no other question."""
    count = len(examples)
    if measure.value is None or count < 2:
        return None
    steps = _steps(count)
    others: list[float | None] = []
    own: list[float | None] = []
    for place, answer in enumerate(answers):
        beside = [measure.value(examples[(place + step) % count], answer) for step in steps]
        known = [value for value in beside if value is not None]
        others.append(sum(known) / len(known) if known else None)
        own.append(measure.value(examples[place], answer))
    return compare_values(measure, others, own)


def _steps(count: int) -> list[int]:
    """How far off the other questions stand, so that each is asked as often as any."""
    most = min(count - 1, MOST_OTHERS, max(1, MOST_LOOKS // count))
    return sorted({int(step) for step in numpy.linspace(1, count - 1, most)})
