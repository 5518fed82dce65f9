"""Compare a run with its base: talk to both, vote blindly, measure, see what was forgotten, judge, report."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

from components.answers_table import show_answers
from components.forgot_view import build_forgot_view
from components.frame import Studio, TabView, open_picked, pick, require_rest, run_choices
from components.judge_view import build_judge_view
from components.notices import show_progress, told
from components.report_view import build_report_view
from components.scores_view import show_scores
from components.talk_view import build_talk_view
from components.vote_view import build_vote_view
from studio.compare import proof
from studio.place import read_place, write_place
from studio.runs import Run, open_run
from studio.vote.votes import open_rows


def build_compare_tab(studio: Studio) -> TabView:
    run = gr.Dropdown(label="Run", elem_id="compare-run", interactive=True)
    with gr.Tabs(elem_id="compare-views"):
        with gr.Tab("Talk", id="talk"):
            talk = build_talk_view(studio, run)
        with gr.Tab("Blind vote", id="vote"):
            vote = build_vote_view(studio, run)
        with gr.Tab("Scores", id="scores"):
            measure = gr.Button("Measure both", elem_id="measure")
            table = gr.HTML(elem_id="scores")
        with gr.Tab("What it forgot", id="forgot"):
            forgot = build_forgot_view(studio, run)
        with gr.Tab("Judge", id="judge"):
            judge = build_judge_view(studio, run)
        with gr.Tab("Report", id="report"):
            report = build_report_view(studio, run)
    export = gr.Button("Next: Export", elem_id="to-export")

    @told
    def measure_both(run_id: str | None) -> Iterator[str]:
        chosen = open_picked(studio, run_id)
        require_rest(studio)
        studio.chat.close()
        for progress in proof.score_run(chosen):
            yield show_progress(progress)
        yield show_all(chosen)

    def show_all(chosen: Run) -> str:
        scores = proof.read_scores(chosen)
        return show_scores(scores) + show_answers(scores, open_rows(chosen))

    def show(run_id: str | None) -> dict[Any, Any]:
        scores = show_all(open_run(studio.workspace, run_id)) if run_id else show_scores(None)
        views = [view.show(run_id) for view in (vote, forgot, judge, report)]
        return {table: scores, **{output: value for shown in views for output, value in shown.items()}}

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

    measure.click(measure_both, run, table, show_progress="hidden", concurrency_id="accelerator", concurrency_limit=1)
    shown = [table, *talk.outputs, *vote.outputs, *forgot.outputs, *judge.outputs, *report.outputs]
    run.input(change_run, run, shown, show_progress="hidden")
    return TabView(read, [run, *shown], [(export, "export")])
