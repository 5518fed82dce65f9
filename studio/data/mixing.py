"""Examples of everything mixed into a data set of one thing, so that a model does not forget the rest."""

from __future__ import annotations

import random
from pathlib import Path

from studio.data.conversation import Conversation
from studio.data.datasets import SEED, Dataset, is_learnable, read_examples
from studio.data.versions import make_version, new_row
from studio.errors import DataError
from studio.workspace import Workspace

LEAST, MOST = 0.10, 0.20  # share of what is then learned from


def mix_in(workspace: Workspace, dataset: Dataset, file: Path, share: float) -> Dataset:
    """A version of the data set in which this share of what is learned is of the file, drawn by chance, always alike.

    Questions that the data set has already are left out, so that none of its held-out ones is learned.
    Raises: DataError if the file has too few examples, or cannot be read.
    """
    learned = dataset.counts["train"]
    count = max(1, round(share / (1 - share) * learned))
    known = {_question(conversation) for conversation, _ in dataset.placed()}
    general = [c for c in read_examples(file).conversations if is_learnable(c) and _question(c) not in known]
    if len(general) < count:
        raise DataError(
            f"{file.name} has {len(general):,} examples that are new here, and {count:,} are needed for {share:.0%}.",
            "Bring a file with more of them, or mix in a smaller share.",
        )
    drawn = sorted(random.Random(SEED).sample(range(len(general)), count))
    first = new_row(dataset)
    added = [
        Conversation.from_record({**general[place].as_record(), "row": first + number})
        for number, place in enumerate(drawn)
    ]
    did = [f"{count:,} general examples of {file.name} mixed in, {count / (learned + count):.0%} of what is learned"]
    return make_version(
        workspace, dataset, lambda placed: placed, lambda: did, [(conversation, "train") for conversation in added]
    )


def _question(conversation: Conversation) -> str:
    asked = conversation.prompt[-1].content if conversation.prompt else conversation.wanted
    return " ".join(asked.split()).casefold()
