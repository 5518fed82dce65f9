"""The scores of base and tuned: one word and why, then each measure with its difference."""

from __future__ import annotations

from html import escape
from typing import Any

from components.matrix_view import show_matrices
from components.notices import show_note
from studio.compare.asking import say_asking
from studio.compare.endings import say_endless
from studio.compare.skipped import say_skipped
from studio.report.figures import THIN, level_between, percent, say_both, say_change
from studio.report.parts import say_word
from studio.scores.comparison import Comparison, compare_fields
from studio.scores.measures import MEASURES, Measure
from studio.scores.plain import PLAIN

EMPTY = (
    '<p class="fine">Not measured yet. Both answer every held-out question, and their answers are compared with '
    "yours.</p>"
)
VERDICTS = {"better": ("good", "✓ Better."), "worse": ("bad", "✖ Worse."), "can't tell": ("note", "▲ Can’t tell.")}


def show_scores(found: dict[str, Any] | None) -> str:
    if not found:
        return EMPTY
    if "measures" not in found:  # of version 0.1: without intervals of the difference
        return _show_plain(found)
    kind, word = VERDICTS[found["verdict"]["word"]]
    known = [(MEASURES[name], each) for name, each in found["measures"].items() if name in MEASURES]
    rows = "".join(
        f'<tr><th scope="row" title="{escape(measure.help)}">{_title(measure, found["main"])}</th>'
        f"{_show_levels(measure, each)}<td>{show_difference(measure, each['difference'])}</td>"
        f"<td>{say_word(each['word'], each['examples'])}</td></tr>"
        for measure, each in known
    )
    # What scrolls sideways must be reached by keys.
    return (
        show_note(f"{word} {found['verdict']['reason']}", kind)
        + _show_endless(found)
        + _show_choice(found)
        + '<div class="wide" tabindex="0" role="region" aria-label="Scores"><table class="scores">'
        f"<caption>{found['examples']} held-out examples, which no training saw; intervals of 95 %</caption>"
        '<thead><tr><td></td><th scope="col">Before</th><th scope="col">After</th><th scope="col">Difference</th>'
        f'<th scope="col">So it is</th></tr></thead><tbody>{rows}</tbody></table></div>'
        + _show_meanings([measure for measure, _ in known])
        + "".join(
            f'<p class="fine">{words}</p>'
            for words in (say_asking(found), say_skipped(found.get("skipped", 0)))
            if words
        )
        + show_matrices(found)
        + (_show_fields(compare_fields(found["answers"])) if found.get("fields") else "")
    )


def _show_endless(found: dict[str, Any]) -> str:
    words = say_endless(found)
    return show_note(f"▲ {words}") if words else ""


def _show_choice(found: dict[str, Any]) -> str:
    """Why this measure decides: as the data have it, or by hand, which is said aloud."""
    by_hand = found.get("by_hand", "")
    why = "" if by_hand and found["main"] != found["suited"] else f'<p class="fine">{escape(found["why"])}</p>'
    unused = found.get("not_used")
    said = f"▲ What you chose to measure by was not used. {unused['what']} {unused['do']}" if unused else ""
    return show_note(said) + show_note(f"▲ {by_hand}" if by_hand else "") + why


def _show_fields(fields: dict[str, Comparison]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(
            f'<td>{round(side.value * each.examples)} of {each.examples} <span class="fine">'
            f"({level_between(each.measure, side.as_dict())})</span></td>"
            for side in (each.base, each.tuned)
        )
        + f"<td>{show_difference(each.measure, each.difference.as_dict())}</td>"
        f"<td>{say_word(each.word, each.examples)}</td></tr>"
        for name, each in fields.items()
    )
    return (
        '<details><summary>Field by field</summary><div class="wide" tabindex="0" role="region" '
        'aria-label="Fields"><table class="scores"><caption>The hardest first; intervals of 95 %</caption><thead><tr>'
        '<th scope="col">Field</th><th scope="col">Right before</th><th scope="col">Right after</th>'
        '<th scope="col">Difference</th><th scope="col">So it is</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div></details>"
    )


def _title(measure: Measure, main: str) -> str:
    title = escape(measure.title)
    lower = "" if measure.higher_is_better else " (lower is better)"
    return (f"<strong>{title}</strong>" if measure.id == main else title) + lower


def _show_meanings(measures: list[Measure]) -> str:
    """For who cannot point at a measure."""
    lines = "".join(f"<li><strong>{escape(each.title)}</strong>: {escape(each.help)}</li>" for each in measures)
    return f"<details><summary>What these mean</summary><ul>{lines}</ul></details>"


def _show_levels(measure: Measure, each: dict[str, Any]) -> str:
    told = say_both(measure, each["base"]["value"], each["tuned"]["value"])
    return "".join(f"<td>{words}</td>" for words in told)


def show_difference(measure: Measure, difference: dict[str, float | None]) -> str:
    value, low, high = (say_change(measure, difference[name]) for name in ("value", "low", "high"))
    unit = f"{THIN}points" if measure.unit == "share" else ""
    return f"<strong>{value}{unit}</strong> ({low} to {high})"


def _show_plain(found: dict[str, Any]) -> str:
    count = found["examples"]
    rows = "".join(
        f'<tr><th scope="row">{MEASURES[name].title}</th>'
        + "".join(f"<td>{percent(found[side].get(name, 0.0))}</td>" for side in ("base", "tuned"))
        + "</tr>"
        for name in PLAIN
        if name in found["tuned"]
    )
    return (
        f'<table class="scores"><caption>{count} held-out examples, which no training saw</caption>'
        '<thead><tr><td></td><th scope="col">Before</th><th scope="col">After</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )
