"""Whether an answer has the form that was wanted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from studio.scores.schema import is_same

MOST_NESTED = 100  # deeper is a model that goes round in circles; RFC 8259, section 9, lets a reader set a limit
_CODE_BLOCK = re.compile(r"^ {0,3}(```|~~~)[^\n]*\n.*?^ {0,3}\1", re.MULTILINE | re.DOTALL)


def parse(text: str) -> Any:
    """The value of a JSON text, read strictly: NaN and Infinity are none of its words.

    Raises: ValueError if it is no JSON, or nested deeper than MOST_NESTED.
    """
    try:
        value = json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    inner = [value]
    for _ in range(MOST_NESTED):
        inner = [item for each in inner if isinstance(each, dict | list) for item in _items(each)]
        if not inner:
            return value
    raise ValueError(f"it is nested deeper than {MOST_NESTED} levels")


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def _items(value: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value


def as_json(text: str) -> tuple[bool, Any]:
    """Whether a text is JSON as a whole, and its value."""
    try:
        return True, parse(text)
    except ValueError:
        return False, None


def as_object(text: str) -> dict[str, Any] | None:
    value = as_json(text)[1]
    return value if isinstance(value, dict) else None


def is_json_object(wanted: str, answer: str) -> float | None:
    """None where no JSON object was wanted."""
    return None if as_object(wanted) is None else float(as_object(answer) is not None)


def fields_right(wanted: str, answer: str) -> float | None:
    """Share of the wanted fields that are in the answer with their value; None where no JSON object was wanted."""
    fields = by_field(wanted, answer)
    return None if fields is None else sum(fields.values()) / max(len(fields), 1)


def by_field(wanted: str, answer: str) -> dict[str, bool] | None:
    """Each wanted field, and whether the answer has it right."""
    target = as_object(wanted)
    if target is None:
        return None
    given = as_object(answer) or {}
    return {key: key in given and is_same(value, given[key]) for key, value in target.items()}


def share_by_field(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[int, int]]:
    """Of (wanted, answer): each field's number of right ones and of wanted ones, in the order of their first sight."""
    counts: dict[str, tuple[int, int]] = {}
    for wanted, answer in pairs:
        for key, is_right in (by_field(wanted, answer) or {}).items():
            right, total = counts.get(key, (0, 0))
            counts[key] = right + is_right, total + 1
    return counts


def has_code_block(text: str) -> bool:
    """A block between fences that is closed again."""
    return _CODE_BLOCK.search(text) is not None
