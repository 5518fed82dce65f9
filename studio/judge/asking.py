"""Who judges, and which questions in which order of their answers."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from studio.errors import ModelError, RunError, SettingError
from studio.judge.prompt import Messages, build_prompt
from studio.runs import Run
from studio.served import require_address
from studio.store import read_rows
from studio.vote.answers import Pair, read_pairs
from studio.vote.ballots import MAKERS, Maker, read_round

USUAL, MOST = 20, 1_000  # questions


@dataclass(frozen=True)
class Ask:
    """Who judges: a model at an address, or a GGUF at a path; and how many questions.

    Prices are of a million tokens, in whatever money the person counts; None where they gave none.
    """

    kind: Literal["server", "file"]
    count: int = USUAL
    address: str = ""
    model: str = ""
    path: str = ""
    price_in: float | None = None
    price_out: float | None = None

    @property
    def name(self) -> str:
        return self.model if self.kind == "server" else Path(self.path).name

    @property
    def where(self) -> str:
        return self.address if self.kind == "server" else "this computer"

    @property
    def identity(self) -> list[Any]:
        """What makes it another judge."""
        if self.kind == "server":
            return [self.address, self.model]
        stat = Path(self.path).stat()
        return [self.path, stat.st_size, stat.st_mtime_ns]


@dataclass(frozen=True)
class Asked:
    """A question in one order; `key` is the same for the same judge and the same words."""

    pair: Pair
    first: Maker
    messages: Messages
    key: str


def require_ask(ask: Ask) -> Ask:
    """The same, made clean. Raises: SettingError or ModelError if nobody can be asked by it."""
    if ask.kind == "file":
        path = Path(ask.path.strip()).expanduser()
        if not ask.path.strip():
            raise SettingError("No GGUF file is named.", "Pick one, or write its path.")
        if not _is_gguf(path):
            raise ModelError(f"{path} is no GGUF file.", "Give the path of a file that ends in .gguf.")
        return Ask("file", ask.count, path=str(path.resolve()))
    if not ask.model.strip():
        raise SettingError("The judge’s model is not named.", "Write the name that its server knows it by.")
    _require_prices(ask)
    address = require_address(ask.address)
    return Ask("server", ask.count, address, ask.model.strip(), price_in=ask.price_in, price_out=ask.price_out)


def _require_prices(ask: Ask) -> None:
    given = [price for price in (ask.price_in, ask.price_out) if price is not None]
    if any(not math.isfinite(price) or price < 0 for price in given):
        raise SettingError("A price is a number from 0 up.", "Give what a million tokens cost, such as 2.50.")
    if len(given) == 1:
        which, other = ("in", "out") if ask.price_out is None else ("out", "in")
        raise SettingError(
            f"Only the price of a million tokens {which} is given.",
            f"Give that of a million tokens {other} too, 0 if they are free, or neither.",
        )


def _is_gguf(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4) == b"GGUF"
    except OSError:
        return False


def choose(run: Run, count: int) -> list[Pair]:
    """Which questions: in the order of the blind vote if there is one, else in one that hangs on nothing.

    More of them begin with the same. Raises: RunError if there is nothing to judge.
    """
    pairs = read_pairs(run)
    if not pairs:
        raise RunError(
            f"Nothing of {run.title} can be judged yet: its answers to held-out questions are not there.",
            "Press “Measure both” under Scores first.",
        )
    different = [pair for pair in pairs if not pair.is_same]
    if not different:
        raise RunError(
            f"Both gave the same answer to all {len(pairs)} questions, so there is nothing to judge.",
            "Train longer or with a higher learning rate, then judge.",
        )
    current = read_round(run)
    places = {ballot.pair.row: ballot.place for ballot in current.ballots} if current and current.is_of(run) else {}

    def order(pair: Pair) -> tuple[int, str]:
        return places.get(pair.row, len(places)), hashlib.sha256(f"{run.id} {pair.row}".encode()).hexdigest()

    return sorted(different, key=order)[: max(1, count)]


def list_asked(run: Run, ask: Ask) -> list[Asked]:
    """Each question twice, with the sides swapped."""
    found = []
    for pair in choose(run, ask.count):
        for first in MAKERS:
            messages = build_prompt(pair, first)
            key = hashlib.sha256(json.dumps([ask.identity, messages]).encode()).hexdigest()[:24]
            found.append(Asked(pair, first, messages, key))
    return found


def read_replies(run: Run) -> dict[str, dict[str, Any]]:
    """key -> row; of two, the later one. See `judging.judge`."""
    return {row["key"]: row for row in read_rows(run.folder / "judge" / "replies.jsonl")}
