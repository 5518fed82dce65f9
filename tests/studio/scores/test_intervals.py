"""Intervals that hold the truth as often as they say, and words that follow from them."""

from __future__ import annotations

import json
import math

import numpy
import pytest
from scipy.stats import binomtest, t

from studio.scores.intervals import (
    SHARE,
    UNBOUNDED,
    Interval,
    of_difference,
    of_mean,
    student,
    tango,
    word_of,
)

EXPERIMENTS = 1000
POSITIVE = (0.0, math.inf)


def _shares(share):
    return lambda dice, n: (dice.random(n) < share).astype(float)


def _pairs_of_shares(before, after, kept):
    """A pair shares its luck with probability `kept`."""

    def draw(dice, n):
        luck, other = dice.random(n), dice.random(n)
        return (luck < before).astype(float), (numpy.where(dice.random(n) < kept, luck, other) < after).astype(float)

    return draw


def _losses(dice, n):
    before = dice.gamma(2, 0.6, n)
    return before, before * dice.beta(2, 5, n)


def _overlaps(dice, n):
    luck, other = dice.random(n), dice.random(n)
    return luck**3, numpy.where(dice.random(n) < 0.5, luck, other) ** 1.5


def _fields(dice, n):
    """Four fields each; one in five examples gains one, if one is left."""
    before = dice.integers(0, 5, n) / 4
    return before, numpy.where(dice.random(n) < 0.8, before, numpy.minimum(before + 0.25, 1))


MEANS = {
    "a share of one half": (_shares(0.5), 0.5, SHARE),
    "a share of 48 %": (_shares(0.48), 0.48, SHARE),
    "a share of 95 %": (_shares(0.95), 0.95, SHARE),
    "a share of 93 %": (_shares(0.93), 0.93, SHARE),
    "exponential": (lambda dice, n: dice.exponential(1, n), 1, POSITIVE),
    "gamma, skewed by 2.8": (lambda dice, n: dice.gamma(0.5, 1, n), 0.5, POSITIVE),
    "log-normal, skewed by 2.3": (lambda dice, n: dice.lognormal(0, 0.6, n), math.exp(0.18), UNBOUNDED),
    "overlaps near 0": (lambda dice, n: dice.beta(0.5, 3, n), 1 / 7, SHARE),
    "overlaps near 1": (lambda dice, n: dice.beta(8, 1, n), 8 / 9, SHARE),
    "fields, mostly all right": (
        lambda dice, n: numpy.where(dice.random(n) < 0.9, 1, dice.integers(0, 3, n) / 3), 0.9 + 0.1 / 3, SHARE,
    ),
}  # fmt: skip
DIFFERENCES = {
    "50 % and 50 %": (_pairs_of_shares(0.5, 0.5, 0.5), 0, SHARE),
    "50 % to 60 %": (_pairs_of_shares(0.5, 0.6, 0.5), 0.1, SHARE),
    "95 % and 95 %": (_pairs_of_shares(0.95, 0.95, 0.0), 0, SHARE),
    "90 % to 95 %": (_pairs_of_shares(0.9, 0.95, 0.3), 0.05, SHARE),
    "5 % to 95 %": (_pairs_of_shares(0.05, 0.95, 0.3), 0.9, SHARE),
    "losses": (_losses, 1.2 * (2 / 7 - 1), POSITIVE),
    "overlaps": (_overlaps, 1 / 2.5 - 1 / 4, SHARE),
    "fields, mostly unchanged": (_fields, 0.2 * 0.25 * 0.8, SHARE),
}


def covered(intervals: list[Interval], truth: float) -> float:
    return sum(each.low <= truth <= each.high for each in intervals) / len(intervals)


@pytest.mark.parametrize("count", [40, 200])
@pytest.mark.parametrize("name", MEANS)
def test_the_interval_of_a_mean_covers_in_93_to_97_of_100_experiments(name, count):
    draw, truth, bounds = MEANS[name]
    dice = numpy.random.default_rng(11)
    assert 0.93 <= covered([of_mean(draw(dice, count), bounds) for _ in range(EXPERIMENTS)], truth) <= 0.97


@pytest.mark.parametrize("count", [40, 200])
@pytest.mark.parametrize("name", DIFFERENCES)
def test_the_interval_of_a_difference_covers_in_93_to_97_of_100_experiments(name, count):
    draw, truth, bounds = DIFFERENCES[name]
    dice = numpy.random.default_rng(12)
    assert 0.93 <= covered([of_difference(*draw(dice, count), bounds) for _ in range(EXPERIMENTS)], truth) <= 0.97


