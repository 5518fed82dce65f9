"""How sure one can be: 95 % intervals of a mean and of a paired difference. The same figures give the same interval.

Which method stands where was chosen by coverage in simulation, at 40 and 200 examples:

- a share: Wilson's score interval, which is never of no width, also where all are right. Of values between 0 and 1
  that are mostly one value, the same, with the number of examples that a share of this variance would need.
- a difference of paired shares: Tango's score interval, which stays honest where hardly a pair differs.
- other means: bootstrap over examples, studentized, since the percentile and BCa intervals of skewed values
  cover but 89 to 93 % at 40 examples.
- other differences: the same with symmetric tails, since heavy tails on both sides mislead the equal-tailed one.
- what is no mean (macro F1, perplexity): see studio.scores.compound.
- of fewer than six examples no word is said, however alike their differences are: were chance alone at work, all of
  five would still go to one side once in 16 times (2 * 0.5 ** 5, a sign test), of six once in 32. There too, values
  between 0 and 1 are counted as if they were all 0 or 1: none spread more, and the spread of a few is luck.

Sources: Wilson 1927; Tango 1998, Statistics in Medicine 17; Efron 1987, Better bootstrap confidence intervals;
Hall 1988, On symmetric bootstrap confidence intervals; Korn and Graubard 1998, on the effective number of examples.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Literal

import numpy
from numpy.typing import NDArray

Floats = NDArray[numpy.float64]
Bounds = tuple[float, float]
Word = Literal["better", "worse", "can't tell"]

CONFIDENCE = 0.95
RESAMPLES = 2000
SEED = 6
FEWEST = 6  # examples of which a word is said
MOST_TO_RESAMPLE = 2000  # examples; of more the mean is as good as normal, and the resamples would fill the memory
SHARE: Bounds = (0.0, 1.0)
UNBOUNDED: Bounds = (-math.inf, math.inf)
_NORMAL = NormalDist()
_Z = _NORMAL.inv_cdf((1 + CONFIDENCE) / 2)


@dataclass(frozen=True)
class Interval:
    """A value, and between which bounds it lies with 95 %; a bound that nothing is known of is infinite."""

    value: float
    low: float
    high: float

    def as_dict(self) -> dict[str, float | None]:
        """JSON has no infinity: such a bound is None."""
        pairs = {"value": self.value, "low": self.low, "high": self.high}
        return {name: round(number, 6) if math.isfinite(number) else None for name, number in pairs.items()}


def word_of(difference: Interval, higher_is_better: bool, examples: int) -> Word:
    """What a difference of tuned minus base says: nothing while its interval holds 0, or of too few examples."""
    if examples < FEWEST or difference.low <= 0 <= difference.high:
        return "can't tell"
    return "better" if (difference.low > 0) == higher_is_better else "worse"


def of_mean(values: Sequence[float] | Floats, bounds: Bounds = UNBOUNDED) -> Interval:
    """Of the mean of one or more values, each of which lies within the bounds."""
    array = numpy.asarray(values, float)
    mean, count = float(array.mean()), len(array)
    if bounds == SHARE and (count < FEWEST or _are_shares(array)):
        return Interval(mean, *wilson(mean, count))
    if bounds == SHARE and _usual(array) is not None:
        spread = float(array.var(ddof=1)) if count > 1 else 0.0
        effective = mean * (1 - mean) / spread * count if spread > 0 else count
        return Interval(mean, *wilson(mean, effective, student(count - 1)))
    if count < 2:
        return Interval(mean, *bounds)
    deviation = float(array.std())
    low, high = (0.0, 0.0)
    if deviation > 0:
        studentized = _studentized(array)
        low, high = numpy.quantile(studentized, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], method="nearest")
        if not (math.isfinite(low) and math.isfinite(high)):
            high = student(count - 1) / math.sqrt(count - 1)
            low = -high
    return _clip(Interval(mean, mean - float(high) * deviation, mean - float(low) * deviation), bounds)


def of_difference(
    base: Sequence[float] | Floats, tuned: Sequence[float] | Floats, bounds: Bounds = UNBOUNDED
) -> Interval:
    """Of the mean of tuned minus base, one or more examples, a value each; `bounds` are those of a single value."""
    one, other = numpy.asarray(base, float), numpy.asarray(tuned, float)
    differences = other - one
    if bounds == SHARE and (len(one) < FEWEST or (_are_shares(one) and _are_shares(other))):
        gained, lost = (float(numpy.maximum(sign * differences, 0).sum()) for sign in (1, -1))
        return tango(gained, lost, len(one))
    span = bounds[1] - bounds[0]
    mean = float(differences.mean())
    if len(differences) < 2:
        return Interval(mean, -span, span)
    sample = _with_rare_ones(differences, span)
    deviation, half = float(sample.std()), 0.0
    if deviation > 0:
        half = float(numpy.quantile(numpy.abs(_studentized(sample)), CONFIDENCE, method="nearest"))
        if not math.isfinite(half):
            half = student(len(sample) - 1) / math.sqrt(len(sample) - 1)
    return _clip(Interval(mean, mean - half * deviation, mean + half * deviation), (-span, span))


def tango(gained: float, lost: float, count: float) -> Interval:
    """Of a difference of paired shares: `gained` pairs turned right, `lost` turned wrong. Tango 1998.

    Effective numbers need not be whole.
    """
    difference = (gained - lost) / count

    def score(at: float) -> float:
        linear = -gained - lost + (2 * count - gained + lost) * at
        root = math.sqrt(max(linear * linear + 8 * count * lost * at * (1 - at), 0.0))
        variance = count * ((root - linear) / (2 * count) + at * (1 - at))
        return (gained - lost - count * at) / math.sqrt(max(variance, 1e-300))

    def bound(end: float, target: float) -> float:
        near, far = difference, end
        for _ in range(60):
            middle = (near + far) / 2
            near, far = (middle, far) if abs(score(middle)) < target else (near, middle)
        return near

    return Interval(difference, bound(-1.0, _Z), bound(1.0, _Z))


def _are_shares(values: Floats) -> bool:
    return bool(numpy.isin(values, (0.0, 1.0)).all())


def wilson(share: float, count: float, z: float = _Z) -> Bounds:
    """95 % interval of a share; all of 0 to 1 where nothing was counted. Source: Wilson 1927, score interval."""
    if not count:
        return SHARE
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(max(share * (1 - share), 0) / count + z * z / (4 * count * count))
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))


def student(freedom: float) -> float:
    """Half width of Student's t at 95 %. Source: Abramowitz and Stegun 26.7.5; the first two in closed form."""
    if freedom <= 2:
        return math.tan(math.pi * CONFIDENCE / 2) if freedom < 2 else CONFIDENCE * math.sqrt(2 / (1 - CONFIDENCE**2))
    z, n = _Z, freedom
    return (
        z
        + (z**3 + z) / (4 * n)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * n**3)
        + (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92160 * n**4)
    )


