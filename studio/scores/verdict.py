"""One word for a run, and why: the main measure decides, and one that says the opposite is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from studio.report.figures import change_between, count, say_both, say_change
from studio.scores.comparison import Comparison
from studio.scores.intervals import FEWEST, Word
from studio.scores.wholly import say_wholly


@dataclass(frozen=True)
class Verdict:
    word: Word
    reason: str


def judge(comparisons: Mapping[str, Comparison], main: str, wanted: Sequence[str]) -> Verdict:
    """Of all measures by their ids; `main` is the one that decides, `wanted` are the wanted answers."""
    decisive = comparisons.get(main)
    if decisive is None:
        return Verdict("can't tell", "There is no held-out example by which base and tuned could be compared.")
    others = [each for name, each in comparisons.items() if name != main]
    reason = _sentence(decisive)
    if decisive.word == "can't tell":
        told = [(word, [each for each in others if each.word == word]) for word in ("better", "worse")]
    else:
        opposite: Word = "worse" if decisive.word == "better" else "better"
        told = [(opposite, [each for each in others if each.word == opposite])]
    if decisive.word == "better":
        known = {name: each.as_dict() for name, each in comparisons.items()}
        reason = " ".join(filter(None, (reason, say_wholly(main, known, wanted))))
    said = [f"{word} by {_titles(found)}" for word, found in told if found]
    return Verdict(decisive.word, f"{reason} Yet it is {' and '.join(said)}." if said else reason)


def _sentence(found: Comparison) -> str:
    title = found.measure.title[0].upper() + found.measure.title[1:]
    before, after = say_both(found.measure, found.base.value, found.tuned.value)
    moved = f"{title}: {before} before, {after} after"
    sure = f"the difference on {count(found.examples, 'held-out example')} is {_say_difference(found)}"
    if found.examples < FEWEST:
        return f"{moved}; {sure}. Fewer than {FEWEST} are too few examples to tell."
    if found.word == "can't tell":
        return f"{moved}; {sure}, which chance alone could do."
    return f"{moved}; {sure}."


def _say_difference(found: Comparison) -> str:
    """+90 points (between +79 and +96)."""
    bounds = found.difference.as_dict()
    unit = " points" if found.measure.unit == "share" else ""
    change = say_change(found.measure, found.difference.value)
    return f"{change}{unit} ({change_between(found.measure, bounds)})"


def _titles(found: list[Comparison]) -> str:
    titles = [each.measure.title for each in found]
    return titles[0] if len(titles) == 1 else f"{', '.join(titles[:-1])} and {titles[-1]}"
