"""How far two who judged the same agree, beyond what chance would do: Cohen's kappa, and what it means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from studio.report.figures import MINUS
from studio.scores.intervals import SHARE, Interval, of_mean

LEAST = 10  # questions; of fewer nothing is said
FAIR = 0.4
LEVELS = (  # from which kappa on; the borders are those of Landis and Koch 1977
    (0.8, "as you do, very nearly", "You can believe it on questions like these."),
    (0.6, "much as you do", "You can lean on it, and look at some answers yourself."),
    (FAIR, "somewhat as you do", "Take its count as a hint, and your own votes as the measure."),
    (0.2, "little as you do", "Do not rely on it here: ask a larger model, or go by your own votes."),
    (-1.0, "hardly as you do", "Do not believe it here: ask a larger model, or go by your own votes."),
)


@dataclass(frozen=True)
class Agreement:
    """`kappa` with its 95 % interval; None where both always said one and the same, so that chance would too."""

    both: int
    same: int
    kappa: Interval | None

    @property
    def tells(self) -> bool:
        """Surely more than chance, or surely not much."""
        return self.both >= LEAST and self.kappa is not None and (self.kappa.low > 0 or self.kappa.high < FAIR)

    @property
    def words(self) -> str:
        """Whether to believe the judge."""
        if not self.both:
            return (
                "No question that counts here has your vote. Vote in Blind vote; then it shows if it judges as you do."
            )
        count = f"You and it judged the same {self.both} question{'s' * (self.both != 1)}, and agreed on {self.same}"
        if self.both < LEAST:
            return f"{count}: too few votes to tell. Vote on {LEAST - self.both} more."
        if self.kappa is None:
            return f"{count}, both always with the same word, as chance would too: that does not tell."
        value, low, high = (
            f"{part:.2f}".replace("-", MINUS) for part in (self.kappa.value, self.kappa.low, self.kappa.high)
        )
        kappa = f"Cohen’s kappa {value}, between {low} and {high}"
        if not self.tells:
            return f"{count} ({kappa}): too few votes to tell. Vote on more."
        words, advice = next((words, advice) for least, words, advice in LEVELS if self.kappa.value >= least)
        if self.kappa.low < FAIR <= self.kappa.value:
            advice = "That is not sure yet; more votes would tell."
        return f"{count} ({kappa}): it judges {words}. {advice}"

    def as_dict(self) -> dict[str, Any]:
        known = {"both": self.both, "same": self.same, "tells": self.tells, "words": self.words}
        return known | (self.kappa.as_dict() if self.kappa else {"value": None, "low": None, "high": None})


def compare(one: Sequence[str], other: Sequence[str]) -> Agreement:
    """Of what each of the two called the same questions, in the same order."""
    agree = [a == b for a, b in zip(one, other, strict=True)]
    return Agreement(len(agree), sum(agree), cohen_kappa(one, other))


def cohen_kappa(one: Sequence[str], other: Sequence[str]) -> Interval | None:
    """(observed - expected) / (1 - expected); None where that is 0 / 0.

    Its interval is Wilson's of the share observed, with the share expected as it is, which covers also where all agree.
    Source: Cohen 1960, A coefficient of agreement for nominal scales.
    """
    count = len(one)
    if not count:
        return None
    expected = sum(one.count(label) * other.count(label) for label in {*one, *other}) / count**2
    if expected == 1:
        return None
    observed = of_mean([a == b for a, b in zip(one, other, strict=True)], SHARE)
    value, low, high = ((share - expected) / (1 - expected) for share in (observed.value, observed.low, observed.high))
    return Interval(value, max(-1.0, low), high)
