"""Scores of somebody else on the same questions: a checkpoint, a file, another run."""

from __future__ import annotations

from typing import Any

import gradio as gr

from components.alone import or_say
from components.frame import Studio, open_picked, require_rest
from components.matrix_view import read_style
from components.notices import told
from components.others_table import show_others
from components.work_view import Work, WorkView
from studio.compare.others import begin, list_others, note_of, stop, title_of_other
from studio.compare.voices import Voice
from studio.errors import RunError
from studio.runs import Run, open_run

STOPPED = "Stopped. What was answered is kept; press “Measure it” to go on."


def build_others_view(studio: Studio, run: gr.Dropdown) -> WorkView:
    """Build it below `run`, which holds the id of the run that is picked."""
    with gr.Accordion("Measure a checkpoint, a file or another run", open=False, elem_id="others"):
        who = gr.Dropdown(
            label="Who", interactive=True, elem_id="others-who",
            info="Answers the same held-out questions, and is compared with Before and with After.",
        )  # fmt: skip
        with gr.Row():
            measure = gr.Button("Measure it", elem_id="others-measure")
            halt = gr.Button("Stop", elem_id="others-stop", visible=False, scale=0, min_width=90)
        state = gr.HTML(elem_id="others-state")
    work = Work(state, halt, note_of, STOPPED)
    table = gr.HTML(css_template=read_style(), apply_default_css=False, elem_id="others-table")

    def show(run_id: str | None) -> dict[Any, Any]:
        if not run_id:
            return {who: gr.Dropdown(choices=[], value=None), **work.show(None), table: ""}
        chosen = open_run(studio.workspace, run_id)
        choices = [(title_of_other(chosen, voice), voice.key) for voice in list_others(chosen)]
        first = choices[-1][1] if choices else None
        return {who: gr.Dropdown(choices=choices, value=first), **work.show(chosen), **found(chosen)}

    def found(chosen: Run) -> dict[Any, Any]:
        return {table: or_say(lambda: show_others(chosen))}

    @told
    def ask(run_id: str | None, key: str | None) -> dict[Any, Any]:
        chosen = open_picked(studio, run_id)
        if not key:
            raise RunError(
                "There is nobody else to measure.", "Checkpoints come while a run trains; Export makes files of it."
            )
        require_rest(studio, but=note_of(chosen))
        studio.chat.close()
        begin(chosen, Voice.parse(key))
        return work.show(chosen)

    @told
    def end(run_id: str | None) -> dict[Any, Any]:
        chosen = open_picked(studio, run_id)
        stop(chosen)
        return work.show(chosen)

    measure.click(
        ask, [run, who], [state, halt], show_progress="hidden", concurrency_id="accelerator", concurrency_limit=1
    )
    halt.click(end, run, [state, halt], show_progress="hidden")
    return WorkView([who, halt, state, table], show, found=found, work=work)
