"""One word for a run, and why: the main measure decides, and one that says the opposite is named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from studio.scores.comparison import Comparison
from studio.scores.intervals import Interval, Word


@dataclass(frozen=True)
class Verdict:
    word: Word
    reason: str


def judge(comparisons: Mapping[str, Comparison], main: str) -> Verdict:
    """Of all measures by their ids; `main` is the one that decides."""
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
    said = [f"{word} by {_titles(found)}" for word, found in told if found]
    return Verdict(decisive.word, f"{reason} Yet it is {' and '.join(said)}." if said else reason)


def _sentence(found: Comparison) -> str:
    title = found.measure.title[0].upper() + found.measure.title[1:]
    moved = f"{title}: {show(found, found.base.value)} before, {show(found, found.tuned.value)} after"
    count = f"{found.examples:,} held-out example{'' if found.examples == 1 else 's'}"
    sure = f"the difference on {count} is {_signed(found, found.difference)}"
    if found.word == "can't tell":
        return f"{moved}; {sure}, which chance alone could do."
    return f"{moved}; {sure}."


def _signed(found: Comparison, difference: Interval) -> str:
    parts = [show(found, number, signed=True) for number in (difference.value, difference.low, difference.high)]
    unit = " points" if found.measure.unit == "share" else ""
    return (
        f"{parts[0].removesuffix(' %')}{unit} (between {' and '.join(part.removesuffix(' %') for part in parts[1:])})"
    )


def show(found: Comparison, number: float, signed: bool = False) -> str:
    """With the digits that the measure deserves: 94 %, or 0.31."""
    sign = "+" if signed else ""
    if found.measure.unit == "share":
        text = f"{number * 100:{sign}.0f}"
        return f"{'0' if text in ('-0', '+0') else text} %"
    text = f"{number:{sign}.2f}"
    return "0.00" if text in ("-0.00", "+0.00") else text


def _titles(found: list[Comparison]) -> str:
    titles = [each.measure.title for each in found]
    return titles[0] if len(titles) == 1 else f"{', '.join(titles[:-1])} and {titles[-1]}"
