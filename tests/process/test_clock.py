"""A clock that is set while a run is on: the run stays what it is, and nothing that is shown turns absurd."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo

import psutil
import pytest

from studio import runs
from studio.errors import RunError
from studio.keeper import look_after
from studio.queue import resume_run, start_run, waiting
from studio.runs import Run, list_runs, open_run
from studio.store import read_rows
from studio.train.recipe import Recipe
from studio.workspace import Workspace
from tests.process.nursery import Nursery
from tests.process.small import at_step, let_go, require_equal, start_held, start_rigged, wait_for_end

HOUR_S = 3600.0
AN_HOUR_BACK = f"import time; true = time.time; time.time = lambda: true() - {HOUR_S}"


def set_clock(monkeypatch: pytest.MonkeyPatch, by_s: float) -> None:
    """For this process, which looks on: the time, and with it when psutil thinks that everything was started."""
    now, booted, created = time.time, psutil.boot_time, psutil.Process.create_time
    monkeypatch.setattr(time, "time", lambda: now() + by_s)
    monkeypatch.setattr(psutil, "boot_time", lambda: booted() + by_s)
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: created(self) + by_s)

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + timedelta(seconds=by_s)

    monkeypatch.setattr(runs, "datetime", Clock)


def test_a_run_that_goes_on_is_not_taken_for_dead_when_the_clock_is_set(
    nursery: Nursery, place: Workspace, recipe_of: Callable[..., Recipe], left_alone: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    run = start_held(place, recipe_of(), 2)
    for by_s in (-HOUR_S, 2 * HOUR_S):
        set_clock(monkeypatch, by_s)
        seen = open_run(place, run.id)
        assert seen.is_live
        look_after(place)
        with pytest.raises(RunError, match="nothing to resume"):
            resume_run(place, run.id)
    later = start_run(place, recipe_of(name="later", max_steps=2))
    assert later.state == "queued"
    let_go(run)
    run = wait_for_end(place, run.id)
    require_equal(run, left_alone)
    wait_for_end(place, later.id)
    assert [len(nursery.trainings(each)) for each in (run, later)] == [1, 1]


def test_durations_stay_true_when_the_clock_jumps_back_in_the_middle_of_a_run(
    place: Workspace, recipe_of: Callable[..., Recipe], left_alone: Run
) -> None:
    began_s = time.monotonic()
    run = wait_for_end(place, start_rigged(place, recipe_of(), at_step(10, AN_HOUR_BACK)).id)
    require_equal(run, left_alone)
    assert 0 < run.status["seconds"] <= time.monotonic() - began_s
    rows = list(read_rows(run.metrics))
    steps = [row["step"] for row in rows]
    assert steps == sorted(steps)
    assert all(row["tokens_per_s"] > 0 for row in rows if "tokens_per_s" in row)
    assert run.status["left_s"] == 0
    assert run.status["updated_s"] < time.time() - HOUR_S / 2, "the worker's clock was set indeed"


def test_runs_wait_in_the_order_in_which_they_were_asked_for_whatever_their_names_say(
    place: Workspace, recipe_of: Callable[..., Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = start_run(place, recipe_of(name="first"))
    second = start_run(place, recipe_of(name="second"))
    set_clock(monkeypatch, -HOUR_S)
    third = start_run(place, recipe_of(name="third"))
    assert third.id < second.id, "its name is of an hour before"
    assert [run.id for run in waiting(place)] == [second.id, third.id]
    assert len(list_runs(place)) == 3
    assert open_run(place, first.id).is_live
