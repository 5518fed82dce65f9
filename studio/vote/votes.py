"""What was voted: a row a vote in the run's votes.jsonl, and a row for each that was taken back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.data.conversation import Conversation
from studio.data.datasets import now
from studio.errors import DamagedError, SettingError
from studio.runs import Run
from studio.store import append_row, read_rows
from studio.vote.ballots import VOTES, Ballot, Round, alone, read_round
from studio.vote.tally import Tally

FILE = VOTES
CHOICES = ("left", "right", "both good", "both bad")
REASON_LENGTH, NAME_LENGTH = 500, 60
Row = dict[str, Any]


@dataclass(frozen=True)
class Standing:
    """How far a round is. `votes`: place -> row, in the order given; `seen`: places that ever had a vote."""

    round: Round
    votes: dict[int, Row]
    seen: frozenset[int] = frozenset()

    @property
    def next(self) -> Ballot | None:
        """The first ballot without a vote; None at the end."""
        return next((ballot for ballot in self.round.ballots if ballot.place not in self.votes), None)

    @property
    def tally(self) -> Tally:
        winners = [row["winner"] for row in self.votes.values()]
        return Tally(winners.count("tuned"), winners.count("base"), winners.count(""))

    @property
    def changed(self) -> int:
        """Votes that were given anew after the count had told the sides."""
        return sum(bool(row.get("again")) for row in self.votes.values())


def read_standing(run: Run) -> Standing | None:
    """None before the first round. Raises: DamagedError."""
    current = read_round(run)
    if current is None:
        return None
    votes: dict[int, Row] = {}
    seen = set()
    for row in read_rows(votes_file(run)):
        if row.get("round") == current.number:
            votes.pop(row["place"], None)
            seen.add(row["place"])
            if not row.get("undone"):
                votes[row["place"]] = row
    return Standing(current, votes, frozenset(seen))


def find_standing(run: Run) -> Standing | None:
    """None also where the ballots are damaged: that vote cannot go on, so nothing is to be hidden for it."""
    try:
        return read_standing(run)
    except DamagedError:
        return None


def open_rows(run: Run) -> frozenset[int]:
    """Rows of the questions that are still to be voted on: whose answer is whose must not be told of them."""
    standing = find_standing(run)
    if standing is None:
        return frozenset()
    return frozenset(ballot.pair.row for ballot in standing.round.ballots if ballot.place not in standing.votes)


def cast(run: Run, mark: str, choice: str, reason: str = "", who: str = "") -> bool:
    """Keep a vote on the ballot that the voter saw; False if that is no longer the one that is asked for.

    Raises: SettingError for a choice that there is not.
    """
    if choice not in CHOICES:
        raise SettingError(f"There is no vote {choice!r}.", f"Vote {', '.join(CHOICES)}.")
    with alone(run):
        standing = read_standing(run)
        ballot = standing.next if standing else None
        if standing is None or ballot is None or ballot.mark != mark:
            return False
        left, right = ballot.shown
        row = {
            "round": standing.round.number,
            "place": ballot.place,
            "row": ballot.pair.row,
            "prompt": Conversation(ballot.pair.prompt).as_dicts(),
            "wanted": ballot.pair.wanted,
            "left": left,
            "right": right,
            "sides": {"left": ballot.left, "right": ballot.right},
            "vote": choice,
            "winner": {"left": ballot.left, "right": ballot.right}.get(choice, ""),
            "reason": reason.strip()[:REASON_LENGTH],
            "who": " ".join(who.split())[:NAME_LENGTH],
            "at": now(),
            "again": ballot.place in standing.seen,
            "settings": {**standing.round.settings, "answers": ballot.pair.source, **ballot.pair.dice},
        }
        append_row(votes_file(run), row)
        return True


def undo(run: Run, votes: int, who: str = "") -> bool:
    """Take back the vote given last; False if the round has not as many `votes` as the voter saw, or none."""
    with alone(run):
        standing = read_standing(run)
        if standing is None or not standing.votes or len(standing.votes) != votes:
            return False
        place = list(standing.votes)[-1]
        row = {"round": standing.round.number, "place": place, "undone": True, "at": now()}
        append_row(votes_file(run), {**row, "who": " ".join(who.split())[:NAME_LENGTH]})
        return True


def votes_file(run: Run) -> Path:
    return run.folder / FILE
