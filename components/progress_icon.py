"""How far a run is, in the title and the icon of the browser's tab. assets/title.js reads what stands here."""

from __future__ import annotations

import re
from html import escape

import gradio as gr

from studio.errors import TunesmithError
from studio.run_table import share_of
from studio.runs import Run, open_run
from studio.workspace import ASSETS, Workspace

LIVE = re.compile(r'data-run="([^"]+)"[^>]*data-live="yes"')


def read_title_script() -> str:
    """For the page's `head`."""
    return f"<script>{(ASSETS / 'title.js').read_text(encoding='utf-8')}</script>"


def build_progress_mark() -> gr.HTML:
    """An element that nobody sees, there on every tab. Its value is what `show_mark` gives."""
    return gr.HTML("", visible="hidden", elem_id="progress-mark")


def show_mark(workspace: Workspace, live: Run | None, before: str) -> str:
    """What the mark says now; `before` is what it said: the run that was live then, if none is now, tells its end.

    A run that is gone, or no run ever, is an empty mark.
    """
    if live:
        share = share_of(live)
        known = "" if share is None else f"{share:.4f}"  # to two digits, a run would be said to be whole before it is
        return _mark(live, f'data-share="{known}" data-live="yes"')
    was_live = LIVE.search(before or "")
    if was_live is None:
        return before or ""
    try:
        return _mark(open_run(workspace, was_live[1]), "")
    except TunesmithError:
        return ""


def _mark(run: Run, more: str) -> str:
    return f'<span id="progress" data-run="{escape(run.id)}" data-state="{run.state}" {more}></span>'
