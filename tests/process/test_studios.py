"""Studios that are killed, and several on one workspace: what trains goes on, and nothing trains twice."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path

from studio.queue import advance, start_runs
from studio.runs import Run, create_run, open_run
from studio.store import read_rows
from studio.train.recipe import Recipe
from studio.workspace import REPOSITORY, Workspace
from tests.process.nursery import RIGGED, Nursery
from tests.process.small import (
    HOLD,
    at_step,
    kill,
    require_equal,
    told,
    wait_for,
    wait_for_end,
    wait_for_step,
    wait_until_held,
)

LONG = {"epochs": 24, "max_steps": 0, "eval_steps": 60}
PATIENCE_S = 240


@contextmanager
def opened(log: Path, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program of its own group, as one that was started from a terminal; killed in the end."""
    with log.open("ab") as output:
        program = subprocess.Popen(
            [sys.executable, *command], cwd=REPOSITORY, stdout=output, stderr=output, start_new_session=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},  # as the nursery's: more add up in another order
        )  # fmt: skip
    try:
        yield program
    finally:
        kill_group(program)


def kill_group(program: subprocess.Popen[bytes]) -> None:
    """As when the terminal is closed by force: whatever still belongs to it goes too."""
    if program.poll() is None:
        os.killpg(program.pid, signal.SIGKILL)
        program.wait()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_until_open(log: Path) -> None:
    """A studio says so; another program may have taken its port meanwhile, and it the next one."""
    end = time.monotonic() + PATIENCE_S
    while "Tunesmith is open at" not in log.read_text():
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.05)


def test_a_run_goes_on_without_the_studio_that_started_it_and_the_next_studio_looks_after_it(
    nursery: Nursery, place: Workspace, recipe_of: Callable[..., Recipe], left_alone: Run, tmp_path: Path
) -> None:
    """A real studio with a worker of its own; after it one whose workers start at once."""
    run = create_run(place, recipe_of())
    waits = create_run(place, recipe_of(name="next"))
    log = tmp_path / "studio.log"
    flags = ["--no-browser", "--port", str(free_port()), "--workspace", str(place.root)]
    with opened(log, str(REPOSITORY / "launch.py"), *flags) as studio:
        wait_until_open(log)
        wait_for(place, run.id, lambda run: run.is_live)
        kill_group(studio)
    assert open_run(place, run.id).is_live, "the worker outlives whoever started it"
    run = wait_for_end(place, run.id)
    require_equal(run, left_alone)

    kill(wait_for(place, waits.id, lambda run: run.is_live))
    assert open_run(place, waits.id).state == "interrupted", "studio and trainer are both gone"
    (waits.folder / RIGGED).write_text(at_step(9, HOLD), encoding="utf-8")
    with opened(log, "-m", "tests.process.window", str(nursery.address), "studio", str(place.root), *flags[1:3]):
        kill(wait_until_held(place, waits.id))
        waits = wait_for(place, waits.id, lambda run: run.state == "done")
    assert told(waits).count("Its process was gone") == 2, "the next studio let it go on, and the open one too"
    require_equal(waits, left_alone)


def test_two_studios_on_one_workspace_train_each_run_once_and_one_at_a_time(
    nursery: Nursery, place: Workspace, recipe_of: Callable[..., Recipe], tmp_path: Path
) -> None:
    def has_ended(run: Run) -> bool:
        advance(place)  # and a third one
        return run.state == "done"

    quick = [create_run(place, recipe_of(name=f"quick {number}", max_steps=4)) for number in range(3)]
    keeper = "-m", "tests.process.window", str(nursery.address), "keeper", str(place.root)
    with ExitStack() as both:
        for number in range(2):
            both.enter_context(opened(tmp_path / f"keeper-{number}.log", *keeper))
        for run in quick:
            wait_for(place, run.id, has_ended)
        spans = sorted(span for run in quick for span in nursery.trainings(run))
        assert len(spans) == len(quick), "each was trained once"
        assert all(earlier[1] is not None and earlier[1] <= later[0] for earlier, later in pairwise(spans))

        (run,) = start_runs(place, [recipe_of(name="killed", **LONG)])
        kill(wait_for_step(place, run.id, 5))
        run = wait_for(place, run.id, lambda run: run.is_live)
        run = wait_for_step(place, run.id, 12)
        assert told(run).count("Its process was gone") == 1
        assert len(nursery.trainings(run)) == 2, "it was revived once"
        done = [row["step"] for row in read_rows(run.metrics) if "loss" in row]
        assert done.count(1) == 1


def test_a_second_worker_of_one_run_leaves_it_alone(
    nursery: Nursery, place: Workspace, recipe_of: Callable[..., Recipe]
) -> None:
    """As when a studio dies between a worker's start and the note of it, and the next one starts another."""
    run = create_run(place, recipe_of(max_steps=4))
    for _ in range(2):
        nursery.start(place, run.log, "train", run.folder)
    wait_for(place, run.id, lambda run: run.state == "done")
    wait_for(place, run.id, lambda run: "Another process has had this run" in run.log.read_text())
    run = open_run(place, run.id)
    assert run.state == "done"
    assert len(nursery.trainings(run)) == 1
