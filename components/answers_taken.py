"""The answers of a scored run to take along, as a table for a spreadsheet."""

from __future__ import annotations

from html import escape
from typing import Any
from urllib.parse import quote

import gradio as gr

from components.frame import Studio, open_picked
from components.notices import told
from studio.compare.answers_file import write_answers
from studio.vote.votes import open_rows


def build_answers_taken(studio: Studio, run: gr.Dropdown) -> None:
    """Below the answers of `run`, which holds the id of the run that is picked."""
    take = gr.Button("Download the answers (CSV)", elem_id="answers-take", size="sm", scale=0)
    link = gr.HTML(elem_id="answers-link")

    @told
    def write(run_id: str | None) -> dict[Any, Any]:
        chosen = open_picked(studio, run_id)
        hidden = open_rows(chosen)
        file = write_answers(chosen, hidden)
        address = f"/gradio_api/file={quote(file.as_posix())}"
        but = " It leaves out those that are still to be voted on." if hidden else ""
        return {link: f'<p><a download href="{address}">{escape(file.name)}</a> holds them, whole.{but}</p>'}

    take.click(write, run, [link], show_progress="hidden")
    run.change(lambda: "", None, link, show_progress="hidden", queue=False)
