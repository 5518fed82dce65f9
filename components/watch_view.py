"""Watching a run: what it does, its curve, what the doctor says, its answers, and how to end it or go on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from components.actions import action, build_actions, pressed
from components.chart import build_chart
from components.doctor_view import show_doctor, spikes_of
from components.frame import Studio, run_choices
from components.notices import show_note, told
from components.run_views import show_story
from components.samples_view import build_samples, show_samples
from components.status import resume_word, show_status, state_mark
from studio.errors import TunesmithError
from studio.place import write_place
from studio.queue import resume_run, start_run
from studio.runs import How, Run, discard_run, open_run, stop_run
from studio.train.metrics import read_metrics_since
from studio.train.recipe import make_recipe
from studio.train.samples import read_samples

EMPTY = (
    '<div class="empty"><h3>The run appears here</h3><p>Press Start training. The curve shows how wrong the model '
    "still is: it should fall. You may close this page; the run goes on.</p></div>"
)


@dataclass(frozen=True)
class Beside:
    """What else on the page changes with the run that is watched: `show` gives the values of `outputs`."""

    outputs: Sequence[Any]
    show: Callable[[Run | None], dict[Any, Any]]


@dataclass(frozen=True)
class WatchView:
    """`which` holds the id of the run; `show` gives the values of `outputs` for one, and `pick` that of all of them,
    with `which`."""

    which: gr.Dropdown
    compare: gr.Button
    outputs: Sequence[Any]
    pick: Callable[[Run | None], dict[Any, Any]]


def build_watch_view(studio: Studio, beside: Beside) -> WatchView:
    which = gr.Dropdown(label="Run", elem_id="watched-run", interactive=True)
    status = gr.HTML(EMPTY, elem_id="run-status")
    remedies = build_actions(elem_id="remedies")
    chart = build_chart(lambda run, cursor, extra: metrics_since(studio, run, cursor, extra))
    doctor = gr.HTML(elem_id="doctor")
    with gr.Row():
        pause = gr.Button("Pause", visible=False, elem_id="pause")
        stop = gr.Button("Stop and keep", variant="stop", visible=False, elem_id="stop")
        resume = gr.Button("Resume", visible=False, elem_id="resume")
        compare = gr.Button("Next: Compare", variant="primary", visible=False, elem_id="to-compare")
        discard = gr.Button("Stop and throw away …", visible=False, elem_id="discard")
    with gr.Group(visible=False) as sure:
        gr.HTML(show_note("This ends the run and removes all that it learned.", "bad"))
        with gr.Row():
            spare = gr.Button("Keep it", elem_id="discard-no")
            really = gr.Button("Throw it away", variant="stop", elem_id="discard-yes")
    samples = build_samples()

    watched = [status, remedies, chart, doctor, samples, pause, stop, resume, compare, discard, sure, *beside.outputs]

    def pick(run: Run | None) -> dict[Any, Any]:
        choices = run_choices(studio, only_with_adapter=False)
        return {which: gr.Dropdown(choices=choices, value=run.id if run else None), **show(run)}

    def show(run: Run | None) -> dict[Any, Any]:
        live = run is not None and run.is_live
        return {
            **watch_words(run),
            **beside.show(run),
            chart: f"{run.id}#{run.state}" if run else "",
            pause: gr.Button(visible=live, interactive=bool(run and run.state == "training")),
            stop: gr.Button(visible=live, interactive=bool(run and run.state not in ("stopping", "pausing"))),
            discard: gr.Button(visible=live),
            sure: gr.Group(visible=False),
            resume: gr.Button(resume_word(run), visible=bool(run and run.can_resume)),
            compare: gr.Button(visible=is_ready(run)),
        }

    def watch_words(run: Run | None) -> dict[Any, Any]:
        if run is None:
            return {status: EMPTY, remedies: "", doctor: "", samples: ""}
        return {
            status: show_status(run) + show_story(run),
            remedies: show_remedies(run),
            doctor: show_doctor(run),
            samples: show_samples(read_samples(run.samples)),
        }

    @told
    def watch(run_id: str | None) -> Any:
        if run_id:
            write_place(studio.workspace, run=run_id)
        return show(open_run(studio.workspace, run_id) if run_id else None)

    def end(how: How) -> Any:
        return told(lambda run_id: show(stop_run(studio.workspace, run_id, how)))

    @told
    def go_on(run_id: str) -> Any:
        studio.chat.close()
        return show(resume_run(studio.workspace, run_id))

    @told
    def throw_away(run_id: str) -> Any:
        discard_run(studio.workspace, run_id)
        write_place(studio.workspace, run="")
        return pick(None)

    @told
    def mend(run_id: str, event: gr.EventData) -> Any:
        """Start again with the settings of the remedy that was pressed."""
        run = open_run(studio.workspace, run_id)
        act, of = pressed(event)
        known = run.status.get("remedies", [])
        if act != "remedy" or not of.isdigit() or int(of) >= len(known):
            return gr.skip()
        again = start_run(studio.workspace, make_recipe(**{**run.recipe.model_dump(), **known[int(of)]["changes"]}))
        write_place(studio.workspace, run=again.id)
        return pick(again)

    def tick(run_id: str | None, before: str) -> Any:
        """What changed of the watched run since the page last looked; mostly nothing."""
        if not run_id:
            return gr.skip()
        try:
            run = open_run(studio.workspace, run_id)
        except TunesmithError:  # it was deleted, or taken out of the queue
            return pick(None)
        now = show_status(run) + show_story(run)
        if now == before:
            return gr.skip()
        return watch_words(run) if state_mark(run) in before else pick(run)

    quiet: dict[str, Any] = {"show_progress": "hidden"}
    which.input(watch, which, watched, **quiet)
    pause.click(end("pause"), which, watched, **quiet)
    stop.click(end("keep"), which, watched, **quiet)
    resume.click(go_on, which, watched, **quiet)
    discard.click(lambda: gr.Group(visible=True), None, sure, **quiet)
    spare.click(lambda: gr.Group(visible=False), None, sure, **quiet)
    really.click(throw_away, which, [which, *watched], **quiet)
    remedies.click(mend, which, [which, *watched], **quiet)
    gr.Timer(2).tick(tick, [which, status], [which, *watched], queue=False, **quiet)
    return WatchView(which, compare, [which, *watched], pick)


def is_ready(run: Run | None) -> bool:
    """It has learned, and is at rest: it can be compared."""
    return run is not None and run.has_adapter and not run.is_live


def metrics_since(studio: Studio, run_id: str, cursor: int, extra: str) -> dict[str, Any]:
    """What the curve asks for; the id comes from the page, and `open_run` takes only ids of this workspace."""
    run = open_run(studio.workspace, run_id)
    found: dict[str, Any] = {**read_metrics_since(run.metrics, cursor, extra)}
    if cursor <= 0:
        spikes = [{"step": step, "mark": mark, "words": words} for step, mark, words in spikes_of(run)]
        found |= {"name": run.title, "marks": found["marks"] + spikes}
    return {**found, "live": run.is_live}


def show_remedies(run: Run) -> str:
    """What would make a run fit that did not, each a press away."""
    known = run.status.get("remedies") or []
    rows = "".join(
        f"<li>{action('remedy', each['title'], place, 'first' if place == 0 else '')} "
        f'<span class="fine">{escape(each["why"])}</span></li>'
        for place, each in enumerate(known)
    )
    return f'<ul class="remedies" aria-label="What would make it fit">{rows}</ul>' if rows else ""
