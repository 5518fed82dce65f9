"""Of a few examples no word is said, by any measure; from six on an interval tells as of any number."""

from __future__ import annotations

import numpy
import pytest
from scipy.stats import binomtest

from studio.judge.form import CRITERIA, Judgement, Rating
from studio.judge.pairing import Judged
from studio.judge.pairing import compare as compare_judged
from studio.scores.comparison import compare, compare_values
from studio.scores.expected import Expected
from studio.scores.intervals import FEWEST, SHARE, Interval, of_difference, of_mean, word_of
from studio.scores.measures import MEASURES, Example
from studio.scores.verdict import judge

EXPERIMENTS = 300


def nearly_constant(seed, count, step, spread):
    """Of each of `count` examples a value before and after; what they differ by is nearly the same."""
    dice = numpy.random.default_rng(seed)
    before = dice.uniform(0.3, 0.5, count)
    return before, before + step + dice.normal(0, spread, count)


@pytest.mark.parametrize("count", range(1, FEWEST))
@pytest.mark.parametrize("name", ["loss", "token_f1", "right"])
@pytest.mark.parametrize("spread", [0, 1e-9, 0.01])
def test_however_alike_a_few_differences_are_nothing_is_told(name, count, spread):
    for seed in range(EXPERIMENTS // 10):
        found = compare_values(MEASURES[name], *nearly_constant(seed, count, 0.3, spread))
        assert found.word == "can't tell"
        assert found.difference.low <= found.difference.value <= found.difference.high


@pytest.mark.parametrize("count", range(1, FEWEST))
def test_a_few_answers_that_all_turned_right_tell_nothing(count):
    wanted = [f"town {i}" for i in range(count)]
    losses = [2.0 + i / 100 for i in range(count)], [0.5 + i / 100 for i in range(count)]
    found = compare(
        [Example(each, Expected()) for each in wanted], ["no"] * count, wanted, ["right", "loss", "perplexity"], losses
    )
    assert {each.word for each in found.values()} == {"can't tell"}
    verdict = judge(found, "right", wanted)
    assert verdict.word == "can't tell"
    assert verdict.reason.endswith("Fewer than 6 are too few examples to tell.")


@pytest.mark.parametrize("name", ["loss", "token_f1", "right"])
def test_from_six_on_a_difference_that_is_always_there_is_told(name):
    measure = MEASURES[name]
    for seed in range(30):
        before, after = nearly_constant(seed, FEWEST, -0.3 if name == "loss" else 0.3, 0.01)
        values = (before > 0.6, after > 0.5) if name == "right" else (before, after)
        found = compare_values(measure, *(numpy.asarray(each, float) for each in values))
        assert found.word == "better"
        assert found.word == word_of(found.difference, measure.higher_is_better, 1000)


def test_six_is_the_fewest_of_which_a_sign_test_can_be_sure():
    assert binomtest(FEWEST, FEWEST).pvalue < 0.05 < binomtest(FEWEST - 1, FEWEST - 1).pvalue


@pytest.mark.parametrize("count", range(2, FEWEST))
@pytest.mark.parametrize("usual", [0.8, 0.9, 0.95])
def test_where_a_few_are_alike_by_luck_no_run_is_called_better(count, usual):
    """Most losses fall a little, some rise a lot, so that in truth it got worse: of a few, often none rises."""
    dice = numpy.random.default_rng(5)
    falls, rise = 0.3, 0.3 * usual / (1 - usual) * 1.5
    misled = 0
    for _ in range(EXPERIMENTS):
        change = numpy.where(dice.random(count) < usual, -falls + dice.normal(0, 0.01, count), rise)
        before = dice.uniform(1, 2, count)
        found = compare_values(MEASURES["loss"], before, before + change)
        misled += found.difference.high < 0
        assert found.word == "can't tell"
    assert misled > 0.2 * EXPERIMENTS, "the intervals alone would have told"


@pytest.mark.parametrize("count", range(2, FEWEST))
def test_of_a_few_values_between_0_and_1_the_interval_covers(count):
    """They are counted as if they spread as far as they could."""
    dice = numpy.random.default_rng(6)
    covered = changes = 0
    for _ in range(EXPERIMENTS):
        luck = dice.beta(0.5, 3, count)
        level = of_mean(luck, SHARE)
        covered += level.low <= 1 / 7 <= level.high
        after = numpy.where(dice.random(count) < 0.5, luck, dice.beta(3, 0.5, count))
        change = of_difference(luck, after, SHARE)
        changes += change.low <= (6 / 7 - 1 / 7) / 2 <= change.high
        assert -1 <= change.low <= change.value <= change.high <= 1
    assert min(covered, changes) >= 0.93 * EXPERIMENTS


def test_a_judge_of_a_few_questions_tells_nothing_either():
    def judged(count):
        low, high = (Rating(**{name: mark for name in CRITERIA}, reason="So.") for mark in (2, 4))
        return [
            Judged(
                row,
                Judgement(first=low, second=high, better="second"),
                Judgement(first=high, second=low, better="first"),
            )
            for row in range(count)
        ]

    assert {each["word"] for each in compare_judged(judged(FEWEST - 1)).values()} == {"can't tell"}
    assert {each["word"] for each in compare_judged(judged(FEWEST)).values()} == {"better"}


def test_an_interval_beside_nought_says_nothing_of_five():
    sure = Interval(0.3, 0.2, 0.4)
    assert [word_of(sure, True, count) for count in (FEWEST - 1, FEWEST)] == ["can't tell", "better"]
