"""Every answer of a scored run as a table to take along: CSV, as spreadsheets and pandas read it."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection
from pathlib import Path
from typing import Any

from studio.compare.proof import read_scores
from studio.errors import RunError
from studio.runs import Run, workspace_of
from studio.scores.measures import MEASURES
from studio.store import write_whole

BEGINS_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_answers(run: Run, hidden: Collection[int] = ()) -> Path:
    """Write it among the exports. `hidden`: rows that are left out, since somebody is still to vote on them blindly.

    Raises: RunError if nothing was scored.
    """
    found = read_scores(run)
    if not found or "answers" not in found:
        raise RunError(f"Nothing of {run.title} was measured yet.", "Press Measure both first.")
    path = workspace_of(run.folder).exports / f"{run.id}-answers.csv"
    # The mark at the beginning is how Excel knows the letters.
    write_whole(path, "\ufeff" + as_csv(found, hidden))
    return path


def as_csv(found: dict[str, Any], hidden: Collection[int] = ()) -> str:
    """Columns: example (1-based), question, wanted, before, after, and by what decides, before and after."""
    values = found.get("by_example") or {}
    count = len(found["answers"])
    title = MEASURES[values["measure"]].title if values.get("measure") in MEASURES else ""
    sides = [values.get(side) or [None] * count for side in ("base", "tuned")]
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(["example", "question", "wanted", "before", "after", f"{title}, before", f"{title}, after"])
    for row, before, after in zip(found["answers"], *sides, strict=True):
        if row["row"] not in hidden:
            said = [_safe(row[name]) for name in ("prompt", "wanted", "base", "tuned")]
            table.writerow([row["row"] + 1, *said, before, after])
    return text.getvalue()


def _safe(text: str) -> str:
    """A spreadsheet takes what begins so for a formula, and runs it; an apostrophe before it makes it text."""
    return f"'{text}" if text.startswith(BEGINS_FORMULA) else text
