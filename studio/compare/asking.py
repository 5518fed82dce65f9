"""How held-out questions are put where a run is scored: how many of them, and whether words are drawn by dice."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass
from typing import Any

from studio.compare.sampling import Sampling
from studio.errors import SettingError
from studio.runs import Run
from studio.store import read_json, write_json

KEPT = "score.asking.json"
ANEW = "Say anew how they are asked, and measure both."
MOST_TEMPERATURE = 2.0


@dataclass(frozen=True)
class Asking:
    """`questions`: how many are drawn by lot, 0 for all. `temperature` and `top_p` as in `Sampling`; 0 is greedy.

    `seed` draws the questions, and for each of them the dice, which are the same whoever answers it.
    """

    questions: int = 0
    temperature: float = 0.0
    top_p: float = Sampling.top_p
    seed: int = 0

    @property
    def sampling(self) -> Sampling:
        return Sampling(self.temperature, self.top_p, self.seed)

    @property
    def dice(self) -> dict[str, float]:
        """By what words were drawn; empty where none were."""
        return {"temperature": self.temperature, "top_p": self.top_p, "seed": self.seed} if self.temperature else {}

    @property
    def marks(self) -> list[str]:
        """What tells its answers from those that were asked for otherwise."""
        return [self._say_dice()] if self.temperature else []

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def draw(self, count: int) -> list[int]:
        """Places of the questions that are asked, of so many, in their order. More of them hold those of fewer."""
        if not 0 < self.questions < count:
            return list(range(count))
        return sorted(random.Random(self.seed).sample(range(count), count)[: self.questions])

    def seed_of(self, row: int) -> int:
        """Of a question's dice."""
        return random.Random(f"{self.seed} {row}").getrandbits(32)

    def say(self, of_all: int) -> str:
        """A sentence or two where it is not the usual way, all questions without dice; else nothing."""
        drawn = f"{self.questions:,} of {of_all:,} questions were drawn by lot (seed {self.seed})."
        dice = f"Words were drawn: {self._say_dice()}; of each question by the same dice for all."
        lot = [drawn] if 0 < self.questions < of_all else []
        return " ".join(lot + [dice] * bool(self.temperature))

    def _say_dice(self) -> str:
        return f"temperature {self.temperature:g}, top-p {self.top_p:g}, seed {self.seed}"


def make_asking(
    questions: float | None = None, temperature: float | None = None, top_p: float | None = None,
    seed: float | None = None,
) -> Asking:  # fmt: skip
    """As a person gives it; None is the usual way. Raises: SettingError for what cannot be."""
    usual = Asking()
    given = [usual.questions, usual.temperature, usual.top_p, usual.seed]
    for place, value in enumerate((questions, temperature, top_p, seed)):
        given[place] = given[place] if value is None else value
    if given[0] < 0 or given[3] < 0:
        raise SettingError("Questions and seed are numbers from 0 on.", "Give 0 questions to ask all of them.")
    if not 0 <= given[1] <= MOST_TEMPERATURE:
        raise SettingError(f"A temperature of {given[1]:g} makes no sense.", f"Give one of 0 to {MOST_TEMPERATURE:g}.")
    if not 0 < given[2] <= 1:
        raise SettingError(f"A top-p of {given[2]:g} makes no sense.", "Give one above 0, and at most 1.")
    return Asking(int(given[0]), float(given[1]), float(given[2]), int(given[3]))


def read_asking(run: Run) -> Asking:
    """How this run was asked to be scored last. Raises: DamagedError."""
    return Asking(**(read_json(run.folder / KEPT, anew=ANEW) or {}))


def keep_asking(run: Run, asking: Asking) -> None:
    write_json(run.folder / KEPT, asking.as_dict())


def asked_as(scores: dict[str, Any]) -> Asking:
    """How the answers of scores.json were asked for; an older version knew the usual way alone."""
    return Asking(**scores.get("asking", {}))


def say_asking(scores: dict[str, Any]) -> str:
    """As `Asking.say`, of what scores.json holds."""
    return asked_as(scores).say(scores.get("of_all", scores["examples"]))
