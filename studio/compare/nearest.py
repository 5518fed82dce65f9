"""The training examples that are nearest to an answer: where it may have that from."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from studio.compare.tfidf import Vector, count_words, dot, vector, weigh_words
from studio.data.conversation import Conversation

MOST_SHARED = 12


@dataclass(frozen=True)
class Near:
    """`likeness` 0 to 1; `shared`: the terms in common without case, those that say most first."""

    example: Conversation
    likeness: float
    shared: list[str]


def nearest(examples: Sequence[Conversation], text: str, count: int = 5) -> list[Near]:
    """The `count` examples whose answers are likest to `text`; fewer where they have no word in common."""
    words = [count_words(example.wanted) for example in examples]
    weight = weigh_words(words)
    asked = vector(count_words(text), weight)
    alike = ((dot(asked, vector(counted, weight)), place) for place, counted in enumerate(words))
    best = heapq.nlargest(count, (each for each in alike if each[0] > 0), key=lambda each: (each[0], -each[1]))
    return [Near(examples[place], likeness, _shared(asked, words[place])) for likeness, place in best]


def _shared(asked: Vector, words: Iterable[str]) -> list[str]:
    there = set(words)
    ranked = sorted((word for word in asked if word in there), key=lambda word: -asked[word])
    return ranked[:MOST_SHARED]
