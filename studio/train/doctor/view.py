"""What several rules need to know of a curve, reckoned once."""

from __future__ import annotations

import math
from functools import cached_property

import numpy

from studio.train.doctor import levels
from studio.train.doctor.series import Array, RunFacts, Series

FEWEST_STEPS = 12
LONGEST_HEAD = 20  # steps: a curve falls fastest at its beginning, and a long head would hide it
LONGEST_TAIL = 200
SMALL_HELDOUT = 10  # examples
STEADY = 2.0  # sigmas of a trend: three looks, each worse than the one before, are just enough


class View:
    """A curve as the rules see it. Losses that are no numbers are left out of all but `series`."""

    def __init__(self, series: Series, facts: RunFacts) -> None:
        self.series = series
        self.facts = facts
        known = numpy.isfinite(series.loss)
        self.steps: Array = series.steps[known]
        self.loss: Array = series.loss[known]
        looks = [(step, loss) for step, loss in series.heldout if math.isfinite(loss)]
        self.heldout_steps: Array = numpy.array([step for step, _ in looks], dtype=float)
        self.heldout: Array = numpy.array([loss for _, loss in looks], dtype=float)

    @cached_property
    def last_step(self) -> int:
        last = self.series.steps[-1] if len(self.series.steps) else 0
        return int(max(last, self.heldout_steps[-1] if len(self.heldout) else 0))

    @cached_property
    def planned(self) -> int:
        return max(self.facts.steps, self.last_step, 1)

    @property
    def ended(self) -> bool:
        return self.facts.ended

    @cached_property
    def tells(self) -> bool:
        """There is enough of it to say anything about the trend."""
        return len(self.loss) >= FEWEST_STEPS

    @cached_property
    def tells_pace(self) -> bool:
        """The rate has been up for long enough that a loss which does not fall should have fallen."""
        past = self.last_step - min(self.facts.warmup_steps, self.planned)
        return self.tells and (self.ended or past >= max(20, min(50, self.planned // 10)))

    @cached_property
    def head(self) -> int:
        return int(numpy.clip(len(self.loss) // 10, 3, LONGEST_HEAD))

    @cached_property
    def tail(self) -> int:
        return int(numpy.clip(len(self.loss) // 10, 5, LONGEST_TAIL))

    @cached_property
    def start(self) -> float:
        return levels.median(self.loss[: self.head])

    @cached_property
    def end(self) -> float:
        return levels.median(self.loss[-self.tail :])

    @cached_property
    def sigma(self) -> float:
        """The batch noise of the newer half."""
        return levels.noise(self.loss[len(self.loss) // 2 :])

    @cached_property
    def fall_error(self) -> float:
        """Standard error of start - end."""
        sigma = levels.noise(self.loss)
        return math.hypot(levels.error(sigma, self.head), levels.error(sigma, self.tail))

    @cached_property
    def fell(self) -> bool:
        return self.start - self.end > max(3 * self.fall_error, 0.02 * self.start)

    @cached_property
    def blocks(self) -> tuple[Array, Array]:
        """(first steps, levels) of the loss."""
        return levels.blocks(self.steps, self.loss)

    @cached_property
    def lowest(self) -> tuple[int, float]:
        """(step, level) where the loss was lowest, over three blocks, so that one lucky block does not count."""
        steps, level = self.blocks
        if len(level) < 3:
            place = int(numpy.argmin(level))
            return int(steps[place]), float(level[place])
        smooth = numpy.median(numpy.lib.stride_tricks.sliding_window_view(level, 3), axis=1)
        place = int(numpy.argmin(smooth))
        return int(steps[place + 1]), float(smooth[place])

    @cached_property
    def spikes(self) -> list[tuple[int, int]]:
        """(first, last) places in `steps` and `loss`."""
        return levels.spikes(self.loss)

    @cached_property
    def watches(self) -> bool:
        """The held-out curve has enough looks, at enough examples, to be gone by."""
        return len(self.heldout) >= 4 and self.facts.heldout_examples >= SMALL_HELDOUT

    @cached_property
    def best(self) -> tuple[int, float]:
        """(step, loss) of the best look at the held-out examples. There must have been one."""
        place = int(numpy.argmin(self.heldout))
        return int(self.heldout_steps[place]), float(self.heldout[place])

    @cached_property
    def heldout_sigma(self) -> float:
        """Noise of the held-out curve; of second differences, since it bends where it is best."""
        return levels.spread(numpy.diff(self.heldout, 2)) / math.sqrt(6) if len(self.heldout) > 4 else 0.0

    @cached_property
    def heldout_fall(self) -> float:
        """Share by which the held-out loss fell from its first look to its best; 0 without two looks."""
        if len(self.heldout) < 2 or self.heldout[0] <= 0:
            return 0.0
        return float(1 - self.heldout.min() / self.heldout[0])

    @cached_property
    def learns(self) -> bool:
        """One of the two losses has fallen by more than its noise."""
        noise = 3 * self.heldout_sigma / float(self.heldout[0]) if self.heldout_fall else 0.0
        return self.fell or self.heldout_fall > max(0.01, noise)

    def epochs_at(self, step: float) -> float:
        return self.facts.epochs * step / self.planned

    def level_between(self, first: float, last: float) -> float:
        """Median of the training loss over steps first to last; NaN if there are none."""
        start, end = numpy.searchsorted(self.steps, [first, last + 1])
        return levels.median(self.loss[start:end])
