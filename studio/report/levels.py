"""Pictures of levels, each of somebody and on a line of its own: by a measure, in seconds, in tokens."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from studio.report.figures import MINUS, THIN, level_between, number, percent
from studio.report.parts import Picture
from studio.report.pictures import (
    LEFT,
    LOW,
    TOP,
    WHOLE_LINE,
    WIDTH,
    Mark,
    Row,
    Series,
    intervals,
    shorten,
    svg,
    text_of,
)
from studio.report.scales import factor_ticks, known_of, round_ticks
from studio.scores.measures import Measure

BY_FACTORS = "the scale goes by factors, so twice as much is the same step everywhere"
A_MILLION = 1_000_000
END_OF_BARS = 262  # two numbers stand beside them
GLOSSES = {
    "loss": ": how surprised it is by the wanted answers",
    "perplexity": ": among how many likely words it wavers",
}


@dataclass(frozen=True)
class Level:
    """`bounds`: value, low, high; `text` is the value in words."""

    who: str
    series: Series
    bounds: Mapping[str, Any]
    text: str


@dataclass(frozen=True)
class Bar:
    """How many tokens somebody reads and writes."""

    who: str
    series: Series
    read: float
    written: float


def levels(measure: Measure, known: Sequence[Level], caption: str) -> Picture | None:
    """On the scale that the measure's unit asks for; None where no value is known."""
    drawn = [level for level in known if known_of([level.bounds["value"]])]
    if not drawn:
        return None
    rows = [Row(level.who, (_mark(measure, level),)) for level in drawn]
    ends = known_of(level.bounds[end] for level in drawn for end in ("value", "low", "high"))
    match measure.unit:
        case "share":
            return intervals(rows, caption, [0, 0.25, 0.5, 0.75, 1], percent, LOW)
        case "cosine":
            return intervals(rows, caption, [-1, -0.5, 0, 0.5, 1] if min(ends) < 0 else [0, 0.5, 1], _plain, LOW)
        case "nats":
            return intervals(rows, caption, round_ticks(max(ends) or 1.0), _plain, LOW)
        case "words":
            ticks = [math.log10(tick) for tick in factor_ticks(max(ends))]
            placed = [Row(row.label, tuple(_by_factors(mark) for mark in row.marks)) for row in rows]
            return intervals(placed, f"{caption}; {BY_FACTORS}", ticks, lambda place: _plain(10**place), LOW)


def caption_of(measure: Measure) -> str:
    better = "" if measure.higher_is_better else " (lower is better)"
    return f"{measure.title.capitalize()}{GLOSSES.get(measure.id, '')}{better}, with 95 % intervals"


def _mark(measure: Measure, level: Level) -> Mark:
    value, low, high = (next(iter(known_of([level.bounds[end]])), None) for end in ("value", "low", "high"))
    assert value is not None
    return Mark(level.series, value, low, high, level.text, f"{level.text}, {level_between(measure, level.bounds)}")


def _by_factors(mark: Mark) -> Mark:
    low, high = (None if end is None else math.log10(max(end, 1.0)) for end in (mark.low, mark.high))
    return replace(mark, value=math.log10(max(mark.value, 1.0)), low=low, high=high)


def _plain(tick: float) -> str:
    if tick >= A_MILLION:
        return f"{tick / A_MILLION:,.0f}{THIN}M"
    return f"{tick:,.0f}" if tick >= 1000 else f"{tick:g}".replace("-", MINUS)


def seconds(known: Sequence[Level], caption: str) -> Picture:
    """From 0; low and high are those of the fastest and the slowest batch."""
    ticks = round_ticks(max(known_of(level.bounds[end] for level in known for end in ("value", "high"))) or 1.0)
    rows = []
    for level in known:
        value, low, high = (level.bounds[end] for end in ("value", "low", "high"))
        told = f"{level.text}, from {number(low)} to {number(high)}"
        rows.append(Row(level.who, (Mark(level.series, value, low, high, level.text, told),)))
    return intervals(rows, caption, ticks, _plain, LOW)


def lengths(bars: Sequence[Bar], caption: str) -> Picture:
    """What is read is hollow, what is written filled, one after the other."""
    ticks = round_ticks(max(bar.read + bar.written for bar in bars) or 1.0)

    def x(tokens: float) -> float:
        return LEFT + tokens / ticks[-1] * (END_OF_BARS - LEFT)

    bottom = TOP + LOW * len(bars)
    parts = [_tick(x(tick), bottom + 13, _plain(tick)) for tick in ticks]
    for number_of_bar, bar in enumerate(bars):
        top = TOP + LOW * number_of_bar
        parts += [
            f'<line class="grid" x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{top + 15}" y2="{top + LOW - 2}"/>'
            for tick in ticks
        ]
        parts.append(f'<text class="head" x="0" y="{top + 11}">{text_of(shorten(bar.who, WHOLE_LINE))}</text>')
        parts.append(_box(f"hollow {bar.series}", x(0), x(bar.read + bar.written), top + 20))
        parts.append(_box(f"{bar.series} fill-{bar.series}", x(bar.read), x(bar.read + bar.written), top + 20))
        sum_of_both = f"{bar.read:,.0f} + {bar.written:,.0f}"
        parts.append(f'<text class="end" x="{WIDTH}" y="{top + 29}">{sum_of_both}</text>')
    alt = f"{caption}. " + " ".join(f"{bar.who}: {bar.read:,.0f} read, {bar.written:,.0f} written." for bar in bars)
    return Picture(svg(WIDTH, bottom + 18, alt, parts), alt, caption)


def _tick(x: float, y: float, words: str) -> str:
    return f'<text class="quiet middle" x="{x:.1f}" y="{y}">{words}</text>'


def _box(kind: str, begin: float, end: float, y: float) -> str:
    return f'<rect class="{kind}" x="{begin:.1f}" y="{y}" width="{max(end - begin, 0):.1f}" height="10"/>'
