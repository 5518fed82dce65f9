"""Texts as vectors of their words: a word counts the more, the fewer texts have it.

Source: Salton and Buckley 1988, term weighting: tf-idf with cosine, the frequency damped by a logarithm.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from studio.data.likeness import fold
from studio.data.scripts import find_terms, is_unspaced

Vector = dict[str, float]


def count_words(text: str) -> Counter[str]:
    """Of a script without blanks, pairs of letters."""
    if is_unspaced(text):
        return Counter(term for term, _, _ in find_terms(text))
    return Counter(fold(text).split())


def weigh_words(texts: Sequence[Counter[str]]) -> Vector:
    """How much each word counts among these texts."""
    found_in = Counter(word for counted in texts for word in counted)
    return {word: math.log((1 + len(texts)) / (1 + found)) + 1 for word, found in found_in.items()}


def vector(counted: Counter[str], weight: Vector) -> Vector:
    """Of length 1. A word that no text has weighs nothing: it cannot be shared, and must not make all unlike."""
    raw = {word: (1 + math.log(count)) * weight[word] for word, count in counted.items() if word in weight}
    length = math.sqrt(sum(value * value for value in raw.values())) or 1.0
    return {word: value / length for word, value in raw.items()}


def dot(one: Vector, other: Vector) -> float:
    return sum(value * other[word] for word, value in one.items() if word in other)