def _with_rare_ones(differences: Floats, span: float) -> Floats:
    """Where most differences are the same, one more to each side, as large as those that are not.

    A sample in which two of forty differ tells little of how many do: resamples without either are too sure of
    themselves. The mean stays. As Agresti and Min 2005 do for paired shares.
    """
    usual = _usual(differences)
    if usual is None:
        return differences
    others = differences[differences != usual] - usual
    step = float(numpy.sqrt((others**2).mean())) if len(others) else span if math.isfinite(span) else 0.0
    mean = differences.mean()
    return numpy.concatenate([differences, [mean - step, mean + step]])


def _usual(values: Floats) -> float | None:
    """The value that more than half of them have; None without one."""
    each, counts = numpy.unique(values, return_counts=True)
    return float(each[counts.argmax()]) if counts.max() * 2 > len(values) else None


def _studentized(values: Floats) -> Floats:
    """(resampled mean - mean) / resampled deviation, (RESAMPLES,); infinite where a resample has no deviation."""
    count = len(values)
    if count > MOST_TO_RESAMPLE:
        return _NORMAL_DRAWS / math.sqrt(count)
    off = values - values.mean()
    weights = _weights(count)
    means = weights @ off / count
    deviations = numpy.sqrt(numpy.maximum(weights @ (off * off) / count - means**2, 0))
    # Deviations of rounding errors alone are none.
    flat = deviations <= 1e-9 * off.std()
    ratios = numpy.where(flat, numpy.copysign(math.inf, means), means / numpy.where(flat, 1.0, deviations))
    return numpy.asarray(ratios, float)


_NORMAL_DRAWS: Floats = numpy.array([_NORMAL.inv_cdf((i + 0.5) / RESAMPLES) for i in range(RESAMPLES)])


@lru_cache(maxsize=4)
def _weights(count: int) -> Floats:
    """(RESAMPLES, count): how often each example is drawn."""
    draws = numpy.random.default_rng(SEED).integers(0, count, (RESAMPLES, count))
    places = draws + numpy.arange(RESAMPLES)[:, None] * count
    return numpy.bincount(places.ravel(), minlength=RESAMPLES * count).reshape(RESAMPLES, count).astype(float)


def _clip(interval: Interval, bounds: Bounds) -> Interval:
    return Interval(interval.value, max(interval.low, bounds[0]), min(interval.high, bounds[1]))
