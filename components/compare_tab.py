"""Compare a run with its base: talk, vote blindly, measure, what it forgot, was it worth it, judge, report."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from components.alone import show_alone
from components.forgot_view import build_forgot_view
from components.frame import Studio, TabView, pick, run_choices
from components.judge_view import build_judge_view
from components.measure_view import build_measure_view, run_of
from components.notices import told
from components.others_view import build_others_view
from components.report_view import build_report_view
from components.talk_view import build_talk_view
from components.vote_view import build_vote_view
from components.worth_view import build_worth_view
from studio.errors import TunesmithError
from studio.place import read_place, write_place
from studio.runs import open_run

TICK_S = 2
FOUND = ("scores.json", "others.json", "quiz.json", "worth.json", "judge.json", "ballots.json", "votes.jsonl")
Choices = Sequence[tuple[str, str]]


def build_compare_tab(studio: Studio) -> TabView:
    run = gr.Dropdown(label="Run", elem_id="compare-run", interactive=True)
    seen = gr.Textbox(visible=False)  # the run that is shown, those that are listed, and the state of what was found
    noticed = gr.Textbox(visible="hidden")  # by which a tick says that something changed
    with gr.Tabs(elem_id="compare-views"):
        with gr.Tab("Talk", id="talk"):
            talk = build_talk_view(studio, run)
        vote_tab = gr.Tab("Blind vote", id="vote")
        with gr.Tab("Scores", id="scores"):
            scores = build_measure_view(studio, run, seen)
            others = build_others_view(studio, run)
        with gr.Tab("What it forgot", id="forgot"):
            forgot = build_forgot_view(studio, run)
        with gr.Tab("Worth it?", id="worth") as worth_tab:
            worth = build_worth_view(studio, run)
        with gr.Tab("Judge", id="judge"):
            judge = build_judge_view(studio, run)
        with gr.Tab("Report", id="report"):
            report = build_report_view(studio, run)
        with vote_tab:
            vote = build_vote_view(studio, run, (scores, judge, report))
    export = gr.Button("Next: Export", elem_id="to-export")

    views = (vote, scores, others, forgot, worth, judge, report)
    works = (scores, others, forgot, worth, judge)

    def show(run_id: str | None) -> dict[Any, Any]:
        if run_id:
            open_run(studio.workspace, run_id)  # that it is gone is said once, not by each view
        return {output: value for view in views for output, value in show_alone(view.show, run_id).items()}

    @told
    def change_run(run_id: str | None) -> Any:
        if run_id:
            write_place(studio.workspace, run=run_id)
        return {**show(run_id), **show_alone(talk.fresh, run_id), seen: as_seen(run_id, run_choices(studio))}

    @told
    def read() -> Any:
        choices = run_choices(studio)
        chosen = pick(choices, read_place(studio.workspace).run)
        return {**list_runs(choices, chosen), **show(chosen), **show_alone(talk.show, chosen)}

    def list_runs(choices: Choices, chosen: str | None) -> dict[Any, Any]:
        return {run: gr.Dropdown(choices=choices, value=chosen), seen: as_seen(chosen, choices)}

    def as_seen(run_id: str | None, choices: Choices) -> str:
        return json.dumps([run_id, choices, _marks(studio.workspace.runs / run_id) if run_id else []])

    def tick(run_id: str | None, before: str, *states: str) -> Any:
        """Another text if something changed, mostly none: Gradio takes 70 ms over what may change all of a tab."""
        try:
            return str(time.monotonic_ns()) if has_changed(run_id, before, states) else gr.skip()
        except TunesmithError:  # a run is deleted at this moment; the next tick finds it gone
            return gr.skip()

    def has_changed(run_id: str | None, before: str, states: Sequence[str]) -> bool:
        choices = run_choices(studio)
        if as_seen(run_id, choices) != before:
            return True
        if run_id not in [each for _, each in choices]:
            return False
        chosen = open_run(studio.workspace, run_id)
        return any(view.work.has_changed(chosen, state) for view, state in zip(works, states, strict=True))

    def redraw(run_id: str | None, before: str, *states: str) -> Any:
        """What changed since the page last looked."""
        try:
            return watch(run_id, before, states) or gr.skip()
        except TunesmithError:
            return gr.skip()

    def watch(run_id: str | None, before: str, states: Sequence[str]) -> dict[Any, Any]:
        choices = run_choices(studio)
        now = as_seen(run_id, choices)
        if run_id not in [each for _, each in choices]:
            if now == before:
                return {}
            chosen = pick(choices, read_place(studio.workspace).run)
            return {**list_runs(choices, chosen), **show(chosen), **show_alone(talk.fresh, chosen)}
        changed: dict[Any, Any] = {}
        chosen_run = open_run(studio.workspace, run_id)
        if now != before:
            changed = {run: gr.Dropdown(choices=choices), seen: now, **talk.offer(run_id)}
            if run_of(before) != run_id:  # a tick on the run before came last
                changed |= show(run_id)
            else:  # somebody measured, judged or voted: another window, or the command line
                changed |= {output: value for view in views for output, value in view.found(chosen_run).items()}
        for view, state in zip(works, states, strict=True):
            changed |= view.tick(chosen_run, state)
        return {**changed, seen: now} if changed else {}

    shown = [seen, *talk.outputs, *(output for view in views for output in view.outputs)]
    run.input(change_run, run, shown, show_progress="hidden")
    # Another measure may have been chosen under Scores since it was shown.
    worth_tab.select(told(worth.show), run, worth.outputs, show_progress="hidden")
    looked_at = [run, seen, *(view.work.state for view in works)]
    gr.Timer(TICK_S).tick(tick, looked_at, noticed, queue=False, show_progress="hidden")
    noticed.change(redraw, looked_at, [run, *shown], queue=False, show_progress="hidden")
    return TabView(read, [run, *shown], [(export, "export")])


def _marks(folder: Path) -> list[int]:
    """They change with what was found of a run, and with how it is measured."""
    files = (folder / name for name in FOUND)
    return [file.stat().st_mtime_ns if file.exists() else 0 for file in files]
