"""Statistics that a few wild batches do not move.

Sources: medians and MAD, Rousseeuw and Croux, "Alternatives to the Median Absolute Deviation", JASA 88 (1993);
noise from differences of neighbours, which a trend does not touch, von Neumann, "Distribution of the Ratio of the
Mean Square Successive Difference to the Variance", Ann. Math. Stat. 12 (1941), here with the MAD for the mean square;
a steady rise, Mann, "Nonparametric Tests Against Trend", Econometrica 13 (1945).
"""

from __future__ import annotations

import math

import numpy

from studio.train.doctor.series import Array

MAD_TO_SIGMA = 1.4826  # of a normal distribution
MEDIAN_ERROR = 1.2533  # the standard error of a median, in those of a mean
LEAST_BEFORE, MOST_BEFORE = 10, 24  # steps that a spike is compared with; few in a short run, which falls steeply
SPIKE_OVER_HIGHEST = 1.3
LEAST_SPIKE = 0.3  # in nats


def median(values: Array) -> float:
    return float(numpy.median(values)) if len(values) else math.nan


def spread(values: Array) -> float:
    """Sigma of the bulk of the values."""
    return MAD_TO_SIGMA * median(numpy.abs(values - median(values))) if len(values) else 0.0


def noise(values: Array) -> float:
    """Sigma of the batch noise, whatever the trend."""
    return spread(numpy.diff(values)) / math.sqrt(2) if len(values) > 2 else 0.0


def error(sigma: float, count: int) -> float:
    """Standard error of the median of `count` values."""
    return MEDIAN_ERROR * sigma / math.sqrt(max(1, count))


def trend(values: Array) -> float:
    """How many sigmas the values rise more steadily than by chance (Mann and Kendall)."""
    values = values[:: math.ceil(len(values) / 200)]  # each pair is looked at
    count = len(values)
    first, second = numpy.triu_indices(count, 1)
    score = float(numpy.sign(values[second] - values[first]).sum())
    return score / math.sqrt(max(1, count * (count - 1) * (2 * count + 5)) / 18)


def blocks(steps: Array, values: Array, at_most: int = 100) -> tuple[Array, Array]:
    """(first step, median) of blocks of equal size, of five values at least.

    Shapes: (b,), (b,) with b <= at_most. The odd values that are left over are those at the beginning.
    """
    size = max(5, math.ceil(len(values) / at_most))
    count = len(values) // size
    if not count:
        return steps[:1], numpy.array([median(values)])[: len(values)]
    over = len(values) - count * size
    return steps[over::size], numpy.median(values[over:].reshape(count, size), axis=1)


def spikes(loss: Array) -> list[tuple[int, int]]:
    """(first, last) places where the loss leaps far out of what it was just before.

    Far is: many sigmas above the median of those before, and well above the highest of them: a batch of a hard
    example, which comes every epoch, is no spike. How many grows with the logarithm of the length, as the largest of
    many values with an exponential tail does; batch losses have one. Finite values are expected.
    """
    if len(loss) < 8:
        return []
    found: list[tuple[int, int]] = []
    limits = _limits(loss)
    candidates = numpy.flatnonzero(loss > limits)
    for place in candidates.tolist():
        if found and place <= found[-1][1]:
            continue
        last = place
        while last + 1 < len(loss) and loss[last + 1] > limits[place]:
            last += 1
        found.append((place, last))
    return found


def _limits(loss: Array) -> Array:
    """(n,): what each value must exceed to be a spike; infinite where there is too little before it."""
    limits = numpy.full(len(loss), math.inf)
    sigmas = 4 + 1.5 * math.log(len(loss))
    before = int(numpy.clip(len(loss) // 5, LEAST_BEFORE, MOST_BEFORE))
    for end in range(5, min(before, len(loss))):
        limits[end] = _limit(loss[:end][None], sigmas)[0]
    if len(loss) > before:
        # The highest of the window alone rules out nearly every place, at the cost of one pass.
        windows = numpy.lib.stride_tricks.sliding_window_view(loss[:-1], before)
        likely = numpy.flatnonzero(loss[before:] > SPIKE_OVER_HIGHEST * windows.max(axis=1))
        limits[before + likely] = _limit(windows[likely], sigmas)
    return limits


def _limit(before: Array, sigmas: float) -> Array:
    """Shapes: (windows, values) -> (windows,)."""
    level = numpy.median(before, axis=1)
    sigma = MAD_TO_SIGMA * numpy.median(numpy.abs(before - level[:, None]), axis=1)
    rise = numpy.maximum(numpy.maximum(sigmas * sigma, 0.3 * level), LEAST_SPIKE)
    limit: Array = numpy.maximum(level + rise, SPIKE_OVER_HIGHEST * before.max(axis=1))
    return limit
