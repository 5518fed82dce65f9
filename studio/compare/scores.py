"""How right an answer is, and how sure one can be of the share."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

MEASURES = {
    "right": "wholly right",
    "fields_right": "fields right",
    "json_valid": "valid JSON",
    "word_overlap": "words in common",
}


def measure(wanted: str, answer: str) -> dict[str, float]:
    """Each measure's name to its value, 0 to 1. Those of JSON only where the wanted answer is a JSON object."""
    values = {"right": float(is_right(wanted, answer)), "word_overlap": overlap(wanted, answer)}
    target = _as_object(wanted)
    if target is not None:
        given = _as_object(answer)
        values["json_valid"] = float(given is not None)
        right = sum(key in (given or {}) and (given or {})[key] == value for key, value in target.items())
        values["fields_right"] = right / max(len(target), 1)
    return values


def average(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    """The mean of each measure over the rows that have it."""
    names = [name for name in MEASURES if any(name in row for row in rows)]
    return {name: round(_mean([row[name] for row in rows if name in row]), 4) for name in names}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def is_right(wanted: str, answer: str) -> bool:
    """Equal as JSON where it is JSON, else equal but for blanks and case."""
    target = _as_object(wanted)
    if target is not None:
        return _as_object(answer) == target
    return " ".join(wanted.split()).casefold() == " ".join(answer.split()).casefold()


def _as_object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def overlap(wanted: str, answer: str) -> float:
    """F1 of the words in common, 0 to 1. Source: SQuAD, https://arxiv.org/abs/1606.05250."""
    one, other = Counter(wanted.casefold().split()), Counter(answer.casefold().split())
    if not one or not other:
        return float(one == other)
    common = (one & other).total()
    return 2 * common / (one.total() + other.total())


def interval(share: float, count: int) -> tuple[float, float]:
    """95 % interval of a share. Source: Wilson 1927, score interval."""
    if count == 0:
        return 0.0, 1.0
    z = 1.96
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return max(0.0, middle - half), min(1.0, middle + half)
