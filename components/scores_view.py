"""The scores of base and tuned: one word and why, then each measure with its difference."""

from __future__ import annotations

import math
from html import escape
from typing import Any

from components.matrix_view import show_matrices
from components.notices import show_note
from studio.scores.measures import MEASURES
from studio.scores.plain import PLAIN

EMPTY = (
    '<p class="fine">Not measured yet. Both answer every held-out question, and their answers are compared with '
    "yours.</p>"
)
VERDICTS = {"better": ("good", "✓ Better."), "worse": ("bad", "✖ Worse."), "can't tell": ("note", "▲ Can’t tell.")}
SIGNS = {"better": "✓ better", "worse": "✖ worse", "can't tell": "can’t tell"}


def show_scores(found: dict[str, Any] | None) -> str:
    if not found:
        return EMPTY
    if "measures" not in found:  # of version 0.1: without intervals of the difference
        return _show_plain(found)
    kind, word = VERDICTS[found["verdict"]["word"]]
    known = [(MEASURES[name], each) for name, each in found["measures"].items() if name in MEASURES]
    rows = "".join(
        f'<tr><th scope="row" title="{escape(measure.help)}">{_title(measure, found["main"])}</th>'
        f"<td>{show_number(measure, each['base']['value'])}</td><td>{show_number(measure, each['tuned']['value'])}</td>"
        f"<td>{show_difference(measure, each['difference'])}</td><td>{SIGNS[each['word']]}</td></tr>"
        for measure, each in known
    )
    # What scrolls sideways must be reached by keys.
    return (
        show_note(f"{word} {found['verdict']['reason']}", kind)
        + _show_choice(found)
        + '<div class="wide" tabindex="0" role="region" aria-label="Scores"><table class="scores">'
        f"<caption>{found['examples']} held-out examples, which no training saw; intervals of 95 %</caption>"
        '<thead><tr><td></td><th scope="col">Before</th><th scope="col">After</th><th scope="col">Difference</th>'
        f'<th scope="col">So it is</th></tr></thead><tbody>{rows}</tbody></table></div>'
        + show_matrices(found)
        + _show_fields(found.get("fields", {}))
    )


def _show_choice(found: dict[str, Any]) -> str:
    """Why this measure decides: as the data have it, or by hand, which is said aloud."""
    by_hand = found.get("by_hand", "")
    why = "" if by_hand and found["main"] != found["suited"] else f'<p class="fine">{escape(found["why"])}</p>'
    unused = found.get("not_used")
    said = f"▲ What you chose to measure by was not used. {unused['what']} {unused['do']}" if unused else ""
    return show_note(said) + show_note(f"▲ {by_hand}" if by_hand else "") + why


def _show_fields(fields: dict[str, dict[str, int]]) -> str:
    if not fields:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{field["base"]} of {field["wanted"]}</td>'
        f"<td>{field['tuned']} of {field['wanted']}</td></tr>"
        for name, field in sorted(fields.items(), key=lambda item: item[1]["tuned"] / item[1]["wanted"])
    )
    return (
        '<details><summary>Field by field</summary><div class="wide" tabindex="0" role="region" '
        'aria-label="Fields"><table class="scores"><thead><tr><th scope="col">Field</th><th scope="col">Right before'
        f'</th><th scope="col">Right after</th></tr></thead><tbody>{rows}</tbody></table></div></details>'
    )


def _title(measure: Any, main: str) -> str:
    title = escape(measure.title)
    return f"<strong>{title}</strong>" if measure.id == main else title


def show_number(measure: Any, value: float | None, sign: str = "") -> str:
    if value is None or not math.isfinite(value):
        return "unknown"
    text = f"{100 * value:{sign}.0f}" if measure.unit == "share" else f"{value:{sign}.2f}"
    text = text.replace("-0.00", "0.00").replace("+0.00", "0.00")
    text = "0" if text in ("+0", "-0") else text
    return f"{text} %" if measure.unit == "share" and not sign else text


def show_difference(measure: Any, difference: dict[str, float | None]) -> str:
    value, low, high = (show_number(measure, difference[name], "+") for name in ("value", "low", "high"))
    return f"<strong>{value}</strong> ({low} to {high})"


def _show_plain(found: dict[str, Any]) -> str:
    count = found["examples"]
    rows = "".join(
        f'<tr><th scope="row">{MEASURES[name].title}</th>'
        + "".join(f"<td>{found[side].get(name, 0.0):.0%}</td>" for side in ("base", "tuned"))
        + "</tr>"
        for name in PLAIN
        if name in found["tuned"]
    )
    return (
        f'<table class="scores"><caption>{count} held-out examples, which no training saw</caption>'
        '<thead><tr><td></td><th scope="col">Before</th><th scope="col">After</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )
