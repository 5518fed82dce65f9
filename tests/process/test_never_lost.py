"""Runs that are killed, and what their disks and clocks do to them: none is lost, none trains twice, none lies."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from studio import queue
from studio.queue import resume_run, start_run
from studio.runs import Run, open_run
from studio.store import read_rows
from studio.train.recipe import make_recipe
from studio.workers.checkpoints import is_whole, list_checkpoints
from studio.workspace import Workspace
from tests.process.nursery import Nursery, open_nursery
from tests.process.small import build_tiny_llama, save_some

PATIENCE_S = 120
KILLS = 50
SETTINGS: dict[str, Any] = {
    "batch_size": 2, "gradient_accumulation": 2, "epochs": 12, "learning_rate": 5e-3, "lora_dropout": 0.1,
    "save_steps": 4, "eval_steps": 25, "max_length": 256,
}  # fmt: skip


@pytest.fixture(scope="module")
def nursery(starter: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Nursery, Workspace, str, str]]:
    """(the nursery, a workspace, its data set, its base)"""
    workspace = Workspace.open(tmp_path_factory.mktemp("never-lost"))
    base = build_tiny_llama(starter, workspace.root / "tiny-llama")
    with open_nursery(workspace) as nursery:
        yield nursery, workspace, save_some(workspace), str(base)


@pytest.fixture
def place(nursery: tuple[Nursery, Workspace, str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    monkeypatch.setattr(queue, "start_detached", nursery[0].start)
    yield nursery[1]
    for run in (open_run(nursery[1], path.parent.name) for path in nursery[1].runs.glob("*/state.json")):
        if run.is_live and run.process:
            run.process.kill()


@pytest.fixture
def recipe_of(nursery: tuple[Nursery, Workspace, str, str]) -> Callable[..., Any]:
    return lambda **settings: make_recipe(data=nursery[2], base=nursery[3], **(SETTINGS | settings))


def wait_for(workspace: Workspace, run_id: str, condition: Callable[[Run], bool]) -> Run:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        run = open_run(workspace, run_id)
        if condition(run):
            return run
        time.sleep(0.02)
    pytest.fail(f"{run.state}: {run.status}\n{run.log.read_text()[-3000:]}")


def losses(run: Run) -> dict[int, float]:
    """Of each step the one that counts: the last that was written."""
    return {row["step"]: row["loss"] for row in read_rows(run.metrics) if "loss" in row}


def kill(run: Run) -> None:
    assert run.process
    os.kill(run.process.pid, signal.SIGKILL)


def test_a_run_that_was_killed_fifty_times_is_the_run_that_would_have_been(
    place: Workspace, recipe_of: Callable[..., Any]
) -> None:
    whole = start_run(place, recipe_of(name="left alone"))
    whole = wait_for(place, whole.id, lambda run: not run.is_open)
    assert whole.state == "done", whole.status

    chance = random.Random(5)
    run = start_run(place, recipe_of(name="killed"))
    kills = while_saving = 0
    for _ in range(KILLS):
        until = time.monotonic() + chance.uniform(0, 2)
        wants_saving = chance.random() < 0.4
        while time.monotonic() < until or (wants_saving and time.monotonic() < until + 1.5):
            if wants_saving and (run.checkpoints / ".writing").exists():
                break
            time.sleep(0.001)
        run = open_run(place, run.id)
        if not run.is_live:
            assert run.state == "done", f"{run.status}\n{run.log.read_text()[-3000:]}"
            break
        while_saving += (run.checkpoints / ".writing").exists()
        kill(run)
        run = wait_for(place, run.id, lambda run: not run.is_live)
        kills += 1
        assert run.state == "interrupted"
        assert all(is_whole(checkpoint) for checkpoint in list_checkpoints(run.checkpoints))
        json.loads((run.folder / "state.json").read_text(encoding="utf-8"))
        resume_run(place, run.id)
    run = wait_for(place, run.id, lambda run: not run.is_open)
    print(f"{kills} kills, {while_saving} of them while saving")
    assert kills == KILLS
    assert run.state == "done", run.status
    assert losses(run) == losses(whole)
