"""Others beside before and after, in pictures: by the measure that decides, and by how surprised they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from studio.report.figures import say
from studio.report.levels import Level, caption_of, levels
from studio.report.parts import Picture, Pictures
from studio.report.pictures import Row, change_mark, changes, short_word
from studio.scores.measures import MEASURES, Measure

Found = dict[str, Any]
MOST = 12  # others in a picture; the table has all
SURPRISE = ("loss", "perplexity")


@dataclass(frozen=True)
class Other:
    title: str
    found: Found


def others_pictures(scores: Found, known: Sequence[Other]) -> list[Pictures]:
    """Two rows of pictures at most, without those in which nobody else would stand."""
    shown = known[:MOST]
    some = f"; the first {MOST} of {len(known)} others" if len(known) > MOST else ""
    main = MEASURES[scores["main"]]
    measures = [MEASURES[name] for name in SURPRISE if name != main.id]
    rows = (
        (_levels(main, scores, shown, some), _differences(main, shown, some)),
        tuple(_levels(measure, scores, shown, some) for measure in measures),
    )
    return [Pictures(pictures) for row in rows if (pictures := tuple(filter(None, row)))]


def _levels(measure: Measure, scores: Found, known: Sequence[Other], some: str) -> Picture | None:
    asked = [each for each in known if measure.id in each.found["measures"]]
    own = scores["measures"].get(measure.id)
    if not asked or not own:
        return None
    all_of_them = [Level("Before", "before", own["base"], say(measure, own["base"]["value"]))]
    all_of_them.append(Level("After: this run", "after", own["tuned"], say(measure, own["tuned"]["value"])))
    for each in asked:
        bounds = each.found["measures"][measure.id]["tuned"]
        all_of_them.append(Level(each.title, "other", bounds, say(measure, bounds["value"])))
    return levels(measure, all_of_them, f"{caption_of(measure)}{some}")


def _differences(measure: Measure, known: Sequence[Other], some: str) -> Picture | None:
    """Beside After. Shares alone have a scale of points."""
    rows = []
    for each in known:
        if beside := each.found.get("beside", {}).get(measure.id):
            word = short_word(beside["word"], each.found["measures"][measure.id]["examples"])
            rows.append(Row(each.title, (change_mark(beside["difference"]),), word))
    if not rows or measure.unit != "share":
        return None
    return changes(rows, f"Difference to After in points, with 95 % intervals{some}")
