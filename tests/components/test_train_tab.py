"""Which run Train shows when it is looked at."""

from __future__ import annotations

import gradio as gr
import pytest

from components.frame import Studio
from components.train_tab import build_train_tab
from studio.compare.chat import Chat
from studio.place import write_place
from studio.workspace import Workspace
from tests.studio.reports import make_run


def shown(workspace: Workspace) -> str | None:
    """The id in the field of runs."""
    with gr.Blocks():
        view = build_train_tab(Studio(workspace, Chat()))
    fields = {getattr(field, "elem_id", None): value for field, value in view.read().items()}
    value: str | None = fields["watched-run"].value
    return value


@pytest.mark.parametrize("was_at", ["", "a run that is gone"])
def test_newest_run_is_shown_when_none_was_picked(workspace: Workspace, was_at: str) -> None:
    assert shown(workspace) is None
    make_run(workspace, name="2026-11-24-1530-orders")
    newer = make_run(workspace, name="2026-11-25-0900-orders")
    write_place(workspace, run=was_at)
    assert shown(workspace) == newer.id


def test_run_that_was_picked_is_shown_again(workspace: Workspace) -> None:
    older = make_run(workspace, name="2026-11-24-1530-orders")
    make_run(workspace, name="2026-11-25-0900-orders")
    write_place(workspace, run=older.id)
    assert shown(workspace) == older.id
