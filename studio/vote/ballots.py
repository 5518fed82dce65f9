"""Which questions are voted on, in which order, and whose answer stands on which side.

Order and sides are drawn once and kept in the run's folder; no seed is kept, and the page never reads this file.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from filelock import FileLock

from studio.data.conversation import Conversation
from studio.data.datasets import now
from studio.errors import DamagedError, RunError
from studio.runs import Run
from studio.store import read_json, read_rows, set_aside, write_json
from studio.vote.answers import Pair, read_pairs, step_of

FILE, VOTES = "ballots.json", "votes.jsonl"
ANEW = "Begin a new vote; the votes that were given are kept in votes.jsonl."
Maker = Literal["base", "tuned"]
MAKERS: tuple[Maker, Maker] = ("base", "tuned")


@dataclass(frozen=True)
class Ballot:
    """A question with its two answers; `left` is whose answer stands on the left. `place` counts from 0."""

    place: int
    pair: Pair
    left: Maker

    @property
    def right(self) -> Maker:
        return "base" if self.left == "tuned" else "tuned"

    @property
    def shown(self) -> tuple[str, str]:
        """The answers on the left and on the right."""
        base, tuned = self.pair.base, self.pair.tuned
        return (tuned, base) if self.left == "tuned" else (base, tuned)

    @property
    def mark(self) -> str:
        """What a page sends back to say which ballot it showed; made of nothing but what is shown."""
        shown = [self.place, [message.content for message in self.pair.prompt], *self.shown]
        return hashlib.sha256(json.dumps(shown).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Round:
    """One vote over all its ballots. `same`: on how many questions both gave the same answer, which nobody votes on."""

    number: int
    ballots: tuple[Ballot, ...]
    same: int
    settings: dict[str, Any]

    def is_of(self, run: Run) -> bool:
        """The run's weights are still those that answered."""
        return bool(self.settings["step"] == step_of(run))


def draw(pairs: Sequence[Pair], chance: random.Random, start: int = 0) -> tuple[Ballot, ...]:
    """Shuffle the questions, and toss a coin of its own for the sides of each.

    The sides are not evened out: the count after each vote tells the earlier sides, which would then tell the last.
    """
    shuffled = chance.sample(list(pairs), len(pairs))
    return tuple(Ballot(start + number, pair, chance.choice(MAKERS)) for number, pair in enumerate(shuffled))


def begin_or_extend(run: Run) -> Round:
    """A round of all questions that both have answered, or the one that there is with those answered since at its end.

    Once the run has learned on, or the ballots are damaged, a new round begins; the votes of earlier ones stay kept.
    Raises: RunError if there is nothing to choose between.
    """
    with alone(run):
        before = _read_or_set_aside(run)
        if before and before.is_of(run):
            settings, number, ballots = before.settings, before.number, before.ballots
        else:
            settings = {"base": run.recipe.base, "data": run.recipe.data, "step": step_of(run), "temperature": 0.0}
            number, ballots = 1 + (before.number if before else _last_voted(run)), ()
        known = {ballot.pair.row for ballot in ballots}
        pairs = [pair for pair in read_pairs(run) if pair.row not in known]
        different = [pair for pair in pairs if not pair.is_same]
        ballots += draw(different, random.SystemRandom(), len(ballots))
        if not ballots:
            raise RunError(
                f"Both gave the same answer to all {len(pairs)} questions, so there is nothing to choose.",
                "Train longer or with a higher learning rate, then vote.",
            )
        kept = Round(number, ballots, len(pairs) - len(different), settings)
        _write(run, kept)
        return kept


def _read_or_set_aside(run: Run) -> Round | None:
    try:
        return read_round(run)
    except DamagedError:
        set_aside(run.folder / FILE)
        return None


def _last_voted(run: Run) -> int:
    """The last round that votes are kept of, whatever became of its ballots; 0 without one."""
    return max((row["round"] for row in read_rows(run.folder / VOTES)), default=0)


def find_waiting(run: Run, current: Round) -> list[Pair]:
    """Questions that were answered after the round began."""
    known = {ballot.pair.row for ballot in current.ballots}
    return [pair for pair in read_pairs(run) if pair.row not in known and not pair.is_same]


@contextmanager
def alone(run: Run) -> Iterator[None]:
    """Two pages that begin or vote at the same moment do so one after the other."""
    with FileLock(run.folder / "votes.lock"):
        yield


def read_round(run: Run) -> Round | None:
    """The newest round; None before the first. Raises: DamagedError."""
    known = read_json(run.folder / FILE, anew=ANEW)
    if known is None:
        return None
    ballots = tuple(_as_ballot(place, each) for place, each in enumerate(known["ballots"]))
    return Round(known["round"], ballots, known["same"], known["settings"])


def _as_ballot(place: int, known: dict[str, Any]) -> Ballot:
    prompt = Conversation.from_dicts(known["prompt"]).messages
    pair = Pair(
        known["row"], prompt, known["wanted"], known["base"], known["tuned"], known["source"], known.get("dice", {})
    )
    return Ballot(place, pair, known["left"])


def _write(run: Run, kept: Round) -> None:
    ballots = [
        {
            "row": ballot.pair.row,
            "prompt": Conversation(ballot.pair.prompt).as_dicts(),
            "wanted": ballot.pair.wanted,
            "base": ballot.pair.base,
            "tuned": ballot.pair.tuned,
            "source": ballot.pair.source,
            "dice": ballot.pair.dice,
            "left": ballot.left,
        }
        for ballot in kept.ballots
    ]
    known = {"round": kept.number, "written": now(), "same": kept.same, "settings": kept.settings, "ballots": ballots}
    write_json(run.folder / FILE, known)
