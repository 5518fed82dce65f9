"""Curves made by a seeded generator, each with what is to be said of it: long runs and cases at the edge."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy

from studio.train.doctor import RunFacts
from studio.train.doctor.series import Array

Row = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A labelled curve. The first remark must be of a kind of `first`, none of a kind of `never`."""

    name: str
    rows: list[Row]
    facts: RunFacts
    first: tuple[str, ...]
    never: tuple[str, ...] = ()

    @property
    def is_healthy(self) -> bool:
        return "healthy" in self.first

    @property
    def is_aside(self) -> bool:
        """In the third that the rules were not tuned on; by its name, so that nobody chose."""
        return zlib.crc32(self.name.encode()) % 3 == 0


def falls(start: float, end: float, steps: int, pace: float = 6.0) -> Array:
    """(steps,): from start to end, fast at first; `pace` is how many times it falls to 1/e."""
    return end + (start - end) * numpy.exp(-pace * numpy.arange(1, steps + 1) / steps)


def facts(steps: int, **other: Any) -> RunFacts:
    known = {"ended": True, "heldout_examples": 60, "warmup_steps": steps // 20, "epochs": 2.0, "examples": 4 * steps}
    return RunFacts(steps=steps, **{**known, **other})


class Maker:
    """Rows with the noise of batches: gamma, as losses are positive and lean to the right; `batch` steadies it."""

    def __init__(self, name: str, batch: float = 4.0, seed: int = 0) -> None:
        self.random = numpy.random.default_rng(zlib.crc32(name.encode()) + seed)
        self.batch = batch

    def rows(self, level: Array, heldout: Array | None = None, looks: int = 10, rate: Array | None = None) -> list[Row]:
        """`heldout` is the level of the held-out loss at each step; the first look is before the first step."""
        count = len(level)
        shape = 6 * self.batch
        loss = level * self.random.gamma(shape, 1 / shape, count)
        norm = (0.4 + numpy.abs(level)) * self.random.lognormal(0, 0.3, count)
        rate = 2e-4 * (1 - numpy.arange(count) / count) if rate is None else rate
        at = {round(count * look / looks) for look in range(1, looks + 1)} if heldout is not None else set()
        rows: list[Row] = [] if heldout is None else [{"step": 0, "heldout_loss": float(heldout[0])}]
        for place in range(count):
            values = {"loss": loss[place], "grad_norm": norm[place], "learning_rate": rate[place]}
            rows.append({"step": place + 1, **{name: float(value) for name, value in values.items()}})
            if heldout is not None and place + 1 in at:
                value = float(heldout[place]) * (1 + 0.003 * self.random.normal())
                rows.append({"step": place + 1, "heldout_loss": value})
        return rows


ALARMS = (
    "not_a_number", "diverged", "exploding", "overfitting", "by_heart", "warming_up", "not_going_down", "too_slow",
)  # fmt: skip
MAKERS: list[Callable[[int], Case]] = []


def case(first: Sequence[str], never: Sequence[str] = (), batch: float = 4.0) -> Any:
    """Registers what a function makes under the function's name."""

    def register(make: Callable[[Maker], tuple[list[Row], RunFacts]]) -> None:
        def build(seed: int) -> Case:
            rows, known = make(Maker(make.__name__, batch, seed))
            return Case(make.__name__, rows, known, tuple(first), tuple(never))

        MAKERS.append(build)

    return register


def made_cases(seed: int = 0) -> list[Case]:
    """All of them; another seed gives other noise on the same curves."""
    return [build(seed) for build in MAKERS]


@case(["healthy"], ALARMS)
def long_healthy(make: Maker):
    level = 1.1 + 1.2 * numpy.arange(1, 10_001) ** -0.25
    return make.rows(level, level + 0.05, looks=20), facts(10_000)


@case(["noisy", "healthy"], ALARMS, batch=0.5)
def long_healthy_with_batches_of_one(make: Maker):
    level = 0.8 + 2.0 * numpy.arange(1, 10_001) ** -0.2
    return make.rows(level, level + 0.05, looks=10), facts(10_000)


@case(["overfitting"], ["healthy", "plateau"])
def long_overfitting(make: Maker):
    steps = numpy.arange(1, 10_001)
    heldout = falls(2.2, 1.3, 10_000, 12) + 0.5 * (numpy.maximum(0, steps - 4000) / 6000) ** 1.5
    return make.rows(falls(2.2, 0.3, 10_000, 3), heldout, looks=20), facts(10_000, epochs=6)


@case(["plateau"], ALARMS)
def long_plateau(make: Maker):
    level = falls(2.2, 1.2, 10_000, 60)
    return make.rows(level, level + 0.04, looks=20, rate=numpy.full(10_000, 2e-4)), facts(10_000)


@case(["spike", "healthy"], ALARMS)
def long_spike_that_recovers(make: Maker):
    level = 1.1 + 1.2 * numpy.arange(1, 10_001) ** -0.25
    level[6000:6040] += 4 * numpy.exp(-numpy.arange(40) / 10)
    return make.rows(level, level + 0.05, looks=20), facts(10_000)


@case(["spike", "diverged"], ["healthy", "plateau", "overfitting"])
def long_spike_that_stays(make: Maker):
    level = falls(2.4, 0.9, 4_000, 8)
    level[2500:] += 0.9
    return make.rows(level, level + 0.05, looks=16), facts(4_000)


@case(["diverged"], ["healthy", "plateau", "overfitting"])
def long_diverged(make: Maker):
    level = falls(2.2, 1.2, 3_000, 8)
    level[2000:] += 6 * (1 - numpy.exp(-numpy.arange(1000) / 100))
    return make.rows(level, level + 0.05), facts(3_000)


@case(["diverged"], ["healthy", "plateau"])
def climbs_slowly_again(make: Maker):
    level = falls(2.4, 0.8, 600, 10) + 1.2 * numpy.maximum(0, numpy.arange(600) - 250) / 350
    return make.rows(level, level + 0.05), facts(600)


@case(["not_a_number"], ["healthy", "plateau", "noisy"])
def ends_in_no_number(make: Maker):
    rows = make.rows(falls(2.2, 1.2, 800, 4), falls(2.2, 1.25, 800, 4))
    return [{**row, "loss": math.nan} if "loss" in row and row["step"] > 700 else row for row in rows], facts(800)


@case(["spike", "healthy"], ALARMS)
def single_no_number(make: Maker):
    rows = make.rows(falls(2.2, 1.2, 300, 3), falls(2.2, 1.25, 300, 3))
    return [{**row, "loss": None} if row["step"] == 120 and "loss" in row else row for row in rows], facts(300)


@case(["not_a_number"], ["healthy"])
def heldout_is_no_number(make: Maker):
    rows = make.rows(falls(2.2, 1.2, 100, 3), falls(2.2, 1.25, 100, 3))
    return [{**row, "heldout_loss": math.nan} if "heldout_loss" in row else row for row in rows], facts(100)


@case(["healthy"], [*ALARMS, "spike"])
def resumed_twice(make: Maker):
    rows = make.rows(falls(2.2, 1.1, 400, 3), falls(2.2, 1.15, 400, 3))
    marks = [{"step": 150, "mark": "resumed", "words": "Resumed."}]
    return rows[:220] + marks + rows[165:330] + marks + rows[275:], facts(400)


@case(["healthy"], [*ALARMS, "spike"])
def resumed_before_it_broke(make: Maker):
    rows = make.rows(falls(2.2, 1.1, 400, 3), falls(2.2, 1.15, 400, 3))
    broken = [{**row, "loss": math.nan} if "loss" in row else {**row, "heldout_loss": 40.0} for row in rows[200:280]]
    return rows[:200] + broken + rows[180:], facts(400)


@case(["healthy"], ALARMS)
def logged_with_gaps(make: Maker):
    rows = make.rows(falls(2.2, 1.1, 2_000, 3), falls(2.2, 1.15, 2_000, 3))
    kept = [row for row in rows if "heldout_loss" in row or (row["step"] % 10 == 0 and not 500 < row["step"] < 900)]
    return kept, facts(2_000)


@case(["small_heldout", "healthy"], ALARMS)
def nothing_held_out(make: Maker):
    return make.rows(falls(2.0, 1.0, 300, 3)), facts(300, heldout_examples=0)


@case(["healthy"], ALARMS)
def one_look_only(make: Maker):
    return make.rows(falls(2.0, 1.0, 300, 3), falls(2.0, 1.1, 300, 3), looks=1)[1:], facts(300)


@case(["healthy", "plateau"], ALARMS)
def knew_it_before(make: Maker):
    return make.rows(numpy.full(200, 0.03), numpy.full(200, 0.03)), facts(200)


@case(["plateau", "healthy"], ALARMS)
def both_near_zero(make: Maker):
    level = falls(1.2, 0.01, 400, 14)
    return make.rows(level, level + 0.004), facts(400, epochs=8)


@case(["healthy", "plateau"], ALARMS)
def near_zero_within_the_first_epoch(make: Maker):
    return make.rows(falls(1.5, 0.02, 200, 9)), facts(200, epochs=1, heldout_examples=12)


@case(["by_heart", "overfitting"], ["healthy", "plateau", "not_going_down"])
def by_heart_beside_a_flat_heldout(make: Maker):
    return make.rows(falls(1.8, 0.02, 400, 12), falls(1.8, 1.1, 400, 15)), facts(400, epochs=20, examples=80)


@case(["by_heart"], ["healthy", "overfitting"])
def by_heart_with_nothing_held_out(make: Maker):
    return make.rows(falls(1.8, 0.01, 300, 12)), facts(300, epochs=40, examples=30, heldout_examples=0)


@case(["too_slow"], ["healthy", "plateau", "not_going_down"])
def far_too_slow(make: Maker):
    level = numpy.linspace(2.0, 1.82, 500)
    return make.rows(level, level + 0.05, rate=numpy.full(500, 1e-6)), facts(500)


@case(["not_going_down"], ["healthy", "plateau", "too_slow"])
def never_moves(make: Maker):
    return make.rows(numpy.full(1_000, 1.7), numpy.full(1_000, 1.75)), facts(1_000)


@case(["not_going_down"], ["healthy", "plateau"])
def never_moves_and_is_still_on(make: Maker):
    return make.rows(numpy.full(120, 1.7), numpy.full(120, 1.75), looks=3), facts(1_000, ended=False)


@case(["exploding"], ["healthy"])
def gradients_explode(make: Maker):
    rows = make.rows(falls(2.0, 1.2, 400, 6), falls(2.0, 1.25, 400, 6))
    for row in rows:
        if "loss" in row:
            row["grad_norm"] *= 1 + 2 ** max(0.0, (row["step"] - 250) / 15)
    return rows, facts(400)


@case(["warming_up"], ["not_going_down"])
def warmup_longer_than_the_run(make: Maker):
    rate = numpy.linspace(0, 1e-5, 60)
    return make.rows(numpy.linspace(1.8, 1.75, 60), rate=rate), facts(200, ended=False, warmup_steps=4_000)


@case(["too_early"], ["healthy", "not_going_down", "noisy", "plateau"])
def seven_steps(make: Maker):
    return make.rows(falls(1.8, 1.5, 7, 2)), facts(200, ended=False)


@case(["healthy"], ALARMS)
def a_dozen_steps(make: Maker):
    level = falls(1.8, 0.9, 14, 2.5)
    return make.rows(level, level + 0.03, looks=4), facts(14, warmup_steps=1)


@case(["overfitting"], ["healthy", "plateau"])
def overfitting_and_still_on(make: Maker):
    heldout = falls(1.8, 1.0, 300, 14) + 0.5 * numpy.maximum(0, numpy.arange(300) - 120) / 180
    return make.rows(falls(1.8, 0.25, 300, 5), heldout, looks=10), facts(500, ended=False, epochs=10)


@case(["small_heldout"], ["overfitting", "diverged"])
def three_held_out_that_jitter(make: Maker):
    level = falls(1.8, 0.9, 200, 4)
    rows = make.rows(level, level + 0.05)
    for row in rows:
        if "heldout_loss" in row:
            row["heldout_loss"] *= 1 + 0.06 * make.random.normal()
    return rows, facts(200, heldout_examples=3)


@case(["healthy"], ALARMS)
def stairs_of_three_epochs(make: Maker):
    level = falls(1.7, 1.2, 300, 2.5) - 0.12 * (numpy.arange(300) // 100)
    return make.rows(level, falls(1.7, 1.12, 300, 2.5)), facts(300, epochs=3)


@case(["healthy"], ALARMS)
def healthy_and_still_on(make: Maker):
    level = falls(2.0, 0.9, 400, 5)[:150]
    return make.rows(level, level + 0.04, looks=5), facts(400, ended=False)


@case(["plateau"], ALARMS)
def plateau_and_still_on(make: Maker):
    level = falls(2.0, 0.9, 400, 40)[:250]
    return make.rows(level, level + 0.04, looks=6, rate=numpy.full(250, 1e-4)), facts(400, ended=False)
