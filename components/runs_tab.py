"""All runs, and what can be done with one."""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr

from components.frame import Studio, TabView, pick, run_choices
from components.notices import show_note, told
from components.status import show_status
from studio.place import read_place, write_place
from studio.runs import Run, delete_run, list_runs, open_run, resume_run, stop_run

LOG_LINES = 200


def build_runs_tab(studio: Studio) -> TabView:
    table = gr.HTML(elem_id="runs-table")
    with gr.Row(elem_classes="split"):
        with gr.Column(scale=1, min_width=300, elem_classes="decide"):
            run = gr.Dropdown(label="Run", elem_id="runs-run", interactive=True)
            watch = gr.Button("Watch its curve", variant="primary", elem_id="watch")
            resume = gr.Button("Resume", elem_id="runs-resume", visible=False)
            stop = gr.Button("Stop and keep", elem_id="runs-stop", visible=False)
            delete = gr.Button("Delete …", elem_id="runs-delete", visible=False)
            with gr.Group(visible=False) as sure:
                warning = gr.HTML(elem_id="delete-warning")
                with gr.Row():
                    keep = gr.Button("Keep it", elem_id="delete-no")
                    really = gr.Button("Delete it", variant="stop", elem_id="delete-yes")
        with gr.Column(scale=2, min_width=320, elem_classes="see"):
            detail = gr.HTML(elem_id="runs-detail")
            with gr.Accordion("What it printed", open=False):
                log = gr.Textbox(label="The end of its log", lines=14, max_lines=14, elem_id="log", interactive=False)

    shown = [table, run, watch, resume, stop, delete, sure, detail, log]

    def show(run_id: str | None) -> dict[Any, Any]:
        runs = list_runs(studio.workspace)
        choices = run_choices(studio, only_with_adapter=False)
        chosen = pick(choices, run_id or "")
        picked = next((r for r in runs if r.id == chosen), None)
        return {
            table: _show_table(runs),
            run: gr.Dropdown(choices=choices, value=chosen),
            watch: gr.Button(interactive=picked is not None),
            resume: gr.Button(visible=bool(picked and picked.can_resume)),
            stop: gr.Button(visible=bool(picked and picked.is_live)),
            delete: gr.Button(visible=bool(picked and not picked.is_live)),
            sure: gr.Group(visible=False),
            detail: show_status(picked) if picked else "",
            log: _read_log(picked) if picked else "",
        }

    @told
    def change(run_id: str | None) -> Any:
        if run_id:
            write_place(studio.workspace, run=run_id)
        return show(run_id)

    @told
    def go_on(run_id: str) -> Any:
        studio.chat.close()
        resume_run(studio.workspace, run_id)
        return show(run_id)

    @told
    def end(run_id: str) -> Any:
        stop_run(studio.workspace, run_id)
        return show(run_id)

    @told
    def ask_first(run_id: str) -> Any:
        doomed = open_run(studio.workspace, run_id)
        text = f"This removes {doomed.title}: its adapter, its curve and its checkpoints. Exports stay."
        return {sure: gr.Group(visible=True), warning: show_note(text, "bad")}

    @told
    def remove(run_id: str) -> Any:
        if studio.chat.busy_with == run_id:
            studio.chat.close()
        delete_run(studio.workspace, run_id)
        return show(None)

    run.input(change, run, shown, show_progress="hidden")
    resume.click(go_on, run, shown, show_progress="hidden")
    stop.click(end, run, shown, show_progress="hidden")
    delete.click(ask_first, run, [sure, warning], show_progress="hidden")
    keep.click(lambda: gr.Group(visible=False), None, sure, show_progress="hidden")
    really.click(remove, run, shown, show_progress="hidden")

    @told
    def read() -> Any:
        return show(read_place(studio.workspace).run)

    return TabView(read, shown, [(watch, "train")])


def _show_table(runs: list[Run]) -> str:
    if not runs:
        return (
            '<div class="empty"><h3>No runs yet</h3>'
            "<p>Each training is kept here, with its curve and its adapter.</p></div>"
        )
    head = "".join(f'<th scope="col">{t}</th>' for t in ("Run", "State", "Data", "Model", "Steps", "Held-out loss"))
    rows = "".join(_show_row(run) for run in runs)
    # What scrolls sideways must be reached by keys.
    return (
        '<div class="wide" tabindex="0" role="region" aria-label="All runs">'
        f'<table class="runs"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _show_row(run: Run) -> str:
    loss = run.status.get("heldout_loss")
    cells = (
        run.state,
        run.recipe.data,
        run.recipe.base,
        f"{run.status.get('step', 0):,}",
        f"{loss:.3f}" if loss is not None else "",
    )
    return f'<tr><th scope="row">{escape(run.title)}</th>' + "".join(f"<td>{escape(c)}</td>" for c in cells) + "</tr>"


def _read_log(run: Run) -> str:
    if not run.log.exists():  # one that waits has printed nothing
        return ""
    lines = run.log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(line.rpartition("\r")[2] for line in lines[-LOG_LINES:])
