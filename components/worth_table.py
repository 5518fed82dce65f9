"""What three ways to an answer are worth, as it is shown: the recommendation, a row a way, and the chosen examples."""

from __future__ import annotations

from html import escape
from typing import Any

from components.notices import show_note
from studio.compare.worth import PAIRS, notes_of, say_measure, titles_of
from studio.report.figures import change_between, level_between, say, say_change
from studio.report.parts import say_word
from studio.scores.measures import MEASURES, Measure

# Of the three lights of forgot.css; a sign and the words of the sentence say it too.
SIGNS = {"fine-tune": ("green", "✓"), "prompt": ("green", "✓"), "base": ("amber", "▲"), "can't tell": ("amber", "▲")}
MOST_CHARACTERS = 600
MOST_ANSWERS = 10


def show_worth(found: dict[str, Any] | None) -> str:
    """Empty before it was asked."""
    if not found:
        return ""
    light, sign = SIGNS[found["word"]]
    measure = MEASURES[found["main"]]
    heads = ("Way", measure.title.capitalize(), "Tokens read", "Tokens written", "Seconds")
    rows = "".join(_show_way(measure, title, found["ways"][way]) for way, title in titles_of(found).items())
    caption = f"{found['examples']} held-out questions, with 95 % intervals"
    unit = " points" if measure.unit == "share" else ""
    differences = "".join(
        f'<tr><th scope="row">{PAIRS[pair]}</th><td class="figure">{say_change(measure, each["value"])}{unit} '
        f'<span class="fine">({change_between(measure, each)})</span></td>'
        f"<td>{say_word(each['word'], found['examples'])}</td></tr>"
        for pair, each in found["differences"].items()
    )
    notes = "".join(f"<li>{escape(note)}</li>" for note in notes_of(found))
    return (
        f'<div class="verdict {light}" role="status"><p><strong><span aria-hidden="true">{sign}</span></strong> '
        f"{escape(found['recommendation'])}</p><p>{escape(found['do'])}</p></div>"
        f"{show_note(say_measure(found))}"
        f"{_table(heads, rows, caption)}"
        f"{_table(('Difference', measure.title.capitalize(), 'So it is'), differences, '')}"
        f"{_show_examples(found)}{_show_answers(found)}"
        f'<details><summary>How it was measured</summary><ul class="fine">{notes}</ul></details>'
    )


def _table(heads: tuple[str, ...], rows: str, caption: str) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    above = f"<caption>{caption}</caption>" if caption else ""
    # What scrolls sideways must be reached by keys.
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{caption or heads[0]}"><table>{above}'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _show_way(measure: Measure, title: str, way: dict[str, Any]) -> str:
    quality, seconds = way["quality"], way["seconds"]
    spread = f'<span class="fine">({seconds["fastest"]:.2f} to {seconds["slowest"]:.2f})</span>'
    return (
        f'<tr><th scope="row">{escape(title)}</th><td class="figure">{say(measure, quality["value"])} '
        f'<span class="fine">({level_between(measure, quality)})</span></td><td>{way["prompt_tokens"]:,.0f}</td>'
        f'<td>{way["answer_tokens"]:,.0f}</td><td class="figure">{seconds["value"]:.2f} {spread}</td></tr>'
    )


def _show_examples(found: dict[str, Any]) -> str:
    chosen = found["chosen"]["examples"]
    rows = "".join(
        f'<tr><td><span class="fine">Example {each["row"] + 1}</span><br>{_cut(each["question"])}</td>'
        f"<td>{_cut(each['answer'])}</td></tr>"
        for each in chosen
    )
    title = f"The {len(chosen)} examples in the prompt" if len(chosen) > 1 else "The example in the prompt"
    return f"<details><summary>{title}</summary>{_table(('Question', 'Answer'), rows, '')}</details>"


def _show_answers(found: dict[str, Any]) -> str:
    """Before training alone: afterwards there may be a blind vote on these questions."""
    if "tuned" in found["ways"]:
        return ""
    shown = found["answers"][:MOST_ANSWERS]
    rows = "".join(
        f'<tr><th scope="row">{_cut(each["question"])}</th><td>{_cut(each["wanted"])}</td>'
        f"<td>{_cut(each['base'])}</td><td>{_cut(each['prompt'])}</td></tr>"
        for each in shown
    )
    heads = ("Question", "Wanted", "The base alone", "With examples")
    return f"<details><summary>{len(shown)} of the answers</summary>{_table(heads, rows, '')}</details>"


def _cut(text: str) -> str:
    if not text.strip():
        return '<em class="fine">(nothing)</em>'
    return escape(text[:MOST_CHARACTERS]) + (" …" if len(text) > MOST_CHARACTERS else "")
