"""Whether an answer has the form that was wanted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

_CODE_BLOCK = re.compile(r"^ {0,3}(```|~~~)[^\n]*\n.*?^ {0,3}\1", re.MULTILINE | re.DOTALL)


def as_json(text: str) -> tuple[bool, Any]:
    """Whether a text is JSON as a whole, and its value."""
    try:
        return True, json.loads(text)
    except (ValueError, RecursionError):
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
    return {key: key in given and given[key] == value for key, value in target.items()}


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
