"""What a judge found, as a page: whom it prefers, how far it can be believed, and each rating with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import Any

from studio.judge.form import BEST, CRITERIA, WORST
from studio.judge.result import read_judged, shown_answers
from studio.judge.said import preference_of, say_lost, say_preference, say_spent, tally_in
from studio.report.figures import MINUS
from studio.report.parts import TOO_FEW
from studio.runs import Run
from studio.scores.intervals import FEWEST
from studio.vote.tally import say_interval, say_tally

NO_RUN = (
    '<div class="empty"><h3>Another model as the judge</h3><p>Once a run is trained, a model of your choice rates its '
    "answers here beside those of its base. Train one first.</p></div>"
)
NOT_JUDGED = (
    '<p class="fine">Not judged yet. A model that you name rates both answers to each question without knowing whose '
    "they are, each pair twice with the sides swapped. A pair counts only where it says the same both times.</p>"
)
SIGNS = {"better": "✓", "worse": "✖", "unsure": "▲"}
WINNERS = {"tuned": "after", "base": "before", "same": "alike"}
MOST_CHARACTERS = 600


def show_judged(run: Run) -> str:
    """The judge's count, how often it was swayed, whether it judges as the person does, and its ratings."""
    found = read_judged(run)
    if not found:
        return NOT_JUDGED
    return (
        _show_verdict(found)
        + f"<h3>Can you believe it?</h3><p>{escape(found['kappa']['words'])}</p>"
        + "".join(f"<p>{escape(sentence)}</p>" for sentence in say_lost(found))
        + _show_criteria(found)
        + _show_answers(run, found)
        + _show_source(found)
    )


def _show_verdict(found: dict[str, Any]) -> str:
    tally, kind = tally_in(found), preference_of(found)
    counts = say_tally(tally) if tally.cast else ""
    sentences = "".join(f"<p>{words}</p>" for words in (counts, say_interval(tally)) if words)
    return (
        f'<div class="verdict {kind}" role="status"><p><strong><span aria-hidden="true">{SIGNS[kind]}</span> '
        f"{say_preference(found)}</strong></p>{sentences}</div>"
    )


def _show_criteria(found: dict[str, Any]) -> str:
    if not found["criteria"]:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{name.capitalize()}<br><span class="fine">{escape(CRITERIA[name])}</span></th>'
        f"<td>{_interval(part['before'])}</td><td>{_interval(part['after'])}</td>"
        f"<td>{_interval(part['difference'], '+.1f')}</td>{_word(part['word'], found['counted'])}</tr>"
        for name, part in found["criteria"].items()
    )
    counted = found["counted"]
    caption = (
        f"Mean of {counted} question{'s' * (counted != 1)} that count, from {WORST} (poor) to {BEST} (excellent), "
        "with 95 % intervals"
    )
    return (
        '<div class="criteria">' + _table(("Rated", "Before", "After", "Change", "Verdict"), rows, caption) + "</div>"
    )


def _word(word: str, counted: int) -> str:
    kind = word if word in SIGNS else "unsure"
    said = word if kind != "unsure" or counted >= FEWEST else TOO_FEW
    return f'<td class="word {kind}"><span aria-hidden="true">{SIGNS[kind]}</span> {escape(said)}</td>'


def _interval(interval: dict[str, float], form: str = ".1f") -> str:
    value, low, high = (format(interval[name], form).replace("-", MINUS) for name in ("value", "low", "high"))
    return f'{value} <span class="fine">({low} to {high})</span>'


def _show_answers(run: Run, found: dict[str, Any]) -> str:
    shown = shown_answers(run, found)
    hidden = len(found["answers"]) - len(shown)
    kept = (
        f'<p class="fine">{hidden} question{"s" * (hidden != 1)} still wait for your blind vote; what it said of them '
        "is shown once you have voted.</p>"
        if hidden
        else ""
    )
    if not shown:
        return kept
    rows = "".join(_show_answer(each) for each in shown)
    return (
        f"<details><summary>Its ratings, question by question (this tells whose answer is whose)</summary>"
        f'<div class="answers">{_table(("Question", "Better", "Before", "After"), rows, "Ratings with reasons")}</div>'
        f"</details>{kept}"
    )


def _show_answer(each: dict[str, Any]) -> str:
    better = WINNERS[each["winner"]] if each["winner"] else "swayed" if each["swayed"] else "not read"
    wanted = f'<p class="fine">wanted: {_cut(each["wanted"])}</p>' if each["wanted"] else ""
    answers = "".join(
        f'<td><p dir="auto">{_cut(each[maker])}</p>{"".join(map(_show_rating, each["ratings"][maker]))}</td>'
        for maker in ("base", "tuned")
    )
    return f'<tr><th scope="row"><p dir="auto">{_cut(each["prompt"])}</p>{wanted}</th><td>{better}</td>{answers}</tr>'


def _show_rating(rating: dict[str, Any]) -> str:
    scores = ", ".join(f"{name} {rating[name]}" for name in CRITERIA)
    return f'<p class="fine">{scores}: {_cut(rating["reason"])}</p>'


def _show_source(found: dict[str, Any]) -> str:
    judge, at = found["judge"], datetime.fromisoformat(found["at"]).astimezone()
    who = f"Judge: {judge['model']}, {judge['where']}, {at:%d %b %Y, %H:%M}. {say_spent(found)}"
    return f'<p class="fine">{escape(who)}</p>'


def _table(heads: Sequence[str], rows: str, caption: str) -> str:
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{caption}"><table><caption>{caption}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _cut(text: str) -> str:
    if not text.strip():
        return "<em>(nothing)</em>"
    return escape(text[:MOST_CHARACTERS]) + (" …" if len(text) > MOST_CHARACTERS else "")
