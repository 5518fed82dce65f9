"""What votes tell is exact: the sign test, the interval of the share, and how many more would settle it."""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction

import pytest
from scipy.stats import binomtest

from studio.vote.tally import Tally, exact_interval, say_chance, say_interval, say_more, say_tally, sign_test

MOST = 45


def chances(count: int, share: Fraction) -> list[Fraction]:
    """The chance of 0, 1, ... of `count`, exact."""
    return [math.comb(count, n) * share**n * (1 - share) ** (count - n) for n in range(count + 1)]


def test_the_p_value_is_scipys_two_sided_binomial_test():
    for count in range(1, MOST):
        for won in range(count + 1):
            assert sign_test(won, count - won) == pytest.approx(binomtest(won, count).pvalue, rel=1e-12)


def test_the_p_value_is_the_sum_of_all_that_is_as_unlikely():
    for count in range(1, MOST):
        odds = chances(count, Fraction(1, 2))
        for won in range(count + 1):
            assert sign_test(won, count - won) == float(sum(each for each in odds if each <= odds[won]))


def test_no_votes_and_even_votes_are_what_chance_does_every_time():
    assert [sign_test(count, count) for count in (0, 1, 20)] == [1, 1, 1]
    assert say_chance(sign_test(0, 5000)) == "less than 1 in 1,000,000 times"  # a float has no room for it
    assert sign_test(3, 14) == sign_test(14, 3) == 1668 / 131072


def test_the_interval_is_scipys():
    for count in (1, 2, 7, 20, 41, 300):
        for won in {0, 1, count // 3, count // 2, count - 1, count}:
            theirs = binomtest(won, count).proportion_ci(0.95, method="exact")
            assert exact_interval(won, count) == pytest.approx((theirs.low, theirs.high), abs=1e-9)
    assert exact_interval(0, 0) == (0, 1)


@pytest.mark.parametrize("count", [1, 6, 20, 41])
def test_the_interval_holds_the_true_share_at_least_95_times_in_100(count):
    for hundredths in range(1, 100):
        share = Fraction(hundredths, 100)
        odds = chances(count, share)
        bounds = [exact_interval(won, count) for won in range(count + 1)]
        held = sum(odd for odd, (low, high) in zip(odds, bounds, strict=True) if low <= share <= high)
        assert held >= Fraction(95, 100)


def test_ties_count_for_neither():
    assert Tally(14, 3, 3).p_value == Tally(14, 3, 0).p_value == Tally(14, 3, 500).p_value
    assert Tally(14, 3, 3).interval == exact_interval(14, 17)


def test_it_is_said_in_a_sentence():
    assert say_tally(Tally(14, 3, 3)) == (
        "Tuned won 14 of 20, lost 3, tied 3; a fair coin would do this, one way or the other, 1 in 79 times."
    )
    assert say_interval(Tally(14, 3, 3)) == (
        "Of the 17 votes that decided, 82 % went to the tuned model (between 57 and 96 %)."
    )
    assert say_tally(Tally(0, 0, 0)) == "No vote yet."
    assert say_tally(Tally(0, 0, 2)) == "No vote has decided yet: 2 tied."
    assert say_interval(Tally(0, 0, 2)) == say_more(Tally(0, 0, 2), 5) == ""
    assert say_interval(Tally(1, 0, 0)).startswith("Of the 1 vote that decided, 100 % went")


@pytest.mark.parametrize(
    ("p_value", "words"),
    [
        (1, "nearly every time"), (0.96, "nearly every time"), (0.62, "6 in 10 times"), (0.34, "3 in 10 times"),
        (1 / 3, "1 in 3 times"), (0.0127, "1 in 79 times"), (0.0042, "1 in 240 times"), (1.2e-4, "1 in 8,300 times"),
        (1e-6, "1 in 1,000,000 times"), (1e-9, "less than 1 in 1,000,000 times"),
    ],
)  # fmt: skip
def test_a_chance_is_said_with_honest_digits(p_value, words):
    assert say_chance(p_value) == words


def test_what_would_settle_it_settles_it_and_one_vote_fewer_would_not():
    assert Tally(1, 0, 0).votes_to_settle == 5  # six of six: 2 in 64
    assert Tally(0, 1, 0).votes_to_settle == 5
    assert Tally(2, 1, 0).votes_to_settle == 39
    assert sign_test(28, 14) < 0.05 < sign_test(27, 14)
    assert Tally(1, 0, 1).votes_to_settle == 10  # every second vote is a tie


def test_the_votes_that_are_missing_are_the_fewest_at_the_same_proportion():
    for won in range(1, 8):
        for lost in range(won):
            tally = Tally(won, lost, 0)
            more = tally.votes_to_settle
            if tally.is_settled or more is None:
                continue
            settles = [
                count
                for count in range(won + lost + 1, won + lost + more + 1)
                if binomtest(count * won // (won + lost), count).pvalue < 0.05
            ]
            assert settles == [won + lost + more]


def test_what_stands_even_or_nearly_so_is_never_settled():
    assert Tally(5, 5, 3).votes_to_settle is None
    assert Tally(260, 250, 0).votes_to_settle is None
    assert "no number of votes" in say_more(Tally(5, 5, 3), 10)


def test_it_says_how_many_more_and_whether_as_many_questions_are_left():
    assert say_more(Tally(14, 3, 3), 21) == "Settled: the tuned model is preferred."
    assert say_more(Tally(3, 14, 3), 21) == "Settled: the base model is preferred."
    assert say_more(Tally(5, 0, 0), 9) == (
        "Not settled. If wins, losses and ties go on in this proportion, 1 more vote would settle it."
    )
    assert say_more(Tally(1, 0, 0), 3).endswith("about 5 more votes would settle it. Only 3 questions are left.")
    assert say_more(Tally(1, 0, 0), 9).endswith("about 5 more votes would settle it.")


def test_who_stops_at_the_first_good_moment_is_misled_as_often_as_the_page_says():
    """15 of 100 votes of up to 40 questions: a walk of a fair coin that ends where it looks settled."""
    walks, misled = {0: Fraction(1)}, Fraction(0)
    for count in range(1, 41):
        ahead = Counter[int]()
        for lead, chance in walks.items():
            for after in (lead + 1, lead - 1):
                ahead[after] += chance / 2  # type: ignore[assignment]
        settled = {lead for lead in ahead if sign_test((count + lead) // 2, (count - lead) // 2) < 0.05}
        misled += sum(ahead[lead] for lead in settled)
        walks = {lead: Fraction(chance) for lead, chance in ahead.items() if lead not in settled}
    assert 0.145 < misled < 0.155
