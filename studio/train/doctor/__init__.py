"""The doctor of curves: says what a curve means and what to do, as it happens and at the end.

A rule is a short pure function of a view of the curve; RULES names them all, the most important first. A rule is not
asked once one of its `unless` has spoken: a run that diverged need not hear that it is noisy as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy

from studio.train.doctor import alarms, course
from studio.train.doctor.series import Remark, RunFacts, Series, series_of
from studio.train.doctor.view import View

__all__ = ["RULES", "Remark", "RunFacts", "Series", "diagnose", "marks", "series_of"]


class Rule(NamedTuple):
    judge: Callable[[View], Remark | None]
    unless: tuple[str, ...] = ()


BROKEN = ("not_a_number", "diverged")
HURT = (*BROKEN, "exploding")
STUCK = ("warming_up", "not_going_down", "too_slow")
GONE_TOO_FAR = ("overfitting", "by_heart")

RULES: tuple[Rule, ...] = (
    Rule(alarms.not_a_number),
    Rule(alarms.diverged, ("not_a_number",)),
    Rule(alarms.spike_that_stayed, BROKEN),
    Rule(alarms.exploding),
    Rule(course.still_warming_up, BROKEN),
    Rule(course.too_early, BROKEN),
    Rule(alarms.overfitting, HURT),
    Rule(alarms.heldout_alone_rises, (*HURT, "spike")),
    Rule(alarms.by_heart, HURT),
    Rule(course.not_going_down, (*HURT, "spike", "warming_up", "too_early")),
    Rule(course.too_slow, (*HURT, "spike", "warming_up", "too_early", "not_going_down", *GONE_TOO_FAR)),
    Rule(course.spike_recovered, (*BROKEN, "spike")),
    Rule(course.single_gap, (*BROKEN, "spike")),
    Rule(course.plateau, (*HURT, *STUCK, *GONE_TOO_FAR, "too_early")),
    Rule(course.noisy, (*BROKEN, "too_early", "not_going_down")),
    Rule(course.small_heldout),
    Rule(course.healthy, (*HURT, *STUCK, *GONE_TOO_FAR, "too_early", "plateau")),
    Rule(course.summing_up),
)


def diagnose(series: Series, facts: RunFacts) -> list[Remark]:
    """What the curve means and what to do, the most important first; at the end of a run, a sum of it as the last."""
    view = View(series, facts)
    remarks: list[Remark] = []
    for rule in RULES:
        if any(remark.kind in rule.unless for remark in remarks):
            continue
        remark = rule.judge(view)
        if remark:
            remarks.append(remark)
    return remarks


def marks(series: Series, facts: RunFacts) -> list[tuple[int, str, str]]:
    """(step, "spike", words) of each point that matters on the curve."""
    view = View(series, facts)
    wrong = series.steps[~numpy.isfinite(series.loss)]
    found = [(int(step), "spike", "The loss was no number.") for step in wrong[:1]]
    for first, last in view.spikes:
        high = float(view.loss[first : last + 1].max())
        before = float(numpy.median(view.loss[max(0, first - 24) : first]))
        found.append((int(view.steps[first]), "spike", f"A spike: {high:.2f}, from {before:.2f}."))
    return sorted(found)
