"""Macro F1 and perplexity: intervals that hold the truth as often as they say, whatever is rare."""

from __future__ import annotations

import math
import tracemalloc

import numpy
import pytest

from studio.scores import compound
from studio.scores.intervals import Interval, of_difference, of_mean, tango, wilson
from studio.scores.labels import macro_f1_of

EXPERIMENTS = 1000
POSITIVE = (0.0, math.inf)
LABELS = {
    "3": [1 / 3] * 3,
    "3, one of them rare": [0.6, 0.3, 0.1],
    "7": [1 / 7] * 7,
    "7, some rare": [0.35, 0.25, 0.15, 0.1, 0.05, 0.05, 0.05],
}


def answers(luck, noise, wanted, kinds, right):
    """So many right; the others one of the other labels, or one time in five none."""
    mistaken = (wanted + 1 + (noise * (kinds - 1)).astype(int)) % kinds
    return numpy.where(luck < right, wanted, numpy.where(noise * 1000 % 1 < 0.2, -1, mistaken))


def truth(common, right):
    """Macro F1 of endless examples."""
    common = numpy.array(common)
    others = (common.sum() - common) * (1 - right) * 0.8 / (len(common) - 1)
    return float((2 * common * right / (common + common * right + others)).mean())


def labelled(common, count, before, after, kept):
    """Base and tuned; they share their luck with probability `kept`."""
    dice, kinds = numpy.random.default_rng(21), len(common)
    for _ in range(EXPERIMENTS):
        wanted = dice.choice(kinds, p=common, size=count)
        luck, other, noise, another = dice.random((4, count))
        is_same = dice.random(count) < kept
        base = answers(luck, noise, wanted, kinds, before)
        tuned = answers(numpy.where(is_same, luck, other), numpy.where(is_same, noise, another), wanted, kinds, after)
        yield macro_f1_of(wanted, base), macro_f1_of(wanted, tuned)


def covered(intervals: list[Interval], true: float) -> float:
    return sum(each.low <= true <= each.high for each in intervals) / len(intervals)


@pytest.mark.parametrize("right", [0.6, 0.83, 0.95])
@pytest.mark.parametrize(
    ("name", "count", "least", "most"),
    [
        ("3", 40, 0.93, 0.97),
        ("3", 200, 0.93, 0.97),
        ("7", 40, 0.93, 0.97),
        ("7", 200, 0.93, 0.97),
        # As sure as the rarest label allows, so rather too wide where the mistakes are in the common ones.
        ("3, one of them rare", 40, 0.93, 1),
        ("3, one of them rare", 200, 0.93, 1),
        ("7, some rare", 40, 0.93, 1),
        ("7, some rare", 200, 0.93, 1),
        # Of 13 examples a label of seven has two or none.
        ("3", 13, 0.92, 0.99),
        ("7", 13, 0.92, 0.99),
    ],
)
def test_the_interval_of_macro_f1_covers_as_often_as_it_says(name, count, least, most, right):
    found = [compound.of_macro_f1(base) for base, _ in labelled(LABELS[name], count, right, right, 0)]
    assert least <= covered(found, truth(LABELS[name], right)) <= most


@pytest.mark.parametrize(
    ("before", "after", "kept"), [(0.6, 0.6, 0), (0.83, 0.83, 0), (0.6, 0.83, 0.5), (0.83, 0.95, 0.5)]
)
@pytest.mark.parametrize("count", [40, 200])
@pytest.mark.parametrize("name", ["3", "7"])
def test_the_interval_of_a_difference_of_macro_f1_covers_as_often_as_it_says(name, count, before, after, kept):
    pairs = list(labelled(LABELS[name], count, before, after, kept))
    found = [compound.of_macro_f1_change(*pair) for pair in pairs]
    assert 0.93 <= covered(found, truth(LABELS[name], after) - truth(LABELS[name], before)) <= 0.975


@pytest.mark.parametrize(
    ("name", "count", "before", "after", "kept"),
    [
        ("7", 40, 0.95, 0.95, 0),
        ("7", 40, 0.95, 0.95, 0.7),
        ("7", 13, 0.83, 0.83, 0),
        ("7", 13, 0.95, 0.95, 0),
        ("3", 13, 0.6, 0.83, 0.5),
        ("7, some rare", 40, 0.83, 0.83, 0),
        ("7, some rare", 40, 0.83, 0.95, 0.5),
        ("7, some rare", 200, 0.83, 0.95, 0.5),
    ],
)
def test_where_few_pairs_differ_or_a_label_is_rare_it_is_rather_too_wide(name, count, before, after, kept):
    found = [compound.of_macro_f1_change(*pair) for pair in labelled(LABELS[name], count, before, after, kept)]
    assert covered(found, truth(LABELS[name], after) - truth(LABELS[name], before)) >= 0.93


