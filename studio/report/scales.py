"""Where the lines of a scale stand: in round steps from zero, or by factors."""

from __future__ import annotations

import math
from collections.abc import Iterable

MOST_FACTORS = 6


def round_ticks(highest: float) -> list[float]:
    """From 0 to no less than the highest, which is above 0, in round steps."""
    rough = highest / 4
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * each for each in (1, 2, 2.5, 5, 10) if power * each >= rough)
    return [round(step * place, 10) for place in range(math.ceil(highest / step) + 1)]


def factor_ticks(highest: float) -> list[float]:
    """From 1 to no less than the highest: 1, 2, 5, 10 and so on; of a long scale the powers of 10, or of 100."""
    decades = math.ceil(math.log10(max(highest, 2.0)))
    fine = [float(each * 10**power) for power in range(decades) for each in (1, 2, 5)] + [10.0**decades]
    short = fine[: next(place for place, tick in enumerate(fine) if tick >= max(highest, 2.0)) + 1]
    if len(short) <= MOST_FACTORS:
        return short
    every = math.ceil(decades / MOST_FACTORS)
    return [10.0**power for power in range(0, every * math.ceil(decades / every) + 1, every)]


def known_of(values: Iterable[float | None]) -> list[float]:
    """Those that have a place on a scale."""
    return [value for value in values if value is not None and math.isfinite(value)]
