"""Which training examples serve the base best in its prompt: those that make other wanted answers likeliest."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.compare.shots import SEED, Shots, find_sets, with_shots
from studio.data.conversation import Conversation
from studio.data.datasets import Dataset
from studio.data.splits import Split
from studio.data.tokens import FolderTokenizer, label_tokens
from studio.scores.expected import learn_expected
from studio.store import read_if_whole, write_json
from studio.tasks import Progress, Report
from studio.workers.likelihood import losses_of

MOST_WEIGHED = 16  # wanted answers that each set is weighed by: enough to tell good sets from bad, and soon read
VERSION = 1  # another number where sets are found otherwise, so that what was chosen before is chosen anew


@dataclass(frozen=True)
class Choice:
    """The set, out of how many, weighed by how many answers of which part: "validation", "train", or "" by none.

    `loss` and `loss_without`: mean loss of those answers a token in nats, with the set and with no example.
    """

    shots: Shots
    sets: int
    weighed: int
    part: str
    loss: float | None = None
    loss_without: float | None = None

    def as_dict(self) -> dict[str, Any]:
        return {
            "how": self.shots.how,
            "sets": self.sets,
            "weighed": self.weighed,
            "part": self.part,
            "loss": self.loss,
            "loss_without": self.loss_without,
            "examples": [
                {"row": each.row, "question": each.prompt[-1].content if each.prompt else "", "answer": each.wanted}
                for each in self.shots.examples
            ],
        }


@dataclass(frozen=True)
class Chooser:
    """`model` is the bare base; `room_tokens` of all that it reads at once are left for examples."""

    model: Any
    tokenizer: FolderTokenizer
    dataset: Dataset
    context_tokens: int
    room_tokens: int

    def choose(self, report: Report) -> Choice:
        """Raises: DataError if no example fits."""
        train = questions_in(self.dataset, "train")
        sets = find_sets(train, learn_expected([each.wanted for each in train]), self._length, self.room_tokens)
        part, weighed = self._weighed_by(train, sets)
        if not weighed:
            return Choice(sets[0], len(sets), 0, "")
        found = []
        for done, shots in enumerate([None, *sets]):
            words = f"Choosing the examples: {done} of {len(sets)} sets weighed"
            report(Progress(words, done / (len(sets) + 1)))
            found.append(self._losses(weighed, shots))
        whole = [place for place in range(len(weighed)) if all(math.isfinite(losses[place]) for losses in found)]
        if not whole:
            return Choice(sets[0], len(sets), 0, "")
        without, *means = [sum(losses[place] for place in whole) / len(whole) for losses in found]
        best = min(range(len(sets)), key=means.__getitem__)
        return Choice(sets[best], len(sets), len(whole), part, round(means[best], 4), round(without, 4))

    def _length(self, example: Conversation) -> int:
        """How many tokens longer it makes a prompt."""
        alone = self.tokenizer.prompt_ids(example.prompt)
        return len(self.tokenizer.prompt_ids(with_shots(example.prompt, [example]))) - len(alone)

    def _weighed_by(self, train: Sequence[Conversation], sets: Sequence[Shots]) -> tuple[Split, list[Conversation]]:
        """Never the test part: what chose the examples cannot say how good they are."""
        part: Split = "validation"
        others = questions_in(self.dataset, part)
        if not others:
            shown = {row for shots in sets for row in shots.rows}
            part, others = "train", [each for each in train if each.row not in shown]
        return part, random.Random(SEED).sample(others, min(MOST_WEIGHED, len(others)))

    def _losses(self, weighed: Sequence[Conversation], shots: Shots | None) -> list[float]:
        examples = shots.examples if shots else ()
        told = [Conversation((*with_shots(each.prompt, examples), each.messages[len(each.prompt)])) for each in weighed]
        return losses_of(self.model, [label_tokens(each, self.tokenizer, self.context_tokens) for each in told])


def questions_in(dataset: Dataset, part: Split) -> list[Conversation]:
    """All but passages, which ask nothing."""
    return [each for each in dataset.conversations(part) if not each.is_passage]


def choose_once(chooser: Chooser, kept: Path, how: dict[str, Any], report: Report) -> Choice:
    """What was chosen for this base and data before is not weighed again. It is `kept` there; `how` the base is loaded.

    Raises: DataError if no example fits.
    """
    of = {**how, "version": VERSION, "room": chooser.room_tokens}
    known = read_if_whole(kept)
    if known and known["of"] == of:
        placed = {each.row: each for each, _ in chooser.dataset.rows(known["rows"])}
        shots = Shots(known["how"], tuple(placed[row] for row in known["rows"]))
        return Choice(shots, *(known[name] for name in ("sets", "weighed", "part", "loss", "loss_without")))
    choice = chooser.choose(report)
    write_json(kept, {"of": of, "rows": choice.shots.rows, **choice.as_dict()})
    return choice
