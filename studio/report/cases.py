"""Answers to look at: ten typical ones, not the nicest, and the ten worst."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from studio.report.figures import count, say
from studio.report.gather import Report
from studio.report.parts import Case, Cases, Part, Section, Words
from studio.report.scored import HOW_TO_SCORE
from studio.scores.measures import MEASURES, Measure

MOST = 10


@dataclass(frozen=True)
class Answered:
    """A held-out example with the values of the measure that decides, turned so that higher is better."""

    row: dict[str, Any]
    before: float
    after: float


def answered(report: Report) -> list[Answered]:
    """Those that may be shown, in the order of the file: of open ballots nothing is told."""
    assert report.scores
    values = report.scores["by_example"]
    turn = _turn(MEASURES[values["measure"]])
    return [
        Answered(row, turn * before, turn * after)
        for row, before, after in zip(report.scores["answers"], values["base"], values["tuned"], strict=True)
        if row["row"] not in report.hidden and before is not None and after is not None
    ]


def _turn(measure: Measure) -> int:
    return 1 if measure.higher_is_better else -1


def pick_typical(known: Sequence[Answered], most: int = MOST) -> list[Answered]:
    """Spread evenly over the ranks of what the tuned model reached, from worst to best."""
    ranked = sorted(known, key=lambda each: each.after)
    if len(ranked) <= most:
        return ranked
    return [ranked[round(place * (len(ranked) - 1) / (most - 1))] for place in range(most)]


def pick_worst(known: Sequence[Answered], best: float = 1, most: int = MOST) -> list[Answered]:
    """First where it lost to the base, most first; then where it stayed furthest from what was wanted."""
    imperfect = [each for each in known if each.after < best or each.after < each.before]
    return sorted(imperfect, key=lambda each: (min(each.after - each.before, 0.0), each.after))[:most]


def cases(report: Report) -> tuple[Section, Section]:
    titles = ("Ten typical examples", "The ten worst examples")
    if not report.scores:
        parts = (report.missing("scores", "answers to held-out questions", HOW_TO_SCORE),)
        return Section("typical", titles[0], parts), Section("worst", titles[1], parts)
    known = answered(report)
    measure = MEASURES[report.scores["by_example"]["measure"]]
    title = measure.title if measure.higher_is_better else f"{measure.title} (lower is better)"
    typical, worst = pick_typical(known), pick_worst(known, 1 if measure.higher_is_better else 0)

    def shown(found: Sequence[Answered]) -> Cases:
        return Cases(tuple(_case(each, measure) for each in found))

    lead = (
        f"Spread evenly over the ranks of all {len(known)} by “{title}” after training, from worst to best; nobody "
        "chose them."
    )
    if len(known) <= MOST:
        lead = f"All that can be shown, from worst to best by “{title}”."
    fewest = f"First where it lost to the base by “{title}”, then where it stayed furthest from what was wanted."
    if len(worst) < MOST:
        fewest += f" There are no more: the other {len(known) - len(worst)} were wholly right by it."
    note = _say_hidden(report)
    return (
        Section("typical", _count_in(titles[0], typical), (Words(lead), *note, shown(typical))),
        Section("worst", _count_in(titles[1], worst), (Words(fewest), *note, shown(worst))),
    )


def _count_in(title: str, shown: Sequence[Answered]) -> str:
    """The title says ten; of fewer it says how many."""
    if len(shown) == MOST:
        return title
    words = re.sub("ten", str(len(shown)) if shown else "no", title, flags=re.IGNORECASE)
    return words.replace("examples", "example") if len(shown) == 1 else words[0].upper() + words[1:]


def _case(each: Answered, measure: Measure) -> Case:
    row, turn = each.row, _turn(measure)
    return Case(
        f"Example {row['row'] + 1}", row["prompt"], row["wanted"], row["base"], row["tuned"],
        say(measure, turn * each.before), say(measure, turn * each.after),
    )  # fmt: skip


def _say_hidden(report: Report) -> list[Part]:
    assert report.scores
    hidden = sum(row["row"] in report.hidden for row in report.scores["answers"])
    if not hidden:
        return []
    left_out = f"{count(hidden, 'question')} {'is' if hidden == 1 else 'are'} left out"
    return [Words(f"{left_out}: a blind vote is open, and the answers would tell whose are whose.")]
