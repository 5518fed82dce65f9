"""The table of all runs: sorted, filtered and chosen from in the page, kept up to date from the folders."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import gradio as gr

from components.frame import Studio
from components.notices import words_for
from components.run_views import when
from studio.run_table import (
    RunRow,
    base_title,
    before_words,
    best_of,
    data_title,
    in_short,
    list_rows,
    now_words,
    share_of,
)
from studio.workspace import ASSETS

HASH_DIGITS = 16


def build_runs_table(studio: Studio) -> gr.HTML:
    """Build the table; its value is what `table_value` gives.

    The page triggers `click` with {"act": "choose" or "look", "of": ids with commas between}: one or two runs were
    chosen, or what is known of the chosen ones has changed.
    """

    def read_runs(known: Any) -> dict[str, Any]:
        """All rows, unless they are as the page knows them."""
        rows = [_as_record(row, place) for place, row in enumerate(reversed(list_rows(studio.workspace)))]
        now = _hash(rows)
        return {"known": now} if now == known else {"known": now, "rows": rows[::-1]}

    return gr.HTML(
        value="",
        html_template=(ASSETS / "runs_table.html").read_text(encoding="utf-8"),
        css_template=(ASSETS / "runs_table.css").read_text(encoding="utf-8"),
        js_on_load=(ASSETS / "runs_table.js").read_text(encoding="utf-8"),
        server_functions=[read_runs],
        apply_default_css=False,
        elem_id="runs-table",
    )


def table_value(rows: list[RunRow], chosen: list[str]) -> str:
    """The rows, newest first as `list_rows` gives them, and the runs that the rest of the page shows."""
    records = [_as_record(row, place) for place, row in enumerate(reversed(rows))]
    return json.dumps({"known": _hash(records), "rows": records[::-1], "chosen": chosen})


def _hash(records: list[dict[str, Any]]) -> str:
    return hashlib.sha256(json.dumps(records).encode()).hexdigest()[:HASH_DIGITS]


def _as_record(row: RunRow, place: int) -> dict[str, Any]:
    """`place` counts from the oldest; `moment` changes whenever what is shown of the run elsewhere would."""
    run, status = row.run, row.run.status
    best, step = best_of(run) or (None, None)
    seconds = status.get("seconds")
    return {
        "id": run.id,
        "title": run.title,
        "tags": list(row.notes.tags),
        "note": row.notes.note,
        "state": run.state,
        "live": run.is_live,
        "share": share_of(run),
        "data": data_title(run.recipe.data),
        "base": base_title(run.recipe.base),
        "differs": in_short(row),
        "all": "\n".join(f"{d.title}: {before_words(d)} → {now_words(d)}" for d in row.differences),
        "best": best,
        "best_step": step,
        "seconds": seconds,
        "time": words_for(seconds) if seconds is not None else "",
        "started": place,
        "when": when(run),
        "moment": f"{run.state} {status.get('updated_s')}",
    }
