"""The curve of the losses, as a picture."""

from __future__ import annotations

import math
from collections.abc import Callable

from studio.report.figures import count, number
from studio.report.parts import Picture
from studio.report.pictures import svg
from studio.report.scales import round_ticks
from studio.train.metrics import Curve

WIDTH, HEIGHT = 460, 220
LEFT, RIGHT, TOP, BOTTOM = 34, 392, 12, 190
MOST_POINTS = 300
Points = list[tuple[float, float]]
Place = Callable[[tuple[float, float]], tuple[float, float]]  # (step, loss) -> (x, y)


def loss_curve(curve: Curve, kept_step: int) -> Picture | None:
    """Both losses by step; None where neither was logged."""
    train = _points(curve["train"], "smooth")
    heldout = _points(curve["heldout"], "loss")
    raw = _points(curve["train"], "loss")
    known = train + heldout + raw
    if not known:
        return None
    last = max(step for step, _ in known) or 1
    highest = max(loss for _, loss in train + heldout or known) * 1.05 or 1.0
    ticks = round_ticks(highest)

    def place(point: tuple[float, float]) -> tuple[float, float]:
        step, loss = point
        x = LEFT + (RIGHT - LEFT) * step / last
        return x, BOTTOM - (BOTTOM - TOP) * min(loss / ticks[-1], 1.0)

    parts = []
    for tick in ticks:
        _, y = place((0, tick))
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="quiet end" x="{LEFT - 5}" y="{y + 3.5:.1f}">{tick:g}</text>')
    for step in (0, last / 2, last):
        x, _ = place((step, 0))
        parts.append(f'<text class="quiet middle" x="{x:.1f}" y="{BOTTOM + 15}">{step:,.0f}</text>')
    parts.append(f'<text class="quiet middle" x="{(LEFT + RIGHT) / 2}" y="{BOTTOM + 27}">step</text>')
    parts.append(_line(raw, place, "whisker faint after"))
    parts.append(_line(train, place, "whisker after"))
    parts.append(_line(heldout, place, "whisker before"))
    for point in heldout if len(heldout) <= 60 else []:
        x, y = place(point)
        parts.append(f'<rect class="hollow before" x="{x - 3:.1f}" y="{y - 3:.1f}" width="6" height="6"/>')
    parts += _names(train, heldout, place)
    kept = next((point for point in heldout if point[0] == kept_step), None)
    if kept:
        x, y = place(kept)
        parts.append(f'<text class="end" x="{x - 4:.1f}" y="{max(y - 10, 12):.1f}">kept</text>')
    alt = f"Loss by step, {count(int(last), 'step')}. " + " ".join(
        f"{name}: {number(points[0][1])} at first, {number(points[-1][1])} in the end."
        for name, points in (("Training", train), ("Held-out", heldout))
        if points
    )
    return Picture(svg(WIDTH, HEIGHT, alt, parts), alt, "Loss by step: how surprised the model is, a token")


def _points(columns: dict[str, list[float | None]], name: str) -> Points:
    """What is known of it, thinned to what can be seen."""
    pairs = zip(columns.get("step", []), columns.get(name, []), strict=True)
    known = [(float(step), float(value)) for step, value in pairs if step is not None and value is not None]
    every = math.ceil(len(known) / MOST_POINTS) or 1
    return known[::every] + (known[-1:] if known and (len(known) - 1) % every else [])


def _line(points: Points, place: Place, kind: str) -> str:
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in map(place, points))
    return f'<path class="{kind}" d="M{path}"/>' if len(points) > 1 else ""


def _names(train: Points, heldout: Points, place: Place) -> list[str]:
    """Beside the ends of the lines, not on each other."""
    ends = [(name, place(points[-1])[1]) for name, points in (("training", train), ("held-out", heldout)) if points]
    ends.sort(key=lambda end: end[1])
    if len(ends) == 2 and ends[1][1] - ends[0][1] < 13:
        middle = min((ends[0][1] + ends[1][1]) / 2, BOTTOM - 8)
        ends = [(ends[0][0], middle - 6.5), (ends[1][0], middle + 6.5)]
    return [f'<text x="{RIGHT + 8}" y="{y + 4:.1f}">{name}</text>' for name, y in ends]
