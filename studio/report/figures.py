"""Numbers as people read them, with the digits that they deserve."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from studio.scores.measures import Measure

MINUS, THIN = "\u2212", "\u00a0"  # a real minus; a blank at which no line ends
Bound = float | None
Bounds = Mapping[str, Any]  # value, low, high; None where nothing is known


def percent(share: float) -> str:
    """92 %; never 0 or 100 where it is not quite that."""
    whole = f"{100 * share:.0f}"
    if whole in ("0", "100") and 0 < share < 1:
        whole = f"{min(max(100 * share, 0.1), 99.9):.1f}"
    return f"{whole}{THIN}%"


def points(share: float) -> str:
    """A difference of shares in points of a hundred: +96, or 0."""
    whole = f"{100 * share:+.0f}"
    return "0" if whole in ("+0", "-0") else whole.replace("-", MINUS)


def number(value: float, with_sign: bool = False) -> str:
    """0.31; small ones keep two digits that tell something."""
    text = (
        f"{value:{'+' if with_sign else ''}.2f}"
        if abs(value) >= 0.1 or not value
        else f"{value:{'+' if with_sign else ''}.2g}"
    )
    return text.replace("-", MINUS)


def say(measure: Measure, value: Bound) -> str:
    if value is None:
        return "unknown"
    return percent(value) if measure.unit == "share" else number(value)


def say_change(measure: Measure, value: Bound) -> str:
    if value is None:
        return "unknown"
    return points(value) if measure.unit == "share" else signed(value)


def whole(share: float) -> str:
    """A bound of a share: 84. It is rounded, also to 0 and 100."""
    return f"{100 * share:.0f}"


def signed(value: float) -> str:
    return number(value, with_sign=True)


def between(bounds: Bounds, words: Callable[[float], str] = whole) -> str:
    """ "between 84 and 97": the unit stands with the value."""
    low, high = ("unknown" if each is None else words(each) for each in (bounds["low"], bounds["high"]))
    return f"between {low} and {high}"


def level_between(measure: Measure, bounds: Bounds) -> str:
    return between(bounds, whole if measure.unit == "share" else number)


def change_between(measure: Measure, bounds: Bounds) -> str:
    return between(bounds, points if measure.unit == "share" else signed)


def count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f}{THIN}s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f}{THIN}min"
    return f"{seconds / 3600:.1f}{THIN}h"


def moment(seconds_since_1970: float) -> str:
    return datetime.fromtimestamp(seconds_since_1970, UTC).strftime("%Y-%m-%d %H:%M UTC")
