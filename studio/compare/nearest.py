"""The training examples that are nearest to an answer: where it may have that from."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from studio.data.conversation import Conversation
from studio.data.likeness import fold

Vector = dict[str, float]
MOST_SHARED = 12


@dataclass(frozen=True)
class Near:
    """`likeness` 0 to 1; `shared`: the folded words in common, those that say most first."""

    example: Conversation
    likeness: float
    shared: list[str]


def nearest(examples: Sequence[Conversation], text: str, count: int = 5) -> list[Near]:
    """The `count` examples whose answers are likest to `text`; fewer where they have no word in common.

    A word counts the more, the fewer answers have it.
    Source: Salton and Buckley 1988, term weighting: tf-idf with cosine, the frequency damped by a logarithm.
    """
    words = [Counter(_words(example.wanted)) for example in examples]
    found_in = Counter(word for counted in words for word in counted)
    weight = {word: math.log((1 + len(examples)) / (1 + found)) + 1 for word, found in found_in.items()}
    asked = _vector(Counter(_words(text)), weight)
    alike = ((_dot(asked, _vector(counted, weight)), place) for place, counted in enumerate(words))
    best = heapq.nlargest(count, (each for each in alike if each[0] > 0), key=lambda each: (each[0], -each[1]))
    return [Near(examples[place], likeness, _shared(asked, words[place])) for likeness, place in best]


def _words(text: str) -> list[str]:
    return fold(text).split()


def _vector(counted: Counter[str], weight: Vector) -> Vector:
    """Of length 1. A word that no example has weighs nothing: it cannot be shared, and must not make all unlike."""
    raw = {word: (1 + math.log(count)) * weight[word] for word, count in counted.items() if word in weight}
    length = math.sqrt(sum(value * value for value in raw.values())) or 1.0
    return {word: value / length for word, value in raw.items()}


def _dot(one: Vector, other: Vector) -> float:
    return sum(value * other[word] for word, value in one.items() if word in other)


def _shared(asked: Vector, words: Iterable[str]) -> list[str]:
    there = set(words)
    ranked = sorted((word for word in asked if word in there), key=lambda word: -asked[word])
    return ranked[:MOST_SHARED]
