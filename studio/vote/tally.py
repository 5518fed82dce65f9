"""What votes tell: how often chance would do as much, how sure the share is, how many more would settle it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

SETTLED = 0.05  # a fair coin does less than this
CONFIDENCE = 0.95
HALVINGS = 50  # of the line from 0 to 1: exact to 15 digits
EXACT_TIMES, MOST_TIMES = 200, 1_000_000
NEAR = 1.8  # standard deviations of a fair coin; within them nothing is settled, and that is quickly seen
FAR = 1000  # votes; who needs more than these needs another question


@dataclass(frozen=True)
class Tally:
    """Votes for the tuned model, against it, and for neither."""

    won: int
    lost: int
    tied: int

    @property
    def cast(self) -> int:
        return self.won + self.lost + self.tied

    @property
    def decided(self) -> int:
        return self.won + self.lost

    @property
    def p_value(self) -> float:
        return sign_test(self.won, self.lost)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the share of wins among the votes that decided."""
        return exact_interval(self.won, self.decided)

    @property
    def is_settled(self) -> bool:
        return self.p_value < SETTLED

    @property
    def votes_to_settle(self) -> int | None:
        """How many more, if wins, losses and ties go on in the same proportion; None if more than `FAR`, or never."""
        if self.is_settled:
            return 0
        if self.won == self.lost:
            return None
        more = max(self.won, self.lost)
        for decided in range(self.decided + 1, self.decided + FAR + 1):
            ahead = decided * more // self.decided
            far = 2 * ahead - decided > NEAR * math.sqrt(decided)
            if far and sign_test(ahead, decided - ahead) < SETTLED:
                votes = math.ceil((decided - self.decided) * self.cast / self.decided)
                return votes if votes <= FAR else None
        return None


@lru_cache(maxsize=4096)
def sign_test(won: int, lost: int) -> float:
    """How often a fair coin is at least as far from even, either way: the exact two-sided binomial test; ties are out.

    Source: Dixon and Mood 1946, The statistical sign test.
    """
    count = won + lost
    if won == lost:
        return 1.0
    tail = sum(math.comb(count, heads) for heads in range(min(won, lost) + 1))
    return float(2 * tail / 2**count)


@lru_cache(maxsize=4096)
def exact_interval(won: int, count: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Bounds of a share: beyond each lies half of what is not sure. Source: Clopper and Pearson 1934."""
    half = (1 - confidence) / 2
    low = 0.0 if won == 0 else _share_where(won - 1, count, 1 - half)
    high = 1.0 if won == count else _share_where(won, count, half)
    return low, high


def _share_where(won: int, count: int, chance: float) -> float:
    """The share at which at most `won` of `count` come with this chance, which falls as the share rises."""
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _at_most(won, count, middle) > chance else (low, middle)
    return (low + high) / 2


def _at_most(won: int, count: int, share: float) -> float:
    """The chance of at most `won` of `count`, where each comes with the chance `share`, between 0 and 1."""
    logarithms = (
        math.lgamma(count + 1) - math.lgamma(n + 1) - math.lgamma(count - n + 1)
        + n * math.log(share) + (count - n) * math.log1p(-share)
        for n in range(won + 1)
    )  # fmt: skip
    return math.fsum(map(math.exp, logarithms))


def say_tally(tally: Tally) -> str:
    """The count, and how often chance alone would do as much."""
    if not tally.decided:
        return f"No vote has decided yet: {tally.tied} tied." if tally.tied else "No vote yet."
    counts = f"Tuned won {tally.won} of {tally.cast}, lost {tally.lost}, tied {tally.tied}"
    return f"{counts}; a fair coin would do this, one way or the other, {say_chance(tally.p_value)}."


def say_interval(tally: Tally) -> str:
    if not tally.decided:
        return ""
    share, low, high = (f"{100 * part:.0f}" for part in (tally.won / tally.decided, *tally.interval))
    votes = "1 vote that decided" if tally.decided == 1 else f"{tally.decided} votes that decided"
    return f"Of the {votes}, {share} % went to the tuned model (between {low} and {high} %)."


def say_more(tally: Tally, left: int) -> str:
    """How many more votes would settle it; `left` is how many questions are left."""
    if tally.is_settled:
        return f"Settled: the {'tuned' if tally.won > tally.lost else 'base'} model is preferred."
    more = tally.votes_to_settle
    if not tally.decided:
        return ""
    if more is None:
        return "Not settled. If it goes on like this, no number of votes that one would give settles it."
    words = "1 more vote" if more == 1 else f"about {more:,} more votes"
    short = f" Only {left} questions are left." if 0 < left < more else ""
    return f"Not settled. If wins, losses and ties go on in this proportion, {words} would settle it.{short}"


def say_chance(p_value: float) -> str:
    """A chance as people say it: 1 in 79 times, 6 in 10 times."""
    if p_value > 1 / 3:
        tenths = round(10 * p_value)
        return f"{tenths} in 10 times" if tenths < 10 else "nearly every time"
    if p_value * MOST_TIMES < 1:
        return f"less than 1 in {MOST_TIMES:,} times"
    times = 1 / p_value
    digits = 1 if times < EXACT_TIMES else 10 ** (math.floor(math.log10(times)) - 1)  # two digits are honest
    return f"1 in {round(times / digits) * digits:,} times"
