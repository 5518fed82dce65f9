"""Compare a run with its base: talk, vote blindly, measure, what it forgot, was it worth it, judge, report."""

from __future__ import annotations

from typing import Any

import gradio as gr

from components.forgot_view import build_forgot_view
from components.frame import Studio, TabView, pick, run_choices
from components.judge_view import build_judge_view
from components.measure_view import build_measure_view
from components.notices import told
from components.others_view import build_others_view
from components.report_view import build_report_view
from components.talk_view import build_talk_view
from components.vote_view import build_vote_view
from components.worth_view import build_worth_view
from studio.place import read_place, write_place


def build_compare_tab(studio: Studio) -> TabView:
    run = gr.Dropdown(label="Run", elem_id="compare-run", interactive=True)
    with gr.Tabs(elem_id="compare-views"):
        with gr.Tab("Talk", id="talk"):
            talk = build_talk_view(studio, run)
        with gr.Tab("Blind vote", id="vote"):
            vote = build_vote_view(studio, run)
        with gr.Tab("Scores", id="scores"):
            scores = build_measure_view(studio, run)
            others = build_others_view(studio, run)
        with gr.Tab("What it forgot", id="forgot"):
            forgot = build_forgot_view(studio, run)
        with gr.Tab("Worth it?", id="worth"):
            worth = build_worth_view(studio, run)
        with gr.Tab("Judge", id="judge"):
            judge = build_judge_view(studio, run)
        with gr.Tab("Report", id="report"):
            report = build_report_view(studio, run)
    export = gr.Button("Next: Export", elem_id="to-export")

    views = (vote, scores, others, forgot, worth, judge, report)

    def show(run_id: str | None) -> dict[Any, Any]:
        return {output: value for view in views for output, value in view.show(run_id).items()}

    @told
    def change_run(run_id: str | None) -> Any:
        if run_id:
            write_place(studio.workspace, run=run_id)
        return {**show(run_id), **talk.fresh(run_id)}

    @told
    def read() -> Any:
        choices = run_choices(studio)
        chosen = pick(choices, read_place(studio.workspace).run)
        return {run: gr.Dropdown(choices=choices, value=chosen), **show(chosen), **talk.show(chosen)}

    shown = [*talk.outputs, *(output for view in views for output in view.outputs)]
    run.input(change_run, run, shown, show_progress="hidden")
    return TabView(read, [run, *shown], [(export, "export")])
