"""Runs wait for one another in files: their order, what starts them, and what is let go on."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from studio import queue
from studio.errors import RunError
from studio.keeper import look_after
from studio.process import ProcessId
from studio.queue import (
    REVIVALS_MOST,
    advance,
    reorder,
    resume_run,
    revive,
    start_run,
    start_runs,
    take_out,
    waiting,
)
from studio.runs import TRYING, create_run, live_run, open_run
from studio.store import write_json
from studio.train.grid import make_grid
from studio.train.recipe import make_recipe
from studio.workspace import Workspace


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch, sleeper: ProcessId) -> list[str]:
    """Names of the runs whose worker was started; each is the same sleeping process."""
    names: list[str] = []

    def start(workspace: Workspace, log: Path, module: str, folder: Path) -> ProcessId:
        names.append(folder.name)
        return sleeper

    monkeypatch.setattr(queue, "start_detached", start)
    return names


def end(workspace: Workspace, run_id: str, state: str = "done") -> None:
    run = open_run(workspace, run_id)
    write_json(run.folder / "state.json", {**run.status, "state": state})


def lose(workspace: Workspace, run_id: str, **status: Any) -> None:
    """As if its process had been killed."""
    run = open_run(workspace, run_id)
    write_json(run.folder / "state.json", {**run.status, "state": "training", "pid": 1, "started_s": -1.0, **status})


def test_the_first_run_starts_and_the_next_waits_until_it_has_ended(workspace, data, launched):
    first, second = (start_run(workspace, make_recipe(data=data)) for _ in range(2))
    assert (first.state, second.state) == ("starting", "queued")
    assert second.is_open
    assert advance(workspace) is None
    end(workspace, first.id)
    assert advance(workspace).id == second.id
    assert launched == [first.id, second.id]


def test_a_run_waits_while_other_work_has_a_model_in_the_memory(workspace, data, launched, tmp_path):
    """Two models of eight billion parameters do not fit onto one card, and a run would end for want of memory."""

    def work_at(module: str, place: Path) -> subprocess.Popen[bytes]:
        code = [sys.executable, "-c", "input()", f"studio.workers.{module}", str(place / "runs" / "a")]
        return subprocess.Popen(code, stdin=subprocess.PIPE)

    elsewhere, tokens, scores = work_at("score", tmp_path), work_at("audit", workspace.root), None
    try:
        scores = work_at("score", workspace.root)
        run = start_run(workspace, make_recipe(data=data))
        assert (run.state, run.status["message"], launched) == ("queued", "Scores has the memory", [])
        scores.communicate()
        assert advance(workspace).id == run.id
        assert open_run(workspace, run.id).status["message"] == "Loading the libraries"
    finally:
        for process in filter(None, (elsewhere, tokens, scores)):
            process.kill()
            process.communicate()


def test_a_queue_outlives_whoever_made_it_and_keeps_its_order(workspace, data, launched):
    start_run(workspace, make_recipe(data=data))
    names = [start_run(workspace, make_recipe(data=data, name=name)).id for name in ("a", "b", "c")]
    assert [run.id for run in waiting(workspace)] == names
    assert [run.title for run in reorder(workspace, names[2], -1)] == ["a", "c", "b"]
    assert [run.title for run in reorder(workspace, names[2], -9)] == ["c", "a", "b"]
    assert [run.title for run in waiting(Workspace(workspace.root))] == ["c", "a", "b"]


def test_taken_out_a_run_that_never_ran_is_gone_and_one_that_had_begun_is_as_before(workspace, data, launched):
    start_run(workspace, make_recipe(data=data))
    new = start_run(workspace, make_recipe(data=data))
    begun = create_run(workspace, make_recipe(data=data))
    write_json(begun.folder / "state.json", {**begun.status, "state": "paused", "step": 7})
    resume_run(workspace, begun.id)
    assert [run.id for run in waiting(workspace)] == [begun.id, new.id], "what goes on comes before what is new"
    take_out(workspace, begun.id)
    take_out(workspace, new.id)
    assert open_run(workspace, begun.id).state == "paused"
    assert waiting(workspace) == []
    with pytest.raises(RunError, match="does not wait"):
        take_out(workspace, begun.id)


def test_many_who_start_at_once_start_one(workspace, data, launched):
    for _ in range(3):
        create_run(workspace, make_recipe(data=data))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: advance(workspace), range(16)))
    assert len(launched) == 1
    assert live_run(workspace).id == launched[0]


def test_runs_of_a_grid_wait_in_its_order(workspace, data, launched):
    recipes = make_grid(make_recipe(data=data, name="try"), {"lora_rank": [8, 16]})
    runs = start_runs(workspace, recipes)
    assert [(run.title, run.state) for run in runs] == [("try Rank 8", "starting"), ("try Rank 16", "queued")]


def test_a_run_whose_process_is_gone_goes_on_by_itself_and_says_so(workspace, data, launched):
    run = start_run(workspace, make_recipe(data=data))
    lose(workspace, run.id, step=12)
    look_after(workspace)
    again = open_run(workspace, run.id)
    assert again.state == "starting"
    assert launched == [run.id, run.id]
    assert "gone at step 12. It goes on from step 0." in again.story()[-1][1]


def test_one_that_dies_again_and_again_without_getting_further_is_left_alone(workspace, data, launched):
    run = start_run(workspace, make_recipe(data=data))
    for _ in range(REVIVALS_MOST):
        lose(workspace, run.id, step=3)
        look_after(workspace)
        assert open_run(workspace, run.id).is_live
    lose(workspace, run.id, step=3)
    for _ in range(3):
        look_after(workspace)
    left = open_run(workspace, run.id)
    assert left.state == "interrupted"
    assert "it waits" in left.story()[-1][1]
    assert len(launched) == REVIVALS_MOST + 1
    assert resume_run(workspace, run.id).state == "starting", "by hand it can always be tried"


def test_one_that_got_further_between_is_revived_each_time(workspace, data, launched):
    run = start_run(workspace, make_recipe(data=data))
    for step in range(1, 6):
        checkpoint = run.checkpoints / f"checkpoint-{step}"
        checkpoint.mkdir(parents=True)
        (checkpoint / "whole.json").write_text("{}")
        lose(workspace, run.id, step=step)
        assert [revived.id for revived in revive(workspace)] == [run.id]
        advance(workspace)


def test_a_run_that_dies_twice_at_its_longest_batch_says_why_and_what_helps(workspace, data, launched):
    run = start_run(workspace, make_recipe(data=data))
    lose(workspace, run.id, message=TRYING)
    look_after(workspace)
    assert open_run(workspace, run.id).is_live, "once it may have been the power"
    lose(workspace, run.id, message=TRYING)
    look_after(workspace)
    ended = open_run(workspace, run.id)
    assert ended.state == "failed"
    assert "the memory is not enough" in ended.status["error"]["what"]
    assert isinstance(ended.status["remedies"], list)
    assert ended.can_resume