@pytest.mark.parametrize("count", [40, 200])
@pytest.mark.parametrize("kept", [0.3, 0.7])
def test_where_hardly_a_pair_differs_an_interval_is_rather_too_wide(count, kept):
    """Of 40 pairs at 95 % one or two differ, which is too few for tails of 2.5 %."""
    dice = numpy.random.default_rng(13)
    draw = _pairs_of_shares(0.95, 0.95, kept)
    assert covered([of_difference(*draw(dice, count), SHARE) for _ in range(EXPERIMENTS)], 0) >= 0.93


@pytest.mark.parametrize("right", [0, 1, 20, 39, 40])
def test_a_share_has_wilsons_interval(right):
    wilson = binomtest(right, 40).proportion_ci(0.95, method="wilson")
    found = of_mean([1] * right + [0] * (40 - right), SHARE)
    assert (found.low, found.high) == pytest.approx((wilson.low, wilson.high), abs=1e-6)


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 9, 39, 199])
def test_students_half_width_is_scipys(freedom):
    assert student(freedom) == pytest.approx(t.ppf(0.975, freedom), rel=2e-3)


def test_tangos_interval_solves_his_equation():
    """At both ends the score statistic, with the share of lost pairs most likely there, is 1.96. Tango 1998."""
    for gained, lost, count in [(12, 2, 40), (0, 5, 40), (30, 1, 200), (1, 1, 20)]:
        found = tango(gained, lost, count)
        for end in (found.low, found.high):
            shares = numpy.linspace(max(0.0, -end), (1 - end) / 2, 400_001)[1:-1]
            likelihood = gained * numpy.log(shares + end) + lost * numpy.log(shares)
            likelihood += (count - gained - lost) * numpy.log(1 - end - 2 * shares)
            likely = shares[numpy.argmax(likelihood)]
            score = (gained - lost - count * end) / math.sqrt(count * (2 * likely + end - end * end))
            assert abs(score) == pytest.approx(1.96, abs=0.01)


@pytest.mark.parametrize("count", [1, 2, 3, 40])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_all_alike_is_no_certainty(count, value):
    one = of_mean([value] * count, SHARE)
    assert one.high - one.low > 1 / count / 2
    same = of_difference([value] * count, [value] * count, SHARE)
    assert same.low < 0 < same.high
    assert word_of(same, True, 40) == "can't tell"
    partly = of_difference([0.4] * count, [0.4] * count, SHARE)
    assert partly.low < 0 < partly.high
    turned = of_difference([0] * count, [1] * count, SHARE)
    assert turned.high == pytest.approx(1)
    assert turned.low < 1


def test_one_example_proves_nothing():
    assert word_of(of_difference([3.0], [1.0]), False, 40) == "can't tell"
    assert word_of(of_difference([0.2], [0.9], SHARE), True, 40) == "can't tell"
    assert json.loads(json.dumps(of_mean([3.0]).as_dict(), allow_nan=False)) == {"value": 3, "low": None, "high": None}
    for count in (2, 3, 5):
        found = of_difference(range(count), [2.0 * i + 1 for i in range(count)])
        assert math.isfinite(found.low)
        assert found.low < found.value < found.high


def test_an_interval_lies_within_what_is_possible():
    dice = numpy.random.default_rng(1)
    for _ in range(100):
        values = dice.beta(0.3, 0.1, 6)
        found = of_mean(values, SHARE)
        assert 0 <= found.low <= found.value <= found.high <= 1
        assert of_mean(values * 10, POSITIVE).low >= 0


def test_the_same_figures_give_the_same_interval():
    values = numpy.random.default_rng(2).random((2, 50))
    assert of_difference(*values) == of_difference(*values)
    assert of_mean(values[0]) == of_mean(list(values[0]))


def test_many_examples_need_no_resamples():
    values = numpy.random.default_rng(3).normal(5, 2, 20_000)
    found = of_mean(values)
    assert found.high - found.low == pytest.approx(2 * 1.96 * 2 / math.sqrt(20_000), rel=0.03)


@pytest.mark.parametrize(
    ("low", "high", "higher_is_better", "word"),
    [
        (0.1, 0.3, True, "better"),
        (0.1, 0.3, False, "worse"),
        (-0.3, -0.1, True, "worse"),
        (-0.3, -0.1, False, "better"),
        (-0.1, 0.3, True, "can't tell"),
        (0.0, 0.3, True, "can't tell"),
        (0.0, 0.0, False, "can't tell"),
    ],
)
def test_a_word_needs_an_interval_beside_nought(low, high, higher_is_better, word):
    assert word_of(Interval((low + high) / 2, low, high), higher_is_better, 40) == word
