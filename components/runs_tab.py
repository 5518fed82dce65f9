"""All runs, and what can be done with one or two of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from components.actions import pressed
from components.frame import Studio, TabView
from components.notices import show_note, told
from components.notices_block import build_notices_block
from components.run_views import show_pair, show_run, words_of_loss
from components.runs_table import build_runs_table, table_value
from components.script_link import build_script_link
from components.status import resume_word
from studio.errors import RunError
from studio.place import read_place, write_place
from studio.queue import resume_run, start_run
from studio.run_notes import read_notes, write_notes
from studio.run_table import list_rows, open_runs, size_of, title_again
from studio.runs import STAMP_LENGTH, Run, delete_run, open_run, stop_run

LOG_LINES = 200
PAIR = "Two runs are open. Untick one to rename, repeat, resume or delete the other."


@dataclass(frozen=True, kw_only=True)
class RunsView(TabView):
    """`chosen` holds the ids of the one or two runs that are open, with a comma between.

    `take` is the button "Take its recipe": the tab that trains fills its form from the run that `chosen` names.
    """

    chosen: gr.Textbox
    take: gr.Button


def build_runs_tab(studio: Studio, build_curves: Callable[[], gr.HTML] | None = None) -> RunsView:
    """`build_curves` builds the chart of the chosen runs, whose value is as `build_chart` takes it: "one#state|two"."""
    table = build_runs_table(studio)
    chosen = gr.Textbox(visible=False, elem_id="runs-chosen")
    with gr.Row(elem_classes="split"):
        with gr.Column(scale=1, min_width=300, elem_classes="decide"):
            how = gr.HTML(elem_id="runs-how")
            with gr.Column(visible=False, elem_id="run-acts") as acts:
                watch = gr.Button("Watch its curve", variant="primary", elem_id="watch")
                resume = gr.Button("Resume", elem_id="runs-resume", visible=False, size="md")
                stop = gr.Button("Stop and keep", elem_id="runs-stop", visible=False, size="md")
                with gr.Row():
                    again = gr.Button("Train it again", elem_id="runs-again", size="md", min_width=120)
                    take = gr.Button("Take its recipe", elem_id="runs-take", size="md", min_width=120)
                build_script_link(studio, chosen)
                delete = gr.Button("Delete …", elem_id="runs-delete", visible=False, size="md")
            with gr.Column(visible=False, elem_id="delete-sure") as sure:
                warning = gr.HTML(elem_id="delete-warning")
                with gr.Row():
                    keep = gr.Button("Keep it", elem_id="delete-no")
                    really = gr.Button("Delete it", variant="stop", elem_id="delete-yes")
            with gr.Accordion("Name, tags and note", open=False, visible=False, elem_id="run-notes") as notes:
                title = gr.Textbox(label="Name", max_length=60, elem_id="run-title")
                tags = gr.Textbox(label="Tags", info="With commas between.", elem_id="run-tags")
                note = gr.Textbox(label="Note", lines=3, max_lines=8, max_length=2_000, elem_id="run-note")
                save = gr.Button("Save", elem_id="run-save")
            build_notices_block(studio)
        with gr.Column(scale=2, min_width=320, elem_classes="see"):
            detail = gr.HTML(elem_id="runs-detail")
            curves = build_curves() if build_curves else None
            with gr.Accordion("What it printed", open=False, visible=False, elem_id="run-log") as printed:
                log = gr.Textbox(label="The end of its log", lines=14, max_lines=14, elem_id="log", interactive=False)

    asked = [sure, warning]
    looked = [chosen, detail, how, acts, resume, stop, delete, notes, printed, *([curves] if curves else [])]
    opened = [*looked, *asked, title, tags, note, log]
    shown = [table, *opened]

    def look(runs: list[Run]) -> dict[Any, Any]:
        """What changes while a run goes on; what the person may be writing in stays."""
        one = runs[0] if len(runs) == 1 else None
        row = next((row for row in list_rows(studio.workspace) if one and row.run.id == one.id), None)
        pair = show_pair(runs[0], runs[1]) if len(runs) == 2 else ""
        values: dict[Any, Any] = {
            chosen: ",".join(run.id for run in runs),
            detail: show_run(row) if row else pair,
            how: show_note(PAIR if len(runs) == 2 else ""),
            acts: gr.Column(visible=one is not None),
            resume: gr.Button(resume_word(one), visible=bool(one and one.can_resume)),
            stop: gr.Button(visible=bool(one and one.is_live)),
            delete: gr.Button(visible=bool(one and not one.is_live)),
            notes: gr.Accordion(visible=one is not None),
            printed: gr.Accordion(visible=one is not None),
        }
        return values | ({curves: curves_value(runs)} if curves else {})

    def open_all(runs: list[Run]) -> dict[Any, Any]:
        one = runs[0] if len(runs) == 1 else None
        written = read_notes(one.folder) if one else None
        return look(runs) | {
            sure: gr.Column(visible=False),
            warning: "",
            title: one.title if one else "",
            tags: ", ".join(written.tags) if written else "",
            note: written.note if written else "",
            log: _read_log(one) if one else "",
        }

    def show(wish: str) -> dict[Any, Any]:
        """All of it, at the run that is wished for, else at the newest."""
        rows = list_rows(studio.workspace)
        ids = [row.run.id for row in rows]
        run_id = wish if wish in ids else next(iter(ids), "")
        here = [run_id] if run_id else []
        return {table: table_value(rows, here), **open_all(open_runs(studio.workspace, here))}

    @told
    def change(event: gr.EventData) -> Any:
        act, of = pressed(event)
        runs = open_runs(studio.workspace, [part for part in of.split(",") if part][:2])
        if act == "look":
            return look(runs)
        if runs:
            write_place(studio.workspace, run=runs[0].id)
        return open_all(runs)

    @told
    def go_on(ids: str) -> Any:
        studio.chat.close()
        return show(resume_run(studio.workspace, _only(ids)).id)

    @told
    def end(ids: str) -> Any:
        return show(stop_run(studio.workspace, _only(ids)).id)

    @told
    def repeat(ids: str) -> Any:
        run = open_run(studio.workspace, _only(ids))
        taken = [row.run.title for row in list_rows(studio.workspace)]
        studio.chat.close()  # the run needs the memory more
        made = start_run(studio.workspace, run.recipe)
        write_notes(made.folder, title=title_again(run, taken))
        write_place(studio.workspace, run=made.id)
        gr.Info(f"“{title_again(run, taken)}” is {made.state}.", duration=6)
        return show(made.id)

    @told
    def write(ids: str, name: str, words: str, text: str) -> Any:
        run = open_run(studio.workspace, _only(ids))
        own = run.recipe.name or run.id[STAMP_LENGTH:]
        write_notes(run.folder, title="" if name.strip() == own else name, tags=words, note=text)
        return show(run.id)

    @told
    def ask_first(ids: str) -> Any:
        run = open_run(studio.workspace, _only(ids))
        return {sure: gr.Column(visible=True), warning: show_note(words_of_loss(run, size_of(run)), "bad")}

    @told
    def remove(ids: str) -> Any:
        run_id = _only(ids)
        if run_id in studio.chat.busy_with:
            studio.chat.close()
        order = [row.run.id for row in list_rows(studio.workspace)]
        delete_run(studio.workspace, run_id)
        return show(_beside(order, run_id))

    quiet: dict[str, Any] = {"show_progress": "hidden"}
    # Multiple: what is picked while the page still looks, or shows what was picked before, is not dropped.
    table.click(change, None, opened, trigger_mode="multiple", **quiet)
    resume.click(go_on, chosen, shown, **quiet)
    stop.click(end, chosen, shown, **quiet)
    again.click(repeat, chosen, shown, **quiet)
    save.click(write, [chosen, title, tags, note], shown, **quiet)
    delete.click(ask_first, chosen, asked, **quiet)
    keep.click(lambda: gr.Column(visible=False), None, sure, **quiet)
    really.click(remove, chosen, shown, **quiet)

    @told
    def read() -> Any:
        return show(read_place(studio.workspace).run)

    return RunsView(read=read, outputs=shown, leads=[(watch, "train")], chosen=chosen, take=take)


def curves_value(runs: list[Run]) -> str:
    """As `components.chart.build_chart` takes it; its part after `#` makes a run that goes on again be read again."""
    if not runs:
        return ""
    return "|".join([f"{runs[0].id}#{runs[0].state}", *(run.id for run in runs[1:])])


def _only(ids: str) -> str:
    """Raises: RunError where not one run is open."""
    if not ids or "," in ids:
        raise RunError("That can be done with one run at a time.", "Tick the one that you mean.")
    return ids


def _beside(order: list[str], run_id: str) -> str:
    """What is open after `run_id` is gone: the next older run, else the next newer one."""
    place = order.index(run_id) if run_id in order else 0
    left = [other for other in order if other != run_id]
    return left[min(place, len(left) - 1)] if left else ""


def _read_log(run: Run) -> str:
    if not run.log.exists():  # one that waits has printed nothing
        return ""
    lines = run.log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(line.rpartition("\r")[2] for line in lines[-LOG_LINES:])
