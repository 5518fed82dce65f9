"""Somebody else's scores on the same questions, beside those of the run."""

from __future__ import annotations

from typing import cast

import pytest

from components.frame import Studio
from components.others_view import show_others
from studio.compare.chat import Chat
from studio.compare.others import keep, list_others, weigh_other
from studio.compare.voices import Voice
from studio.compare.weigh import weigh
from studio.runs import Run
from studio.store import read_json, write_json
from studio.workspace import Workspace
from tests.browser.compared import fill


@pytest.fixture
def run(workspace: Workspace) -> Run:
    """Measured, with a checkpoint that was not."""
    run = fill(workspace, base="?", tuned="At place 7")
    scores = read_json(run.folder / "scores.json")
    write_json(
        run.folder / "scores.json", {**scores, **weigh([row["wanted"] for row in scores["answers"]], scores["answers"])}
    )
    write_json(run.checkpoints / "checkpoint-4" / "adapter_config.json", {})
    return run


def test_checkpoints_and_files_can_be_measured_beside_the_two(run: Run):
    assert list_others(run) == [Voice("checkpoint", run.id, "4")]


def test_each_stands_in_a_row_below_the_run(run: Run, workspace: Workspace):
    studio = Studio(workspace, cast(Chat, None))
    assert show_others(studio, run) == ""
    wanted = [row["wanted"] for row in read_json(run.folder / "scores.json")["answers"]]
    keep(run, Voice("checkpoint", run.id, "4"), weigh_other(run, wanted))
    shown = show_others(studio, run)
    after, step = shown.index("After: adapter “orders”"), shown.index("Checkpoint: “orders”, step 4")
    assert after < step
    assert "100 %" in shown[step:]
    assert "✓ better" in shown[step:]


def test_who_is_gone_is_left_out(run: Run, workspace: Workspace):
    gone = Voice("checkpoint", run.id, "99")
    keep(run, gone, weigh_other(run, ["?"] * 10))
    assert "step 99" not in show_others(Studio(workspace, cast(Chat, None)), run)
