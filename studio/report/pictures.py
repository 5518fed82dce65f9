"""Pictures as SVG without colours of their own: classes, for which `style` writes the rules of page or paper.

Before and after differ in shape as well as in colour, and every mark has its number beside it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Literal
from unicodedata import east_asian_width

from studio.report.figures import THIN, count, percent, points
from studio.report.parts import TOO_FEW, Picture, say_word
from studio.vote.tally import Tally

WIDTH = 360  # as wide as a phone, so that its letters need not shrink there
LEFT, RIGHT = 46, 292  # of the scale
TALL, LOW, TOP = 52, 36, 8
MOST_LETTERS, WHOLE_LINE = 38, 50  # of a label, beside a word and alone
Series = Literal["before", "after", "other", "change"]
# What XML cannot hold, whoever wrote it.
FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Mark:
    """A value on the scale with its bounds; None is as far as the scale goes.

    `told` says it to who does not see it; without, the name of the series and `text` do.
    """

    series: Series
    value: float
    low: float | None
    high: float | None
    text: str
    told: str = ""


@dataclass(frozen=True)
class Row:
    label: str
    marks: tuple[Mark, ...]
    word: str = ""


def change_mark(bounds: Mapping[str, Any]) -> Mark:
    """Of a difference of shares: value, low, high."""
    return Mark("change", bounds["value"], bounds["low"], bounds["high"], points(bounds["value"]))


def short_word(word: str, examples: int) -> str:
    """What `say_word` says in a table, so short that it stands beside a label."""
    return "too few" if say_word(word, examples) == TOO_FEW else word.replace("'", "’")


def text_of(words: str) -> str:
    """As XML takes it."""
    return escape(FORBIDDEN.sub("\ufffd", words))


def width_of(text: str) -> float:
    """In letters of usual width."""
    return sum(2 if east_asian_width(each) in "WF" else 1.3 if each.isupper() else 1 for each in text)


def shorten(words: str, most: int) -> str:
    """To so many letters, by leaving out the middle: files and checkpoints of one run differ at their ends."""
    short, letters = words, len(words)
    while width_of(short) > most:
        letters -= 1
        short = f"{words[: letters - letters // 2].rstrip()}…{words[len(words) - letters // 2 :].lstrip()}"
    return short


def svg(width: float, height: float, alt: str, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="picture" viewBox="0 0 {width:g} {height:g}" '
        f'role="img" aria-label="{text_of(alt)}">{"".join(parts)}</svg>'
    )


def style(colours: dict[str, str], fonts: str) -> str:
    """CSS rules; colours of ink, quiet, line, ground, before and after."""
    c = colours
    return (
        f".picture text {{ font-family: {fonts}; font-size: 11px; fill: {c['ink']}; }}"
        f".picture .quiet {{ fill: {c['quiet']}; font-size: 10px; }}"
        f".picture .small {{ font-size: 9.5px; }}"
        f".picture .head {{ font-weight: 600; }}"
        f".picture .end {{ text-anchor: end; }} .picture .middle {{ text-anchor: middle; }}"
        f".picture .grid {{ stroke: {c['line']}; stroke-width: 0.7; fill: none; }}"
        f".picture .zero {{ stroke: {c['quiet']}; stroke-width: 1; stroke-dasharray: 3 2; }}"
        f".picture .whisker {{ stroke-width: 2; fill: none; stroke-linejoin: round; }}"
        f".picture .faint {{ stroke-width: 1; opacity: 0.35; }}"
        f".picture .before {{ stroke: {c['before']}; }} .picture .after {{ stroke: {c['after']}; }}"
        f".picture .change, .picture .other {{ stroke: {c['ink']}; }}"
        f".picture .fill-before {{ fill: {c['before']}; }} .picture .fill-after {{ fill: {c['after']}; }}"
        f".picture .fill-change, .picture .fill-other {{ fill: {c['ink']}; }}"
        f".picture .fill-tied {{ fill: {c['line']}; }}"
        f".picture .hollow {{ fill: {c['ground']}; stroke-width: 2; }}"
    )


def shares(rows: Sequence[Row], caption: str) -> Picture:
    """Before and after of each measure, from 0 to 100 %."""
    return intervals(rows, caption, [0, 0.25, 0.5, 0.75, 1], percent, TALL)


def changes(rows: Sequence[Row], caption: str, row_height: int = LOW) -> Picture:
    """Differences around zero, in points; the scale is as long as they need."""
    bounds = [bound for row in rows for mark in row.marks for bound in (mark.low, mark.high) if bound is not None]
    low, high = min([*bounds, -0.05]), max([*bounds, 0.05])
    step = next(step for step in (0.05, 0.1, 0.25, 0.5, 1.0) if (high - low) / step <= 6)
    first, last = int(low // step), int(-(-high // step))
    ticks = [step * place for place in range(first, last + 1)]
    return intervals(rows, caption, ticks, points, row_height)


def intervals(
    rows: Sequence[Row], caption: str, ticks: Sequence[float], say: Callable[[float], str], row_height: int
) -> Picture:
    """On the scale from the first of `ticks` to the last."""
    ends = ticks[0], ticks[-1]

    def x(value: float | None, otherwise: float) -> float:
        place = otherwise if value is None else min(max(value, ends[0]), ends[1])
        return LEFT + (place - ends[0]) / (ends[1] - ends[0]) * (RIGHT - LEFT)

    bottom = TOP + row_height * len(rows)
    places = [(tick, x(tick, tick)) for tick in ticks]
    parts = [
        f'<text class="quiet middle" x="{place:.1f}" y="{bottom + 13}">{say(tick)}</text>' for tick, place in places
    ]
    for number, row in enumerate(rows):
        top = TOP + row_height * number
        for tick, place in places:
            kind = "zero" if tick == 0 and ends[0] < 0 else "grid"
            span = f'y1="{top + 15}" y2="{top + row_height - 2}"'
            parts.append(f'<line class="{kind}" x1="{place:.1f}" x2="{place:.1f}" {span}/>')
        parts.append(f'<text class="head" x="0" y="{top + 11}">{_label(row)}</text>')
        if row.word:
            parts.append(f'<text class="end" x="{WIDTH}" y="{top + 11}">{text_of(row.word)}</text>')
        gap = 16 if len(row.marks) > 1 else 0
        for line, mark in enumerate(row.marks):
            y = top + (24 if gap else (row_height + 14) // 2) + gap * line
            parts += _mark(mark, y, x(mark.low, ends[0]), x(mark.value, mark.value), x(mark.high, ends[1]), bool(gap))
    alt = f"{caption}. " + " ".join(
        f"{row.label}: {', '.join(_told(mark) for mark in row.marks)}{f', {row.word}' if row.word else ''}."
        for row in rows
    )
    return Picture(svg(WIDTH, bottom + 18, alt, parts), alt, caption)


def _label(row: Row) -> str:
    return text_of(shorten(row.label, MOST_LETTERS if row.word else WHOLE_LINE))


def _told(mark: Mark) -> str:
    if mark.told:
        return mark.told
    return mark.text if mark.series == "change" else f"{mark.series} {mark.text}"


def _mark(mark: Mark, y: float, low: float, value: float, high: float, named: bool) -> list[str]:
    line = (
        f'<path class="whisker {mark.series}" d="M{low:.1f} {y - 3}v6M{low:.1f} {y}H{high:.1f}M{high:.1f} {y - 3}v6"/>'
    )
    diamond = f"M{value - 5:.1f} {y}l5 -5l5 5l-5 5z"
    dots = {
        "before": f'<rect class="hollow before" x="{value - 3.5:.1f}" y="{y - 3.5}" width="7" height="7"/>',
        "after": f'<circle class="after fill-after" cx="{value:.1f}" cy="{y}" r="4"/>',
        "other": f'<path class="other hollow" d="{diamond}"/>',
        "change": f'<path class="change fill-change" d="{diamond}"/>',
    }
    name = f'<text class="quiet" x="0" y="{y + 4}">{mark.series}</text>' if named else ""
    return [name, line, dots[mark.series], f'<text class="end" x="{WIDTH}" y="{y + 4}">{text_of(mark.text)}</text>']


def vote_bar(tally: Tally) -> Picture:
    """Won, tied and lost as lengths, and below them how sure the share of wins is."""
    parts, x = [], 0.0
    kinds = (("tuned", tally.won, "after"), ("neither", tally.tied, "tied"), ("base", tally.lost, "before"))
    for name, votes, kind in kinds:
        width = WIDTH * votes / max(tally.cast, 1)
        if votes:
            parts.append(
                f'<rect class="fill-{kind}" x="{x:.1f}" y="20" width="{max(width - 1.5, 1):.1f}" height="18"/>'
            )
            anchor = "end" if name == "base" else "middle" if name == "neither" else "start"
            place = x + {"start": 0, "middle": width / 2, "end": width}[anchor]
            parts.append(f'<text class="head {anchor}" x="{place:.1f}" y="13">{name} {votes}</text>')
        x += width
    low, high = tally.interval
    share = tally.won / max(tally.decided, 1)
    ends = [WIDTH * (0.02 + 0.96 * each) for each in (low, share, high, 0.0, 0.5, 1.0)]
    scale = (("start", f"0{THIN}%"), ("middle", "a coin"), ("end", f"100{THIN}%"))
    for place, (anchor, words) in zip(ends[3:], scale, strict=True):
        parts.append(f'<line class="zero" x1="{place:.1f}" x2="{place:.1f}" y1="50" y2="72"/>')
        parts.append(f'<text class="quiet {anchor}" x="{place:.1f}" y="84">{words}</text>')
    if tally.decided:
        parts += _mark(Mark("after", share, low, high, ""), 61, ends[0], ends[1], ends[2], False)
    caption = "Votes, and the tuned model’s share of those that decided"
    alt = (
        f"{caption}: tuned preferred {count(tally.won, 'time')}, base {count(tally.lost, 'time')}, neither "
        f"{count(tally.tied, 'time')}; share of tuned {percent(share)}, between {percent(low)} and {percent(high)}."
    )
    return Picture(svg(WIDTH, 90, alt, parts), alt, caption)
