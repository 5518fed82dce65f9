"""80 % to learn from, 10 % to watch while training, 10 % never seen: the held-out part that is scored."""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from collections.abc import Sequence
from typing import Literal

from studio.data.conversation import Conversation

Split = Literal["train", "validation", "test"]
SHARES = {"validation": 0.1, "test": 0.1}


def fingerprint(conversation: Conversation) -> str:
    """Equal for examples that differ only in case, blanks and punctuation at the ends."""
    words = "\n".join(" ".join(m.content.split()).strip(" .,;:!?").casefold() for m in conversation.turns)
    return hashlib.sha256(words.encode()).hexdigest()


def assign_splits(conversations: Sequence[Conversation], seed: int) -> list[Split]:
    """One split an example; duplicates stay on one side.

    With three or more distinct examples no side is empty. With fewer all are learned from.
    """
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for index, conversation in enumerate(conversations):
        groups[fingerprint(conversation)].append(index)
    order = sorted(groups)
    random.Random(seed).shuffle(order)
    splits: list[Split] = ["train"] * len(conversations)
    if len(order) < 3:
        return splits
    position = 0
    for split in ("validation", "test"):
        size = max(1, round(len(order) * SHARES[split]))
        for key in order[position : position + size]:
            for index in groups[key]:
                splits[index] = "validation" if split == "validation" else "test"
        position += size
    return splits
