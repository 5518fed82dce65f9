"""Measuring a run: both answer every held-out question; what decides can be changed, and nobody is asked again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

from components.answers_table import show_answers
from components.choice_form import build_choice_form
from components.frame import RunView, Studio, open_picked, require_rest
from components.matrix_view import read_style
from components.notices import show_note, show_progress, told
from components.scores_view import show_scores
from studio.compare import proof
from studio.compare.chosen import read_choice
from studio.errors import TunesmithError
from studio.runs import Run, open_run
from studio.scores.choice import Choice, make_choice
from studio.tasks import Progress, read_note
from studio.vote.votes import open_rows

STOPPED = "Stopped. What was answered is kept; press “Measure both” to go on."
LEARNED_ON = "▲ The run has learned on since it was measured. Measure both to know how it does now."
KEPT = "Kept. “Measure both” will measure by it."
WEIGHED = "✓ Weighed anew. The verdict stands below."


def build_measure_view(studio: Studio, run: gr.Dropdown) -> RunView:
    """Build it below `run`, which holds the id of the run that is picked."""
    with gr.Row():
        measure = gr.Button("Measure both", elem_id="measure")
        stop = gr.Button("Stop", elem_id="measure-stop", visible=False, scale=0, min_width=90)
    state = gr.HTML(elem_id="measure-state")
    with gr.Accordion("Measure something else", open=False, elem_id="choose"):
        form = build_choice_form()
        with gr.Row():
            apply = gr.Button("Measure by this", elem_id="choose-apply")
            back = gr.Button("Let the data decide", elem_id="choose-back")
        chosen_state = gr.HTML(elem_id="choose-state")
    table = gr.HTML(css_template=read_style(), apply_default_css=False, elem_id="scores")

    def show(run_id: str | None) -> dict[Any, Any]:
        if not run_id:
            return {table: show_scores(None), state: "", stop: _button(False), **form.show(Choice(), None)}
        chosen = open_run(studio.workspace, run_id)
        is_on = proof.is_on(chosen)
        return {
            state: _show_state(chosen) if is_on else "",
            stop: _button(is_on),
            chosen_state: "",
            **form.show(read_choice(chosen), proof.read_scores(chosen)),
            table: _show_all(chosen),
        }

    @told
    def measure_both(run_id: str | None) -> Iterator[dict[Any, Any]]:
        chosen = open_picked(studio, run_id)
        require_rest(studio)
        studio.chat.close()
        note = ""
        yield {state: show_progress(Progress("Starting")), stop: _button(True)}
        try:
            for progress in proof.score_run(chosen):
                yield {state: show_progress(progress)}
        except TunesmithError:
            if not proof.is_stopped(chosen):
                yield {state: "", stop: _button(False)}
                raise
            note = STOPPED
        yield {**show(run_id), state: show_note(note)}

    @told
    def end(run_id: str | None) -> dict[Any, Any]:
        proof.stop(open_picked(studio, run_id))
        return {state: show_note(STOPPED), stop: _button(False)}

    def choose(run_id: str | None, choice: Choice) -> Iterator[dict[Any, Any]]:
        chosen = open_picked(studio, run_id)
        for progress in proof.choose(chosen, choice):
            yield {chosen_state: show_progress(progress)}
        found = proof.read_scores(chosen)
        seen = {**form.show(choice, found), table: _show_all(chosen)}
        yield {**seen, chosen_state: show_note(WEIGHED, "good") if found else show_note(KEPT)}

    @told
    def measure_by(run_id: str | None, *values: Any) -> Iterator[dict[Any, Any]]:
        try:
            yield from choose(run_id, make_choice(*(value or "" for value in values)))
        except TunesmithError as error:  # beside the form, where it can be mended
            yield {chosen_state: show_note(f"✖ {error.what} {error.do}", "bad")}

    @told
    def let_data_decide(run_id: str | None) -> Iterator[dict[Any, Any]]:
        try:
            yield from choose(run_id, Choice())
        except TunesmithError as error:
            yield {chosen_state: show_note(f"✖ {error.what} {error.do}", "bad")}

    outputs = [*form.fields, form.help, measure, stop, state, chosen_state, table]
    measure.click(
        measure_both, run, outputs, show_progress="hidden", concurrency_id="accelerator", concurrency_limit=1,
    )  # fmt: skip
    stop.click(end, run, [state, stop], show_progress="hidden")
    seen = [*form.fields, form.help, chosen_state, table]
    apply.click(measure_by, [run, *form.fields], seen, show_progress="hidden")
    back.click(let_data_decide, run, seen, show_progress="hidden")
    return RunView(outputs, show)


def _button(visible: bool) -> gr.Button:
    return gr.Button(visible=visible)


def _show_state(run: Run) -> str:
    """Measuring goes on while nobody looks."""
    known = read_note(proof.note_of(run))
    return show_progress(Progress(known.get("message", "Starting"), known.get("share"), known.get("left_s")))


def _show_all(run: Run) -> str:
    found = proof.read_scores(run)
    note = show_note(LEARNED_ON) if found and proof.is_outdated(run) else ""
    return note + show_scores(found) + show_answers(found, open_rows(run))
