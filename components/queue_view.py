"""The runs that wait for their turn: earlier, later, out."""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr

from components.actions import action, build_actions, pressed
from components.frame import Studio
from components.notices import told
from studio.queue import reorder, take_out, waiting


def build_queue_view(studio: Studio) -> gr.HTML:
    """Its value is what `show_queue` gives."""
    queue = build_actions(elem_id="queue")

    @told
    def act(event: gr.EventData) -> Any:
        what, run_id = pressed(event)
        if what == "out":
            take_out(studio.workspace, run_id)
        elif what in ("earlier", "later"):
            reorder(studio.workspace, run_id, -1 if what == "earlier" else 1)
        return show_queue(studio)

    queue.click(act, None, queue, show_progress="hidden")
    return queue


def show_queue(studio: Studio) -> str:
    """Empty where nothing waits."""
    runs = waiting(studio.workspace)
    if not runs:
        return ""
    rows = "".join(
        f"<li><span>{escape(run.title)}</span>"
        + action("earlier", "↑", run.id, title=f"Start {run.title} earlier", disabled=place == 0)
        + action("later", "↓", run.id, title=f"Start {run.title} later", disabled=place == len(runs) - 1)
        + action("out", "Remove", run.id, title=f"Take {run.title} out of the queue")
        + "</li>"
        for place, run in enumerate(runs)
    )
    return f'<h3>Waiting for their turn</h3><ol class="queue">{rows}</ol>'
