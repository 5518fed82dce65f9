"""80 % to learn from, 10 % to watch while training, 10 % never seen: the held-out part that is scored."""

from __future__ import annotations

import random
from array import array
from collections.abc import Iterable, Sequence
from typing import Literal, cast

from studio.data.conversation import Conversation
from studio.data.likeness import ShingleFile, Sketches, find_clusters, fold_all, key_of, sketch

Split = Literal["train", "validation", "test"]
SHARES: dict[Split, float] = {"validation": 0.1, "test": 0.1}
PIECE = 2_000


class Splitter:
    """Takes examples one by one and keeps of each what tells it from others; then puts each on a side."""

    def __init__(self) -> None:
        self._sketches = Sketches(shingles=ShingleFile())
        self._keys = array("Q")
        self._given: list[str] = []
        self._waiting: list[str] = []

    def add(self, conversation: Conversation) -> None:
        folded = fold_all(conversation.turns)
        self._keys.append(key_of(folded))
        self._given.append(conversation.split)
        self._waiting.append(folded)
        if len(self._waiting) == PIECE:
            self._sketch()

    def _sketch(self) -> None:
        self._sketches.extend(sketch(self._waiting))
        self._waiting = []

    def assign(self, seed: int) -> list[Split]:
        """One split an example, in order; those that are the same or nearly stay on one side.

        A side that the examples themselves name is kept. With three or more distinct examples no side is empty; with
        fewer all are learned from.
        """
        self._sketch()
        count = len(self._keys)
        clusters = find_clusters(self._sketches)
        alike = {place for cluster in clusters for place in cluster}
        groups = clusters + [[place] for place in range(count) if place not in alike]
        groups.sort(key=lambda group: min(self._keys[place] for place in group))  # not by where they stand in the file
        random.Random(seed).shuffle(groups)
        splits, groups, drawn = self._keep_given(groups)
        if len(groups) < 3:
            return splits
        groups.sort(key=len)  # a large cluster would fill a small side by itself; the order within a size stays drawn
        start, drawn_from = 0, sum(map(len, groups))
        for split in drawn:
            wanted, taken = max(1, round(drawn_from * SHARES[split])), 0
            while taken < wanted and start < len(groups) - (len(drawn) - drawn.index(split)):
                for place in groups[start]:
                    splits[place] = split
                taken += len(groups[start])
                start += 1
        return splits

    def _keep_given(self, groups: list[list[int]]) -> tuple[list[Split], list[list[int]], list[Split]]:
        """(splits so far, groups that may still be drawn from, the splits to draw)."""
        splits: list[Split] = ["train"] * len(self._keys)
        named = {given for given in self._given if given in SHARES}
        free = []
        for group in groups:
            held = next((self._given[place] for place in group if self._given[place] in SHARES), "")
            for place in group:
                splits[place] = cast(Split, self._given[place] or held or "train")
            if not held:
                free.append(group)
        return splits, free, [split for split in SHARES if split not in named]


def assign_splits(conversations: Iterable[Conversation], seed: int) -> Sequence[Split]:
    splitter = Splitter()
    for conversation in conversations:
        splitter.add(conversation)
    return splitter.assign(seed)
