"""80 % to learn from, 10 % to watch while training, 10 % never seen: the held-out part that is scored."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Literal

from studio.data.conversation import Conversation
from studio.data.likeness import Sketches, find_clusters, fold_all, key_of, sketch

Split = Literal["train", "validation", "test"]
SHARES: dict[Split, float] = {"validation": 0.1, "test": 0.1}
PIECE = 5_000


def assign_splits(conversations: Sequence[Conversation], seed: int) -> list[Split]:
    """One split an example; those that are the same or nearly stay on one side.

    With three or more distinct examples no side is empty. With fewer all are learned from.
    """
    sketches, keys = Sketches(), list[int]()
    for start in range(0, len(conversations), PIECE):
        part = conversations[start : start + PIECE]
        folded = [fold_all(conversation.turns) for conversation in part]
        keys += map(key_of, folded)
        sketches.extend(sketch(folded))
    clusters = find_clusters(sketches)
    alike = {place for cluster in clusters for place in cluster}
    groups = clusters + [[place] for place in range(len(conversations)) if place not in alike]
    groups.sort(key=lambda group: min(keys[place] for place in group))  # not by where they stand in the file
    random.Random(seed).shuffle(groups)
    splits: list[Split] = ["train"] * len(conversations)
    if len(groups) < 3:
        return splits
    groups.sort(key=len)  # a large cluster would fill a small side by itself; the order within a size stays drawn
    start = 0
    for split, share in SHARES.items():
        wanted, taken = max(1, round(len(conversations) * share)), 0
        while taken < wanted and start < len(groups) - (2 if split == "validation" else 1):
            for place in groups[start]:
                splits[place] = split
            taken += len(groups[start])
            start += 1
    return splits
