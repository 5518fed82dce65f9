"""Somebody else's scores on the same questions, beside those of the run."""

from __future__ import annotations

import pytest

from components.others_table import ANEW, show_others
from studio.compare.others import keep, list_others, weigh_other
from studio.compare.voices import Voice, marks_of_voice
from studio.compare.weigh import weigh
from studio.runs import Run
from studio.store import read_json, write_json
from studio.workspace import Workspace
from tests.browser.compared import fill

UNREAD = "It cuts words otherwise."


@pytest.fixture
def run(workspace: Workspace) -> Run:
    """Measured, with a checkpoint that was not."""
    run = fill(workspace, base="?", tuned="At place 7")
    scores = read_json(run.folder / "scores.json")
    answers = [row | {"base_loss": 3.0 + row["row"] % 3, "tuned_loss": 1.0} for row in scores["answers"]]
    found = weigh([row["wanted"] for row in answers], answers)
    write_json(run.folder / "scores.json", {**scores, **found, "answers": answers})
    write_json(run.checkpoints / "checkpoint-4" / "adapter_config.json", {})
    (run.checkpoints / "checkpoint-4" / "adapter_model.safetensors").touch()
    return run


@pytest.fixture
def early(run: Run) -> Voice:
    return Voice("checkpoint", run.id, "4")


def ask(run: Run, workspace: Workspace, voice: Voice, loss: float | None = 2.0, unread: str = "") -> None:
    """It says all that is wanted."""
    wanted = [row["wanted"] for row in read_json(run.folder / "scores.json")["answers"]]
    found = weigh_other(run, wanted, [loss] * len(wanted))
    keep(run, voice, {**found, "of": marks_of_voice(workspace, voice), "unread": unread})


def test_checkpoints_and_files_can_be_measured_beside_the_two(run: Run, early: Voice):
    assert list_others(run) == [early]


def test_each_stands_in_a_row_below_the_run_beside_before_and_beside_after(
    run: Run, workspace: Workspace, early: Voice
):
    assert show_others(run) == ""
    ask(run, workspace, early)
    table, _, details = show_others(run).partition("<details>")
    after, step = table.index("After: adapter “orders”"), table.index("Checkpoint: “orders”, step 4")
    assert after < step
    assert "100\u00a0% (" in table[step:]
    assert table[step:].count("✓ better") == 2
    loss = details.index(">loss<")
    assert "2.00 (between 2.00 and 2.00)" in details[loss:]
    assert "✖ worse" in details[loss:], "than After"


def test_why_there_is_no_loss_is_said(run: Run, workspace: Workspace, early: Voice):
    ask(run, workspace, early, None, UNREAD)
    shown = show_others(run)
    assert f"Not measured. {UNREAD}" in shown
    assert ">loss<" not in shown


def test_of_who_learned_on_since_the_figures_are_not_shown(run: Run, workspace: Workspace, early: Voice):
    ask(run, workspace, early)
    (run.checkpoints / "checkpoint-4" / "adapter_model.safetensors").write_bytes(b"others")
    shown = show_others(run)
    assert ANEW in shown
    assert "<details>" not in shown


def test_who_is_gone_is_left_out(run: Run, workspace: Workspace):
    gone = Voice("checkpoint", run.id, "99")
    keep(run, gone, {**weigh_other(run, ["?"] * 10), "of": [], "unread": ""})
    assert "step 99" not in show_others(run)
