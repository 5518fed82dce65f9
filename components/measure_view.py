"""Measuring a run: both answer every held-out question; what decides can be changed, and nobody is asked again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import gradio as gr

from components.alone import or_say
from components.answers_table import show_answers
from components.answers_taken import build_answers_taken
from components.asking_form import build_asking_form
from components.choice_form import build_choice_form
from components.frame import Studio, open_picked, require_rest
from components.matrix_view import read_style
from components.notices import show_note, show_progress, told
from components.scores_view import show_scores
from components.work_view import Work, WorkView
from studio.compare import proof
from studio.compare.asking import Asking, make_asking, read_asking
from studio.compare.chosen import forget_typed, keep_typed, read_choice, read_typed
from studio.errors import DamagedError, TunesmithError
from studio.runs import Run, open_run
from studio.scores.choice import Choice, Typed, make_choice
from studio.vote.votes import open_rows

STOPPED = "Stopped. What was answered is kept; press “Measure both” to go on."
LEARNED_ON = "▲ The run has learned on since it was measured. Measure both to know how it does now."
KEPT = "Kept. “Measure both” will measure by it."
TYPED = "What stands here is not used yet. “Measure by this” uses it."
WEIGHED = "✓ Weighed anew. The verdict stands below."


def build_measure_view(studio: Studio, run: gr.Dropdown, on_page: gr.Textbox) -> WorkView:
    """Build it below `run`, which holds the id of the run that is picked; `on_page` tells whose fields are shown."""
    with gr.Row():
        measure = gr.Button("Measure both", variant="primary", elem_id="measure")
        stop = gr.Button("Stop", elem_id="measure-stop", visible=False, scale=0, min_width=90)
    state = gr.HTML(elem_id="measure-state")
    work = Work(state, stop, proof.note_of, STOPPED)
    asking_form = build_asking_form()
    with gr.Accordion("Measure something else", open=False, elem_id="choose"):
        form = build_choice_form()
        with gr.Row():
            apply = gr.Button("Measure by this", elem_id="choose-apply")
            back = gr.Button("Let the data decide", elem_id="choose-back")
        chosen_state = gr.HTML(elem_id="choose-state")
    table = gr.HTML(css_template=read_style(), apply_default_css=False, elem_id="scores")
    build_answers_taken(studio, run)

    def show(run_id: str | None) -> dict[Any, Any]:
        if not run_id:
            empty = {**form.show(Typed(), None), **asking_form.show(Asking())}
            return {table: show_scores(None), **work.show(None), chosen_state: "", **empty}
        chosen = open_run(studio.workspace, run_id)
        return {
            **work.show(chosen),
            chosen_state: or_say(lambda: _say_choice(chosen)),
            **form.show(_typed_in(chosen), _found_of(chosen)),
            **asking_form.show(_asking_of(chosen)),
            table: or_say(lambda: _show_all(chosen)),
        }

    def found(chosen: Run) -> dict[Any, Any]:
        scores = _found_of(chosen)
        shown = {table: or_say(lambda: _show_all(chosen))}
        return {**shown, **(form.offer(_typed_in(chosen).measure, scores) if scores else {})}

    @told
    def measure_both(run_id: str | None, *how: float | None) -> dict[Any, Any]:
        chosen = open_picked(studio, run_id)
        asking = make_asking(*how)
        require_rest(studio, but=proof.note_of(chosen))
        studio.chat.close()
        proof.begin(chosen, asking)
        return work.show(chosen)

    @told
    def end(run_id: str | None) -> dict[Any, Any]:
        chosen = open_picked(studio, run_id)
        proof.stop(chosen)
        return work.show(chosen)

    @told
    def keep(told_by_page: str, *values: str | None) -> None:
        """So that it is there still for who looks elsewhere and comes back."""
        if run_id := run_of(told_by_page):
            keep_typed(open_run(studio.workspace, run_id), Typed(*(value or "" for value in values)))

    def choose(run_id: str | None, choice: Choice) -> Iterator[dict[Any, Any]]:
        chosen = open_picked(studio, run_id)
        for progress in proof.choose(chosen, choice):
            yield {chosen_state: show_progress(progress)}
        forget_typed(chosen)
        scores = proof.read_scores(chosen)
        seen = {**form.show(Typed.of(choice), scores), table: _show_all(chosen)}
        yield {**seen, chosen_state: show_note(WEIGHED, "good") if scores else show_note(KEPT)}

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

    outputs = [*asking_form.fields, *form.fields, form.help, stop, state, chosen_state, table]
    measure.click(
        measure_both, [run, *asking_form.fields], [state, stop], show_progress="hidden",
        concurrency_id="accelerator", concurrency_limit=1,
    )  # fmt: skip
    stop.click(end, run, [state, stop], show_progress="hidden")
    seen = [*form.fields, form.help, chosen_state, table]
    apply.click(measure_by, [run, *form.fields], seen, show_progress="hidden")
    back.click(let_data_decide, run, seen, show_progress="hidden")
    # What is pasted into a box is no input to Gradio; leaving the box tells it.
    typing = [field.input for field in form.fields] + [field.blur for field in form.fields if hasattr(field, "blur")]
    told_by = [on_page, *form.fields]
    gr.on(typing, keep, told_by, None, show_progress="hidden", queue=False, trigger_mode="always_last")
    # What was typed last may still wait to be told when the run is left: it is told then, at once.
    run.input(keep, told_by, None, show_progress="hidden", queue=False, trigger_mode="multiple")
    return WorkView(outputs, show, found=found, work=work)


def run_of(seen: str) -> str | None:
    """The run that is shown, of what the page last saw: [run, choices] as JSON."""
    run_id: str | None = json.loads(seen)[0] if seen else None
    return run_id


def _say_choice(run: Run) -> str:
    read_choice(run)  # whose damage is said
    return show_note(TYPED if read_typed(run) else "")


def _typed_in(run: Run) -> Typed:
    """What the form shows; empty where what was chosen is damaged, which stands below it."""
    try:
        return read_typed(run) or Typed.of(read_choice(run))
    except DamagedError:
        return Typed()


def _asking_of(run: Run) -> Asking:
    """The usual way where it is damaged, which measuring both says."""
    try:
        return read_asking(run)
    except DamagedError:
        return Asking()


def _found_of(run: Run) -> dict[str, Any] | None:
    """None also where they are damaged, which stands in their place."""
    try:
        return proof.read_scores(run)
    except DamagedError:
        return None


def _show_all(run: Run) -> str:
    found = proof.read_scores(run)
    note = show_note(LEARNED_ON) if found and proof.is_outdated(run) else ""
    return note + show_scores(found) + show_answers(found, open_rows(run))