def _fall(dice, n):
    before = dice.gamma(2, 0.6, n)
    return before, before * dice.beta(2, 5, n)


def _same(dice, n):
    shared = dice.gamma(2, 0.5, n)
    return shared + dice.gamma(1, 0.2, n), shared + dice.gamma(1, 0.2, n)


def _apart(dice, n):
    return dice.gamma(2, 0.6, n), dice.gamma(2, 0.4, n)


# Mean losses of base and tuned are known in closed form.
LOSSES = {"fall": (_fall, 1.2, 1.2 * 2 / 7), "the same": (_same, 1.2, 1.2), "apart": (_apart, 1.2, 0.8)}


@pytest.mark.parametrize(("name", "count"), [*((name, count) for name in LOSSES for count in (13, 40)), ("fall", 200)])
def test_the_intervals_of_perplexity_cover_in_93_to_97_of_100_experiments(name, count):
    draw, before, after = LOSSES[name]
    dice = numpy.random.default_rng(22)
    drawn = [draw(dice, count) for _ in range(EXPERIMENTS)]
    levels = [compound.of_perplexity(of_mean(tuned, POSITIVE)) for _, tuned in drawn]
    assert 0.93 <= covered(levels, math.exp(after)) <= 0.97
    changes = [compound.of_perplexity_change(*pair) for pair in drawn]
    assert 0.93 <= covered(changes, math.exp(after) - math.exp(before)) <= 0.97


def test_labels_as_common_as_each_other_and_mistaken_alike_have_the_interval_of_their_share():
    """Each of four is mistaken once for the next: then macro F1 is the share of right labels."""
    wanted = numpy.repeat(numpy.arange(4), 10)
    given = wanted.copy()
    given[::10] = (wanted[::10] + 1) % 4
    base, tuned = macro_f1_of(wanted, wanted * 0 - 1), macro_f1_of(wanted, given)
    found = compound.of_macro_f1(tuned)
    assert found.value == pytest.approx(0.9)
    assert (found.low, found.high) == pytest.approx(wilson(0.9, 40, 2.0227), abs=0.005)
    change, share = compound.of_macro_f1_change(base, tuned), tango(36, 0, 40)
    assert (change.value, change.low, change.high) == pytest.approx((share.value, share.low, share.high), abs=0.005)


@pytest.mark.parametrize("count", [1, 2, 13, 40])
def test_no_interval_of_macro_f1_is_without_width(count):
    wanted = numpy.arange(count) % 7
    right, wrong = macro_f1_of(wanted, wanted), macro_f1_of(wanted, wanted * 0 - 1)
    level, nought = compound.of_macro_f1(right), compound.of_macro_f1(wrong)
    assert (level.high, nought.low) == (1, 0)
    assert 1 - level.low > 1 / count / 2
    assert nought.high > 1 / count / 2
    same = compound.of_macro_f1_change(right, right)
    assert same.low < -1 / count / 2
    assert same.high > 1 / count / 2
    assert compound.of_macro_f1_change(wrong, right).low < 1


def test_a_difference_of_perplexities_is_one_where_that_of_the_losses_is_small_and_sure():
    base = numpy.random.default_rng(23).gamma(2, 0.6, 60)
    tuned = base - 0.01 + numpy.random.default_rng(24).normal(0, 0.002, 60)
    found, losses = compound.of_perplexity_change(base, tuned), of_difference(base, tuned, POSITIVE)
    between = math.exp((base.mean() + tuned.mean()) / 2)
    assert found.value == pytest.approx(math.exp(tuned.mean()) - math.exp(base.mean()))
    assert (found.low, found.high) == pytest.approx((losses.low * between, losses.high * between), rel=0.5)
    assert found.high < 0


def test_perplexities_beyond_any_number_have_no_bound():
    found = compound.of_perplexity_change([10.0, 2000.0], [1.0, 900.0])
    assert (found.low, found.high) == (-math.inf, math.inf)
    alone = compound.of_perplexity_change([1.0], [0.5])
    assert alone.value == pytest.approx(math.exp(0.5) - math.e)
    assert alone.as_dict()["low"] is alone.as_dict()["high"] is None


def test_ten_thousand_examples_take_little_memory():
    dice = numpy.random.default_rng(25)
    wanted, given = dice.integers(0, 50, (2, 10_000))
    losses = dice.gamma(2, 0.5, (2, 10_000))
    tracemalloc.start()
    compound.of_macro_f1_change(macro_f1_of(wanted, wanted), macro_f1_of(wanted, given))
    compound.of_perplexity_change(*losses)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 5e6
