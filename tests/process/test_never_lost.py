"""Runs that are killed: none is lost, none lies, and each is in the end the run that it would have been."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable

import pytest

from studio.keeper import look_after
from studio.queue import resume_run, revive, start_run, take_out
from studio.runs import Run, discard_run, list_runs, open_run, stop_run
from studio.store import read_rows
from studio.train.recipe import Recipe
from studio.workers.checkpoints import is_whole, list_checkpoints, step_of
from studio.workspace import Workspace
from tests.process.nursery import RIGGED
from tests.process.small import (
    heldout_best_at,
    kill,
    let_go,
    losses,
    require_equal,
    start_held,
    start_rigged,
    told,
    wait_for_end,
    wait_for_step,
)

LONG = {"epochs": 24, "max_steps": 0, "eval_steps": 60}


@pytest.mark.parametrize("times", [12, pytest.param(50, marks=pytest.mark.slow)])
def test_a_run_that_was_killed_again_and_again_is_the_run_that_would_have_been(
    place: Workspace, recipe_of: Callable[..., Recipe], times: int
) -> None:
    whole = start_run(place, recipe_of(name="left alone", **LONG))
    whole = wait_for_end(place, whole.id)
    assert whole.state == "done", whole.status

    chance = random.Random(5)
    run = start_run(place, recipe_of(name="killed", **LONG))
    kills = while_saving = 0
    for _ in range(times):
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
        run = open_run(place, run.id)
        kills += 1
        assert run.state == "interrupted"
        assert all(is_whole(checkpoint) for checkpoint in list_checkpoints(run.checkpoints))
        json.loads((run.folder / "state.json").read_text(encoding="utf-8"))
        resume_run(place, run.id)
    run = wait_for_end(place, run.id)
    print(f"{kills} kills, {while_saving} of them while saving")
    assert kills == times
    require_equal(run, whole)


def test_paused_and_gone_on_it_is_the_run_that_would_have_been(
    place: Workspace, recipe_of: Callable[..., Recipe], left_alone: Run
) -> None:
    run = start_held(place, recipe_of(), 6)
    assert stop_run(place, run.id, "pause").is_live
    assert open_run(place, run.id).state == "pausing"
    let_go(run)
    run = wait_for_end(place, run.id)
    assert run.state == "paused"
    step = run.status["step"]
    assert f"Paused at step {step}." in told(run)
    look_after(place)
    assert open_run(place, run.id).state == "paused", "nobody goes on with what a person has paused"
    assert resume_run(place, run.id).is_live
    run = wait_for_end(place, run.id)
    assert f"Went on from step {step}." in told(run), "no step was lost"
    require_equal(run, left_alone)


def test_stopped_it_keeps_what_it_learned_and_can_still_go_on(
    place: Workspace, recipe_of: Callable[..., Recipe], left_alone: Run
) -> None:
    run = start_held(place, recipe_of(), 5)
    stop_run(place, run.id)
    let_go(run)
    run = wait_for_end(place, run.id)
    assert run.state == "stopped"
    assert run.has_adapter
    assert f"Stopped at step {run.status['step']}, as you asked." in told(run)
    resume_run(place, run.id)
    require_equal(wait_for_end(place, run.id), left_alone)


def test_thrown_away_nothing_is_left_of_it(place: Workspace, recipe_of: Callable[..., Recipe]) -> None:
    run = start_held(place, recipe_of(), 2)
    discard_run(place, run.id)
    assert not run.folder.exists()
    assert run.process
    assert not run.process.is_alive()
    look_after(place)
    assert list_runs(place) == []


def test_the_same_recipe_gives_the_same_losses(
    place: Workspace, recipe_of: Callable[..., Recipe], left_alone: Run
) -> None:
    run = start_run(place, Recipe(**{**left_alone.recipe.model_dump(), "name": "once more"}))
    require_equal(wait_for_end(place, run.id), left_alone)


def test_of_a_run_s_checkpoints_the_best_and_the_newest_two_are_kept(
    place: Workspace, recipe_of: Callable[..., Recipe]
) -> None:
    run = wait_for_end(place, start_rigged(place, recipe_of(), heldout_best_at(6)).id)
    saved = sorted({row["step"] for row in read_rows(run.metrics) if row.get("mark") == "saved"})
    assert saved == [4, 6, 8, 12, 16, 20, 22]
    assert {step_of(path) for path in list_checkpoints(run.checkpoints)} == {6, 20, 22}
    assert run.status["kept_step"] == 6


@pytest.mark.parametrize("moment", ["while the last is written down", "before the best is saved"])
def test_killed_at_an_awkward_moment_it_is_the_run_that_would_have_been(
    place: Workspace, recipe_of: Callable[..., Recipe], left_alone: Run, moment: str
) -> None:
    """Between the last step and the adapter; between the news of the best and its checkpoint."""
    last = max(losses(left_alone))
    code = {
        "while the last is written down": "place, name = 'studio.workers.trainer', '_save_learned'",
        "before the best is saved": "place, name = 'studio.workers.trainer', 'written_whole'",
    }[moment]
    best = f"args[1] == {left_alone.status['best_step']}" if "best" in moment else "True"
    run = start_rigged(
        place,
        recipe_of(),
        f"import importlib, os, signal\n{code}\nmodule = importlib.import_module(place)\ntrue = getattr(module, name)\n"
        f"def killed(*args):\n    if {best}:\n        os.kill(os.getpid(), signal.SIGKILL)\n    return true(*args)\n"
        "setattr(module, name, killed)\n",
    )
    run = wait_for_end(place, run.id)
    assert run.state == "interrupted"
    (run.folder / RIGGED).unlink()
    look_after(place)
    run = wait_for_end(place, run.id)
    assert max(row["step"] for row in read_rows(run.metrics)) == last, "not a step more than was asked for"
    require_equal(run, left_alone)


def test_one_that_had_stopped_early_and_was_killed_before_it_said_so_does_not_go_on(
    place: Workspace, recipe_of: Callable[..., Recipe]
) -> None:
    recipe = recipe_of(early_stopping_patience=1)
    whole = wait_for_end(place, start_rigged(place, recipe, heldout_best_at(6)).id)
    assert whole.status["step"] == 12, "it stopped early"
    code = "import os, signal\nfrom studio.workers import trainer\n"
    code += "trainer._save_learned = lambda *args: os.kill(os.getpid(), signal.SIGKILL)\n"
    run = wait_for_end(place, start_rigged(place, recipe, heldout_best_at(6) + code).id)
    assert run.state == "interrupted"
    (run.folder / RIGGED).unlink()
    look_after(place)
    run = wait_for_end(place, run.id)
    assert "did not get better any more" in told(run)
    require_equal(run, whole)


def test_a_run_that_was_asked_to_end_and_was_killed_before_ends_all_the_same(
    place: Workspace, recipe_of: Callable[..., Recipe]
) -> None:
    for how, state in (("pause", "paused"), ("keep", "stopped")):
        run = start_held(place, recipe_of(name=how), 5)
        stop_run(place, run.id, how)  # type: ignore[arg-type]
        kill(run)
        assert open_run(place, run.id).state == "interrupted"
        look_after(place)
        run = wait_for_end(place, run.id)
        assert run.state == state, run.status
        assert run.status["step"] < 12
        assert run.has_adapter is (how == "keep")


def test_taken_out_of_the_queue_an_interrupted_run_waits_for_the_person(
    place: Workspace, recipe_of: Callable[..., Recipe]
) -> None:
    first = start_run(place, recipe_of(name="first", **LONG))
    kill(wait_for_step(place, first.id, 1))
    other = start_run(place, recipe_of(name="other", **LONG))
    revive(place)
    assert open_run(place, first.id).state == "queued"
    take_out(place, first.id)
    discard_run(place, other.id)
    look_after(place)
    assert open_run(place, first.id).state == "interrupted", "it does not come back by itself"
    assert resume_run(place, first.id).is_live
