"""Numbers as people read them, with the digits that they deserve."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from studio.scores.intervals import wilson
from studio.scores.measures import MEASURES, Measure

MINUS, THIN = "\u2212", "\u00a0"  # a real minus; a blank at which no line ends
MOST_MORE = 4  # digits by which two figures are told apart
Bound = float | None
Bounds = Mapping[str, Any]  # value, low, high; None where nothing is known


def half_up(value: float, digits: int = 0) -> Decimal:
    """As people round: 22.5 to 23, and -2.5 to -3. What a binary number misses by a hair is a half too."""
    return Decimal(f"{value:.9f}").quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def percent(share: float, digits: int = 0) -> str:
    """92 %; never 0 or 100 where it is not quite that."""
    told = f"{half_up(100 * share, digits)}"
    if float(told) in (0, 100) and 0 < share < 1:
        digits = max(digits, 1)
        told = f"{half_up(min(max(100 * share, 10**-digits), 100 - 10**-digits), digits)}"
    return f"{told}{THIN}%"


def points(share: float, digits: int = 0) -> str:
    """A difference of shares in points of a hundred: +96, or 0; of less than one a digit, +0.4."""
    difference = 100 * share
    if abs(difference) < 0.005:
        return "0"
    is_told = digits or abs(difference) >= 0.95
    return (f"{half_up(difference, digits):+}" if is_told else f"{difference:+.1g}").replace("-", MINUS)


def number(value: float, with_sign: bool = False, digits: int = 2) -> str:
    """0.31; small ones keep two digits that tell something."""
    kind = "f" if abs(value) >= 0.1 or not value else "g"
    return f"{value:{'+' if with_sign else ''}.{digits}{kind}}".replace("-", MINUS)


def say(measure: Measure, value: Bound, more: int = 0) -> str:
    """`more`: digits beyond those that it deserves."""
    if value is None or not math.isfinite(value):
        return "unknown"
    return percent(value, more) if measure.unit == "share" else number(value, digits=2 + more)


def say_both(measure: Measure, before: Bound, after: Bound) -> tuple[str, str]:
    """Two levels, with as many more digits as tell them apart: 98.2 % and 98.4 %, where 98 % twice tells nothing."""
    for more in range(MOST_MORE):
        told = say(measure, before, more), say(measure, after, more)
        if before == after or told[0] != told[1]:
            return told
    return say(measure, before), say(measure, after)


def say_move(before: float, after: float, change: float) -> tuple[str, str, str]:
    """Two shares and the points between them, such that who subtracts gets what is printed.

    Where whole numbers do not come out so, with a digit more: 25.0 % and 22.5 %, -2.5. Thirds never do.
    """
    for digits in range(2):
        levels, moved = [percent(share, digits) for share in (before, after)], points(change, digits)
        one, other = (Decimal(level.removesuffix(f"{THIN}%")) for level in levels)
        if other - one == Decimal(moved.replace(MINUS, "-")) and (one != other or not change):
            return levels[0], levels[1], moved
    known = say_both(MEASURES["right"], before, after)
    return known[0], known[1], points(change)


def say_change(measure: Measure, value: Bound) -> str:
    if value is None or not math.isfinite(value):
        return "unknown"
    return points(value) if measure.unit == "share" else signed(value)


def whole(share: float) -> str:
    """A bound of a share: 84. It is rounded, also to 0 and 100."""
    return f"{half_up(100 * share)}"


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


def share_between(share: float, number: int) -> str:
    """Of a share of so many: Wilson's score interval."""
    low, high = wilson(share, number)
    return between({"low": low, "high": high})


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
