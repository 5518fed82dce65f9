"""Each held-out example's answers, those first where the tuned model lost most."""

from __future__ import annotations

from collections.abc import Collection
from html import escape
from typing import Any

from studio.scores.measures import MEASURES, Measure

MOST_ROWS, MOST_LETTERS = 100, 300


def show_answers(found: dict[str, Any] | None, hidden: Collection[int] = ()) -> str:
    """`hidden`: rows of which nothing is shown, since somebody is still to vote on them blindly."""
    if not found or "by_example" not in found:
        return ""
    values = found["by_example"]
    rows = [
        (row, before, after)
        for row, before, after in zip(found["answers"], values["base"], values["tuned"], strict=True)
        if row["row"] not in hidden and before is not None and after is not None
    ]
    measure = MEASURES[values["measure"]]
    gain = 1 if measure.higher_is_better else -1
    rows.sort(key=lambda each: (gain * (each[2] - each[1]), gain * each[2]))
    kept = len([row for row in found["answers"] if row["row"] in hidden])
    note = f"<p>{_say_hidden(kept)}</p>" if kept else ""
    title = measure.title if measure.higher_is_better else f"{measure.title}, where lower is better"
    body = "".join(
        _show_row(row, _say(measure, before), _say(measure, after)) for row, before, after in rows[:MOST_ROWS]
    )
    more = f"; the first {MOST_ROWS} of {len(rows):,}" if len(rows) > MOST_ROWS else ""
    head = "".join(f'<th scope="col">{name}</th>' for name in ("Question", "Wanted", "Before", "After"))
    return (
        f'<details class="each"><summary>Each answer, those first where After lost most{more}</summary>{note}'
        '<div class="wide" tabindex="0" role="region" aria-label="Each answer"><table class="scores each">'
        f"<caption>Below each answer: {escape(title)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></div></details>"
    )


def _say_hidden(count: int) -> str:
    if count == 1:
        return "One question is left out until it is voted on: you would see whose answer is whose."
    return f"{count} questions are left out until they are voted on: you would see whose answer is whose."


def _show_row(row: dict[str, Any], before: str, after: str) -> str:
    return (
        f'<tr><th scope="row">{_cut(row["prompt"])}</th><td>{_cut(row["wanted"])}</td>'
        f"<td>{_cut(row['base'])}<br>{before}</td><td>{_cut(row['tuned'])}<br>{after}</td></tr>"
    )


def _say(measure: Measure, value: float) -> str:
    words = f"{100 * value:.0f} %" if measure.unit == "share" else f"{value:.2f}"
    return f'<span class="fine">{words}</span>'


def _cut(text: str) -> str:
    if not text.strip():
        return '<em class="fine">(nothing)</em>'
    if len(text) <= MOST_LETTERS:
        return escape(text)
    return f"<details><summary>{escape(text[:MOST_LETTERS])} …</summary>… {escape(text[MOST_LETTERS:])}</details>"
