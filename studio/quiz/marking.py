"""Which answers are right: of an item with options the likeliest is the model's choice, of others what it wrote counts.

A model's answers are a list with an entry an item: {"scores": [mean log-probability of each option]} or
{"text": what it wrote}.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from studio.quiz.checks import FORMS, fold
from studio.quiz.reading import Item

Answer = Mapping[str, Any]


def mean_score(log_probabilities: Sequence[float]) -> float | None:
    """Of an option, a token in the mean, so that long options are not at a disadvantage; None if it is no number.

    Source: GPT-3, https://arxiv.org/abs/2005.14165, section 2.4: the likelihood a token, to normalise for length.
    """
    mean = math.fsum(log_probabilities) / len(log_probabilities)
    return round(mean, 5) if math.isfinite(mean) else None


def said(item: Item, answer: Answer) -> str:
    """The option that was chosen, or what was written. Empty where a broken model holds nothing likely."""
    if not item.options:
        return str(answer["text"])
    scores: Sequence[float | None] = answer["scores"]
    best, place = max(
        ((score, -place) for place, score in enumerate(scores) if score is not None), default=(None, 0)
    )  # of equals the first
    return "" if best is None else item.options[-place]


def is_right(item: Item, answer: Answer) -> bool:
    if item.options:
        return said(item, answer) == item.right
    text = str(answer["text"])
    return FORMS[item.form](text) if item.form else fold(text) in map(fold, item.answer)
