"""A part of the page that cannot be shown says so in its place; the other parts show what they have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from components.notices import as_notice, show_note
from studio.errors import TunesmithError

Shown = dict[Any, Any]


def or_say(show: Callable[[], str]) -> str:
    """What is to be seen, or why it is not and what to do."""
    try:
        return show()
    except TunesmithError as error:
        return show_note(f"✖ {error.what} {error.do}", "bad")


def show_alone(show: Callable[[str | None], Shown], run_id: str | None) -> Shown:
    """A view of a run; where it fails, as it is without one, and a notice says why.

    Left as it was it would go on showing the run before.
    """
    try:
        return show(run_id)
    except Exception as error:
        if run_id is None:
            raise
        notice = as_notice(error)
        gr.Warning(notice.message, duration=None, title="One part cannot be shown")
        return show(None)
