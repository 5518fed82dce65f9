"""Which label was taken for which, as a picture. Long labels are turned, wrapped, and told in full below it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from studio.report.figures import count, percent, share_between
from studio.report.parts import Picture
from studio.report.pictures import WIDTH, svg, text_of, width_of
from studio.scores.labels import Confusion

MOST_LABELS = 12
MOST_SHADE = 0.4  # so that the numbers read well on it, by day and in the dark
LARGEST, LEAST = 30.0, 24.0  # of a cell, in pixels: least where a long head has two lines; with many labels smaller
LEFT, TOP = 96.0, 74.0  # of the cells, where labels are short
FARTHEST = 132.0  # left of the cells: a phone shows all of them
LETTER, SMALL_LETTER, LINE = 6.2, 5.8, 10.0  # a letter's width, a small one's, and a small line's height, about
SHORT, LONGEST = 12, 24  # letters of a head that stands askew, and of a line of one that stands upright
ELSE, BETWEEN_WORDS = "else", " _-/."


def confusion_matrix(found: Confusion, caption: str) -> Picture:
    """Rows are what was wanted, columns what was answered; of many labels those that were wanted most often."""
    order = sorted(range(len(found.labels)), key=lambda row: -int(found.counts[row].sum()))[:MOST_LABELS]
    order.sort()
    names = [found.labels[row] for row in order]
    counts = [[int(found.counts[row][column]) for column in order] for row in order]
    others = [int(found.counts[row].sum()) - sum(cells) for row, cells in zip(order, counts, strict=True)]
    rows = [[*cells, other] for cells, other in zip(counts, others, strict=True)]
    plan = _plan(names)
    most = max([max(cells) for cells in rows] or [1]) or 1
    parts = [f'<text class="quiet" x="0" y="{plan.top - 18:.0f}">wanted ↓ answered →</text>'] if len(names) < 5 else []
    for column, name in enumerate([*names, ELSE]):
        parts += _head(plan, column, name)
    for row, (name, cells) in enumerate(zip(names, rows, strict=True)):
        parts += _row_name(plan, row, name)
        for column, cell in enumerate(cells):
            x, y = plan.left + plan.size * column, plan.top + plan.size * row
            parts.append(_cell(x, y, plan.size, cell, most, column == row))
    bottom = plan.top + plan.size * len(names) + 6
    told = [line for name, number in plan.numbers.items() for line in textwrap.wrap(f"{number}. {name}", 58)]
    for place, line in enumerate(told):
        parts.append(f'<text class="small" x="0" y="{bottom + 13 * (place + 1):.0f}">{text_of(line)}</text>')
    alt = _tell(found, caption)
    return Picture(svg(WIDTH, bottom + 13 * len(told) + 6 * bool(told), alt, parts), alt, caption)


@dataclass(frozen=True)
class _Plan:
    """Where the cells begin and how large they are. `heads` and `rows`: how many letters a line has, and lines a name.

    `numbers`: of the labels that do not fit, by which they are found below.
    """

    left: float
    top: float
    size: float
    heads: tuple[int, int]
    rows: tuple[int, int]
    numbers: dict[str, int]

    @property
    def is_upright(self) -> bool:
        return self.heads[0] > SHORT


def _plan(names: Sequence[str]) -> _Plan:
    longest, columns = max(map(width_of, names), default=0), len(names) + 1
    left = max(LEFT, min(8 + LETTER * longest, FARTHEST, WIDTH - LEAST * columns))
    size = min(LARGEST, (WIDTH - left) / columns)
    rows = (int((left - 8) / LETTER), 1) if longest <= (left - 8) / LETTER else (int((left - 8) / SMALL_LETTER), 2)
    if longest <= SHORT:
        return _Plan(left, TOP, size, (SHORT, 1), rows, {})
    heads = (LONGEST, 1 if longest <= LONGEST or size < LEAST else 2)
    drawn = max(width_of(line) for name in names for line in _lines(name, heads))
    cut = [name for name in names if any("".join(_lines(name, space)).endswith("…") for space in (heads, rows))]
    top = max(TOP, 12 + SMALL_LETTER * drawn)
    return _Plan(left, top, size, heads, rows, {name: number for number, name in enumerate(cut, start=1)})


def _lines(name: str, space: tuple[int, int]) -> list[str]:
    """The name on so many lines of so many letters, parted between its words; what is too long ends in …"""
    letters, most = space
    letters = max(4, int(letters * len(name) / max(width_of(name), 1)))
    lines: list[str] = []
    while len(name) > letters and len(lines) < most - 1:
        gap = max(name.rfind(sign, 0, letters + (sign == " ")) + 1 for sign in BETWEEN_WORDS)
        cut = gap if gap > letters // 3 else letters
        lines.append(name[:cut].rstrip())
        name = name[cut:].lstrip()
    return [*lines, name if len(name) <= letters else f"{name[: letters - 1].rstrip()}…"]


def _named(plan: _Plan, name: str, space: tuple[int, int]) -> tuple[list[str], str]:
    """Its lines, and its whole text for who points at it where they do not hold it."""
    number = plan.numbers.get(name)
    if number is None:
        return _lines(name, space), ""
    return _lines(f"{number}. {name}", space), f"<title>{text_of(name)}</title>"


def _head(plan: _Plan, column: int, name: str) -> list[str]:
    x, y = plan.left + plan.size * (column + 0.6), plan.top - 5
    if not plan.is_upright:
        return [f'<text class="quiet" transform="translate({x:.1f} {y:.1f}) rotate(-50)">{text_of(name)}</text>']
    lines, whole = _named(plan, name, plan.heads)
    first = plan.left + plan.size * (column + 0.5) + 3.5 - LINE * (len(lines) - 1) / 2
    return [
        f'<text class="small" transform="translate({first + LINE * place:.1f} {y:.1f}) rotate(-90)">'
        f"{whole}{text_of(line)}</text>"
        for place, line in enumerate(lines)
    ]


def _row_name(plan: _Plan, row: int, name: str) -> list[str]:
    lines, whole = _named(plan, name, plan.rows)
    kind = "end small" if plan.rows[1] > 1 else "end"
    first = plan.top + plan.size * (row + 0.5) + 4 - LINE * (len(lines) - 1) / 2
    return [
        f'<text class="{kind}" x="{plan.left - 6:.1f}" y="{first + LINE * place:.1f}">{whole}{text_of(line)}</text>'
        for place, line in enumerate(lines)
    ]


def _cell(x: float, y: float, size: float, cell: int, most: int, right: bool) -> str:
    """Right ones lie on the diagonal; a shade tells how many there are, and the number says it."""
    kind, shade = ("fill-after" if right else "fill-before"), MOST_SHADE * cell / most
    middle = f'x="{x + size / 2:.1f}" y="{y + size / 2 + 4:.1f}"'
    return (
        f'<rect class="{kind}" opacity="{shade:.2f}" x="{x:.1f}" y="{y:.1f}" width="{size:.1f}" height="{size:.1f}"/>'
        f'<rect class="grid" x="{x:.1f}" y="{y:.1f}" width="{size:.1f}" height="{size:.1f}"/>'
        + (f'<text class="middle" {middle}>{cell}</text>' if cell else "")
    )


def say_right(found: Confusion) -> str:
    """39 of 40 right, 98 % (between 87 and 100)."""
    total, right = int(found.counts.sum()), int(found.counts.trace())
    sure = f", {percent(found.accuracy)} ({share_between(found.accuracy, total)})" if total else ""
    return f"{right} of {total} right{sure}"


def _tell(found: Confusion, caption: str) -> str:
    columns: Sequence[str] = [*found.labels, "something else"]
    wrong = sorted(
        (
            (int(cell), found.labels[row], columns[column])
            for row, cells in enumerate(found.counts)
            for column, cell in enumerate(cells)
            if cell and row != column
        ),
        reverse=True,
    )[:3]
    mistakes = "; ".join(f"{wanted} taken for {given}, {count(cell, 'time')}" for cell, wanted, given in wrong)
    return f"{caption}: {say_right(found)}." + (f" Most often {mistakes}." if mistakes else "")
