"""Two judgements of each question, with sides swapped, and when they count: only when both say the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from studio.judge.form import CRITERIA, Judgement, Place, Rating
from studio.scores.intervals import Bounds, of_difference, of_mean, word_of
from studio.vote.ballots import MAKERS, Maker
from studio.vote.tally import Tally

Winner = Literal["base", "tuned", "same"]
SCALE: Bounds = (1.0, 5.0)


@dataclass(frozen=True)
class Judged:
    """A question; `base_first` is what was said when base's answer stood first, None if it could not be read."""

    row: int
    base_first: Judgement | None
    tuned_first: Judgement | None

    @property
    def is_read(self) -> bool:
        return self.base_first is not None and self.tuned_first is not None

    @property
    def winners(self) -> tuple[Winner | None, Winner | None]:
        """Whose answer was better when base, and when tuned, stood first."""
        return _winner(self.base_first, "base"), _winner(self.tuned_first, "tuned")

    @property
    def winner(self) -> Winner | None:
        """None where the two orders disagree or one could not be read."""
        one, other = self.winners
        return one if one == other else None

    @property
    def is_swayed(self) -> bool:
        """The order of the answers, and not the answers, decided."""
        return self.is_read and self.winner is None

    def ratings(self, maker: Maker) -> list[Rating]:
        """Of this maker's answer, one of each order that could be read."""
        return [
            getattr(said, _place(maker, first))
            for said, first in ((self.base_first, MAKERS[0]), (self.tuned_first, MAKERS[1]))
            if said is not None
        ]

    def score(self, maker: Maker, criterion: str) -> float:
        """The mean of both orders."""
        scores = [rating.of(criterion) for rating in self.ratings(maker)]
        return sum(scores) / len(scores)


def _place(maker: Maker, first: Maker) -> Place:
    return "first" if maker == first else "second"


def _winner(said: Judgement | None, first: Maker) -> Winner | None:
    if said is None:
        return None
    if said.better == "same":
        return "same"
    return next(maker for maker in MAKERS if _place(maker, first) == said.better)


def tally_of(judged: Sequence[Judged]) -> Tally:
    """Of those that count."""
    winners = [each.winner for each in judged]
    return Tally(winners.count("tuned"), winners.count("base"), winners.count("same"))


def swayed_to_first(judged: Sequence[Judged]) -> int:
    """Of the swayed, those where whatever stood first was called better."""
    return sum(each.winners == ("base", "tuned") for each in judged if each.is_swayed)


def compare(judged: Sequence[Judged]) -> dict[str, Any]:
    """Each criterion's mean before and after, and the difference, over the questions that count; empty without one."""
    counted = [each for each in judged if each.winner is not None]
    if not counted:
        return {}
    found = {}
    for criterion in CRITERIA:
        base, tuned = ([each.score(maker, criterion) for each in counted] for maker in MAKERS)
        difference = of_difference(base, tuned, SCALE)
        found[criterion] = {
            "before": of_mean(base, SCALE).as_dict(),
            "after": of_mean(tuned, SCALE).as_dict(),
            "difference": difference.as_dict(),
            "word": word_of(difference, higher_is_better=True, examples=len(counted)),
        }
    return found
