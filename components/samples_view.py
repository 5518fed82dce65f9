"""The answers to a few held-out prompts as the run goes on, beside the answer that is wanted."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from html import escape
from typing import Any

import gradio as gr

from components.difference import WORDS
from studio.workspace import ASSETS

EMPTY = (
    '<p class="fine">At each look at the held-out examples, three of them are answered here, '
    "so that you see the answers change.</p>"
)
MOST_PROMPTS = 6
MOST_CHARACTERS = 600  # of an answer; a comparison takes time by the square of them
MOST_OF_A_PROMPT = 300
NOTHING_ALIKE = 0.35  # below this share of common words, marks would stand everywhere and say nothing
COLUMN_REM = 11
LACK = '<span class="lack" role="img" aria-label="words are missing here">‸</span>'


def build_samples() -> gr.HTML:
    """Where `show_samples` goes: it brings the table's form along."""
    css = (ASSETS / "samples.css").read_text(encoding="utf-8")
    return gr.HTML(value="", css_template=css, apply_default_css=False, elem_id="samples")


def show_samples(rows: Sequence[Mapping[str, Any]], most_columns: int = 3) -> str:
    """A table: the answers at the first evaluation, at some between and at the newest, then the wanted one.

    Args:
        rows: As `read_samples` gives them: step, prompt, wanted, answer.
        most_columns: How many of the evaluations are shown; at least 1.
    """
    if not rows:
        return EMPTY
    steps = _spread(sorted({row["step"] for row in rows}), most_columns)
    answers = {(row["prompt"], row["step"]): row["answer"] for row in rows}
    wanted = {row["prompt"]: row["wanted"] for row in rows}
    newest_first = sorted(wanted, key=lambda prompt: -max(row["step"] for row in rows if row["prompt"] == prompt))
    prompts = [prompt for prompt in wanted if prompt in newest_first[:MOST_PROMPTS]]
    names = [f"step {step:,}" for step in steps]
    names[-1] = f"now, {names[-1]}"
    head = "".join(f'<th scope="col">{name}</th>' for name in (*names, "wanted"))
    body = "".join(
        _show_prompt(prompt, [answers.get((prompt, step)) for step in steps], wanted[prompt]) for prompt in prompts
    )
    legend = _legend(body)
    return (
        "<h3>Held-out examples, answered as it learns</h3>"
        '<div class="answers" role="region" tabindex="0" aria-label="Answers to held-out examples">'
        f'<table style="min-width: {COLUMN_REM * (len(steps) + 1)}rem"><thead>'
        f"<tr>{head}</tr></thead>{body}</table></div>{legend}"
    )


def _legend(body: str) -> str:
    words = {
        'class="off"': "Words with dots below differ from the wanted answer.",
        'class="lack"': "‸ Words of the wanted answer are missing there.",
    }
    said = " ".join(sentence for sign, sentence in words.items() if sign in body)
    return f'<p class="fine">{said}</p>' if said else ""


def _spread(steps: Sequence[int], most: int) -> list[int]:
    """The first and the last and evenly many between; the last alone where only one is wanted."""
    most = max(1, min(most, len(steps)))
    if most == 1:
        return [steps[-1]]
    return [steps[round(place * (len(steps) - 1) / (most - 1))] for place in range(most)]


def _show_prompt(prompt: str, answers: Sequence[str | None], wanted: str) -> str:
    cells = "".join(f'<td dir="auto">{_show_answer(answer, wanted)}</td>' for answer in answers)
    return (
        f'<tbody><tr><th scope="rowgroup" colspan="{len(answers) + 1}" dir="auto">'
        f"<span>{_cut(prompt, MOST_OF_A_PROMPT)}</span></th></tr>"
        f'<tr>{cells}<td class="wanted" dir="auto">{_cut(wanted, MOST_CHARACTERS)}</td></tr></tbody>'
    )


def _show_answer(answer: str | None, wanted: str) -> str:
    if answer is None:
        return '<em class="fine">not asked yet</em>'
    if not answer.strip():
        return '<em class="fine">(empty)</em>'
    if answer.strip() == wanted.strip():
        return f'{_cut(answer, MOST_CHARACTERS)} <span class="same">✓ as wanted</span>'
    return mark_differences(answer[:MOST_CHARACTERS], wanted[:MOST_CHARACTERS]) + _rest(answer, MOST_CHARACTERS)


@lru_cache(maxsize=64)  # each answer is shown again whenever one more comes
def mark_differences(answer: str, wanted: str) -> str:
    """The answer as HTML; the words are marked that do not stand in the wanted one, and the places where some lack."""
    ours, theirs = WORDS.findall(answer), WORDS.findall(wanted)
    matcher = difflib.SequenceMatcher(None, theirs, ours, autojunk=False)
    if matcher.ratio() < NOTHING_ALIKE:
        return f'{escape(answer)} <span class="far">✗ quite different</span>'
    parts = []
    for kind, wanted_from, wanted_to, begin, end in matcher.get_opcodes():
        text = escape("".join(ours[begin:end]))
        if kind == "delete" and "".join(theirs[wanted_from:wanted_to]).strip():
            parts.append(LACK)
        parts.append(text if kind == "equal" or not text.strip() else f'<span class="off">{text}</span>')
    return "".join(parts)


def _cut(text: str, most: int) -> str:
    return escape(text[:most]) + _rest(text, most)


def _rest(text: str, most: int) -> str:
    return f" <em>… and {len(text) - most:,} characters more</em>" if len(text) > most else ""
