"""What a run forgot: a quiz about everything else, before and after, with a light and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from components.alone import or_say
from components.frame import Studio, open_picked, require_rest
from components.notices import show_note, told
from components.work_view import Work, WorkView
from studio.data.datasets import open_dataset
from studio.data.mixing import LEAST, MOST, mix_in
from studio.data.read import SUFFIXES
from studio.errors import RunError
from studio.quiz import forget
from studio.quiz.result import Light
from studio.report.figures import between, percent, points, say_move, share_between
from studio.report.forgotten import SIGNS
from studio.runs import Run, open_run
from studio.workspace import ASSETS

NOT_ASKED = (
    '<p class="fine">Not asked yet. Both answer the same questions about everything else: facts, sums, language, '
    "instructions, common sense, and what should be refused. It takes a minute or two for small models.</p>"
)
STOPPED = "Stopped. Press “What did it forget?” to ask anew."
MOST_CHARACTERS = 300


def build_forgot_view(studio: Studio, run: gr.Dropdown) -> WorkView:
    """Build it below `run`, which holds the id of the run that is picked."""
    with gr.Row():
        ask = gr.Button("What did it forget?", variant="primary", elem_id="ask-forgot")
        stop = gr.Button("Stop", elem_id="forgot-stop", visible=False, scale=0, min_width=90)
    state = gr.HTML(elem_id="forgot-state")
    work = Work(state, stop, forget.note_of, STOPPED)
    shown = gr.HTML(
        css_template=(ASSETS / "forgot.css").read_text(encoding="utf-8"), apply_default_css=False, elem_id="forgot"
    )
    with gr.Accordion("Mix in general examples", open=False, elem_id="mix"):
        file = gr.File(label="A file of general examples", file_types=list(SUFFIXES), height=120, elem_id="mix-file")
        share = gr.Slider(
            100 * LEAST, 100 * MOST, value=15, step=1, label="Share of what is then learned (%)", elem_id="mix-share",
            info="Questions and answers about anything, as you wish them answered. A version of the data set is made.",
        )  # fmt: skip
        mix = gr.Button("Mix them in", elem_id="mix-in")
        mixed = gr.HTML(elem_id="mixed")

    def show(run_id: str | None) -> dict[Any, Any]:
        if not run_id:
            return {shown: show_forgot(None), **work.show(None), mixed: ""}
        chosen = open_run(studio.workspace, run_id)
        return {**work.show(chosen), **found(chosen), mixed: ""}

    def found(chosen: Run) -> dict[Any, Any]:
        return {shown: or_say(lambda: show_forgot(forget.read_quiz_of(chosen)))}

    @told
    def ask_both(run_id: str | None) -> dict[Any, Any]:
        chosen = open_picked(studio, run_id)
        require_rest(studio, but=forget.note_of(chosen))
        studio.chat.close()
        forget.begin(chosen)
        return work.show(chosen)

    @told
    def end(run_id: str | None) -> dict[Any, Any]:
        chosen = open_picked(studio, run_id)
        forget.stop(chosen)
        return work.show(chosen)

    @told
    def mix_them_in(run_id: str | None, path: str | None, percent: float) -> str:
        chosen = open_picked(studio, run_id)
        if not path:
            raise RunError("There is no file of general examples yet.", "Bring one, then press again.")
        made = mix_in(studio.workspace, open_dataset(studio.workspace, chosen.recipe.data), Path(path), percent / 100)
        did = "; ".join(made.description["did"])
        return show_note(f"✓ {made.title} is made: {did}. Pick it in Train, and train again.", "good")

    seen = [state, stop, shown, mixed]
    ask.click(ask_both, run, [state, stop], show_progress="hidden", concurrency_id="accelerator", concurrency_limit=1)
    stop.click(end, run, [state, stop], show_progress="hidden")
    mix.click(mix_them_in, [run, file, share], mixed)
    return WorkView(seen, show, found=found, work=work)


def show_forgot(found: dict[str, Any] | None) -> str:
    """The light, what was found and what to do, a row a subject; below, folded, the answers themselves."""
    if not found:
        return NOT_ASKED
    light = found["light"]
    everything = {"subject": "All", "help": "", "questions": found["questions"], **found["all"]}
    table = _table(
        ("Subject", "Light", "Before", "After", "Change in points"),
        "".join(map(_show_subject, [*found["subjects"], everything])),
        f"{found['questions']} questions about everything else, with 95 % intervals",
    )
    return (
        f'<div class="verdict {light}" role="status"><p><strong>{_sign(light)} {light.capitalize()}.</strong> '
        f"{escape(found['words'])}</p><p>{escape(found['do'])}</p></div>"
        f"{table}{_show_off_topic(found['off_topic'])}{_show_lost(found['answers'])}"
    )


def _table(heads: Sequence[str], rows: str, caption: str = "") -> str:
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    above = f"<caption>{caption}</caption>" if caption else ""
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{caption or heads[0]}"><table>{above}'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _sign(light: Light) -> str:
    """A word always stands beside it: who does not see colours, or hears the page, knows it too."""
    return f'<span aria-hidden="true">{SIGNS[light]}</span>'


def _show_subject(part: dict[str, Any]) -> str:
    light = part["light"]
    told = say_move(*(part[side]["value"] for side in ("before", "after", "difference")))
    sure = [between(part["before"]), between(part["after"]), between(part["difference"], points)]
    cells = "".join(
        f'<td class="figure">{words} <span class="fine">({bounds})</span></td>'
        for words, bounds in zip(told, sure, strict=True)
    )
    return (
        f'<tr class="{"all" if part["subject"] == "All" else ""}"><th scope="row" title="{escape(part["help"])}">'
        f'{escape(part["subject"])} <span class="fine">{part["questions"]} questions</span></th>'
        f'<td class="light {light}">{_sign(light)} {escape(part["word"])}</td>{cells}</tr>'
    )


def _show_off_topic(found: dict[str, Any]) -> str:
    asked = found["answers"]
    if found["form"] is None:
        summary = "your answers have no form of their own that could be looked for."
    else:
        alike = sum(answer["alike"] for answer in asked)
        before, after = (
            f"{percent(share)} ({share_between(share, len(asked))})" for share in (found["before"], found["after"])
        )
        summary = (
            f"{alike} of {len(asked)} answers look like those of your examples ({escape(found['form'])}): {after}; "
            f"before {before}."
        )
    rows = "".join(_show_answer(answer["ask"], answer["before"], answer["after"]) for answer in asked)
    table = _table(("Question beside the point", "Before", "After"), rows)
    return f"<details><summary>Asked beside the point: {summary}</summary>{table}</details>"


def _show_lost(answers: list[dict[str, Any]]) -> str:
    lost = [row for row in answers if row["before_right"] and not row["after_right"]]
    won = sum(row["after_right"] and not row["before_right"] for row in answers)
    if not lost:
        return f'<p class="fine">No question was right before and is wrong now; {won} the other way round.</p>'
    rows = "".join(_show_answer(row["ask"], row["wanted"], row["after"]) for row in lost)
    return (
        f"<details><summary>{len(lost)} questions were right before and are wrong now; {won} the other way round."
        f"</summary>{_table(('Question', 'Right', 'After'), rows)}</details>"
    )


def _show_answer(ask: str, first: str, second: str) -> str:
    return f'<tr><th scope="row">{escape(ask)}</th><td>{_cut(first)}</td><td>{_cut(second)}</td></tr>'


def _cut(text: str) -> str:
    if not text.strip():
        return '<em class="fine">(nothing)</em>'
    return escape(text[:MOST_CHARACTERS]) + (" …" if len(text) > MOST_CHARACTERS else "")
