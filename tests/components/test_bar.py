"""The bar at the bottom: whatever runs is seen on every tab, and can be ended there."""

from __future__ import annotations

import psutil
import pytest

from components.bar import find_doing, show_doing
from studio.compare import proof
from studio.judge import job as judge
from studio.process import ProcessId
from studio.runs import Run
from studio.store import read_json, write_json
from studio.tasks import is_stopped
from studio.workspace import Workspace
from tests.studio.reports import make_run


@pytest.fixture
def run(workspace: Workspace) -> Run:
    return make_run(workspace)


def tell(note, sleeper: ProcessId, **more) -> None:
    write_json(note, {"pid": sleeper.pid, "started_s": sleeper.started_s, "message": "Asking", "share": 0.5, **more})


def test_where_nothing_runs_there_is_none(workspace, run):
    assert find_doing(workspace) is None


def test_a_training_is_told_by_its_step_and_ended_so_that_it_keeps_what_it_learned(workspace, run, sleeper):
    known = {"pid": sleeper.pid, "started_s": sleeper.started_s, "state": "training", "step": 4, "steps": 40}
    write_json(run.folder / "state.json", {**read_json(run.folder / "state.json"), **known, "left_s": 50})
    doing = find_doing(workspace)
    assert doing is not None
    assert (doing.words, doing.tab, doing.stop) == (
        f"“{run.title}” is training: step 4 of 40, 50 s left", "train", "Stop and keep",
    )  # fmt: skip
    doing.end()
    assert run.stop_file.exists()


def test_work_of_compare_is_told_with_the_view_in_which_it_is_watched(workspace, run, sleeper):
    tell(proof.note_of(run), sleeper, left_s=30.0)
    doing = find_doing(workspace)
    assert doing is not None
    assert (doing.words, doing.tab, doing.stop) == (f"“{run.title}”, Scores: Asking, 30 s left", "compare", "Stop")
    doing.end()
    psutil.Process(sleeper.pid).wait(10)
    assert is_stopped(proof.note_of(run))
    assert find_doing(workspace) is None


def test_so_is_a_judge_whose_model_is_elsewhere(workspace, run, sleeper):
    tell(judge.note_of(run), sleeper)
    doing = find_doing(workspace)
    assert doing is not None
    assert doing.words == f"“{run.title}”, Judge: Asking"


def test_a_name_is_text(workspace, run, sleeper):
    tell(proof.note_of(run), sleeper, message="<b>Asking</b>")
    doing = find_doing(workspace)
    assert doing is not None
    assert "<b>" not in show_doing(doing)
