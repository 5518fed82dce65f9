"""Scores of somebody else on the same questions: a checkpoint, a file, another run."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

import gradio as gr

from components.frame import RunView, Studio, open_picked, require_rest
from components.matrix_view import read_style
from components.notices import ending_with, show_note, show_progress, told
from components.scores_view import SIGNS, show_difference, show_number
from studio.compare.others import list_others, read_others, score_other, stop
from studio.compare.proof import read_scores
from studio.compare.voices import Voice, is_there, title_of_voice
from studio.errors import RunError
from studio.runs import Run, open_run
from studio.scores.measures import MEASURES


def build_others_view(studio: Studio, run: gr.Dropdown) -> RunView:
    """Build it below `run`, which holds the id of the run that is picked."""
    with gr.Accordion("Measure a checkpoint, a file or another run", open=False, elem_id="others"):
        who = gr.Dropdown(
            label="Who", interactive=True, elem_id="others-who",
            info="Answers the same held-out questions, and is compared with Before.",
        )  # fmt: skip
        with gr.Row():
            measure = gr.Button("Measure it", elem_id="others-measure")
            halt = gr.Button("Stop", elem_id="others-stop", interactive=False, scale=0, min_width=90)
        state = gr.HTML(elem_id="others-state")
    table = gr.HTML(css_template=read_style(), apply_default_css=False, elem_id="others-table")
    outputs = [who, measure, halt, state, table]

    def show(run_id: str | None) -> dict[Any, Any]:
        if not run_id:
            return {who: gr.Dropdown(choices=[], value=None), state: "", table: ""}
        chosen = open_run(studio.workspace, run_id)
        choices = [(title_of_voice(studio.workspace, voice), voice.key) for voice in list_others(chosen)]
        first = choices[-1][1] if choices else None
        return {who: gr.Dropdown(choices=choices, value=first), state: "", table: show_others(studio, chosen)}

    @told
    def ask(run_id: str | None, key: str | None) -> Iterator[dict[Any, Any]]:
        chosen = open_picked(studio, run_id)
        if not key:
            raise RunError(
                "There is nobody else to measure.", "Checkpoints come while a run trains; Export makes files of it."
            )
        require_rest(studio)
        studio.chat.close()
        yield {measure: gr.Button(interactive=False), halt: gr.Button(interactive=True)}
        idle = {measure: gr.Button(interactive=True), halt: gr.Button(interactive=False)}
        yield from ending_with(follow(chosen, Voice.parse(key)), idle)
        yield {**idle, state: "", table: show_others(studio, chosen)}

    def follow(chosen: Run, voice: Voice) -> Iterator[dict[Any, Any]]:
        for progress in score_other(chosen, voice):
            yield {state: show_progress(progress)}

    @told
    def end(run_id: str | None) -> dict[Any, Any]:
        stop(open_picked(studio, run_id))
        return {state: show_note("Stopped. What was answered is kept; press “Measure it” to go on.")}

    measure.click(ask, [run, who], outputs, show_progress="hidden", concurrency_id="accelerator", concurrency_limit=1)
    halt.click(end, run, state, show_progress="hidden")
    return RunView(outputs, show)


def show_others(studio: Studio, run: Run) -> str:
    """A row for each who was measured, with After first, by the measure that decides."""
    others, scores = read_others(run), read_scores(run)
    if not others or not scores:
        return ""
    main = scores["main"]
    after = title_of_voice(studio.workspace, Voice("run", run.id))
    rows = _show_row(after, main, scores)
    there = {key: found for key, found in others.items() if is_there(studio.workspace, key)}
    for key, found in there.items():
        rows += _show_row(title_of_voice(studio.workspace, Voice.parse(key)), main, found)
    return (
        '<div class="wide" tabindex="0" role="region" aria-label="Others"><table class="scores">'
        f"<caption>{escape(MEASURES[main].title)} of {scores['examples']} held-out examples, each beside Before; "
        '95 % intervals</caption><thead><tr><td></td><th scope="col">Itself</th>'
        f'<th scope="col">Difference to Before</th><th scope="col">So it is</th></tr></thead><tbody>{rows}</tbody>'
        "</table></div>"
    )


def _show_row(title: str, main: str, found: dict[str, Any]) -> str:
    each = found["measures"].get(main)
    if each is None:
        words = "Measured by something else; measure it again."
        return f'<tr><th scope="row">{escape(title)}</th><td colspan="3">{words}</td></tr>'
    measure = MEASURES[main]
    return (
        f'<tr><th scope="row">{escape(title)}</th><td>{show_number(measure, each["tuned"]["value"])}</td>'
        f"<td>{show_difference(measure, each['difference'])}</td><td>{SIGNS[each['word']]}</td></tr>"
    )
