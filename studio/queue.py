"""Runs wait for one another, in files: one at a time has the accelerator, whoever started it and wherever."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from filelock import FileLock

from studio.errors import RunError
from studio.process import ProcessId, start_detached
from studio.runs import Run, age_of, create_run, delete_run, list_runs, live_run, open_run
from studio.store import read_json, write_json
from studio.train.recipe import Recipe
from studio.workspace import Workspace

REVIVALS_MOST = 2  # without a new checkpoint between them: what kills it would do so again


@contextmanager
def launching(workspace: Workspace) -> Iterator[None]:
    """Whoever starts a run, or takes one over, is alone in it; the system lets go of the lock if they die."""
    workspace.queue.mkdir(parents=True, exist_ok=True)
    with FileLock(workspace.queue / "launch.lock"):
        yield


def start_run(workspace: Workspace, recipe: Recipe) -> Run:
    """Create a run; it starts at once if nothing trains, else it waits for its turn."""
    run = create_run(workspace, recipe)
    advance(workspace)
    return open_run(workspace, run.id)


def start_runs(workspace: Workspace, recipes: Iterable[Recipe]) -> list[Run]:
    """All of them into the queue, in this order."""
    made = [create_run(workspace, recipe) for recipe in recipes]
    advance(workspace)
    return [open_run(workspace, run.id) for run in made]


def waiting(workspace: Workspace) -> list[Run]:
    """In the order in which they will start. One that the order does not name comes last, the oldest first."""
    order = {run_id: place for place, run_id in enumerate(read_json(_order_file(workspace)) or [])}
    queued = sorted((run for run in list_runs(workspace) if run.state == "queued"), key=age_of)
    return sorted(queued, key=lambda run: order.get(run.id, len(order)))


def advance(workspace: Workspace) -> Run | None:
    """Start the first that waits, unless something trains. Anyone may call this at any time."""
    with launching(workspace):
        if live_run(workspace):
            return None
        for run in waiting(workspace):
            return _launch(workspace, run)
    return None


def _launch(workspace: Workspace, run: Run) -> Run:
    run.stop_file.unlink(missing_ok=True)
    process = start_detached(workspace, run.log, "train", run.folder)
    this = ProcessId.of(process.pid)  # a child that has ended stays known until its parent asks
    status = {"state": "starting", "pid": this.pid, "started_s": this.started_s, "updated_s": time.time()}
    # The worker waits for the lock before it writes, so this cannot overwrite what it says.
    write_json(run.folder / "state.json", {**run.status, **status, "error": None, "message": "Loading the libraries"})
    return open_run(workspace, run.id)


def resume_run(workspace: Workspace, run_id: str) -> Run:
    """Go on from the newest whole checkpoint, or from the beginning where there is none yet; it waits for none."""
    with launching(workspace):
        run = open_run(workspace, run_id)
        if not run.can_resume:
            raise RunError(f"{run.title} is {run.state}; there is nothing to resume.", "Start a new run in Train.")
        _put_first(workspace, run)
    advance(workspace)
    return open_run(workspace, run_id)


def _put_first(workspace: Workspace, run: Run) -> None:
    queued = {"state": "queued", "pid": None, "error": None, "given_up": False, "updated_s": time.time()}
    write_json(run.folder / "state.json", {**run.status, **queued, "before": run.state})
    order = [other.id for other in waiting(workspace) if other.id != run.id]
    write_json(_order_file(workspace), [run.id, *order])


def revive(workspace: Workspace) -> list[Run]:
    """Let runs go on whose process is gone without a word: a power cut, a crash, too little memory.

    One that dies again and again without getting further is left alone, and says so.
    """
    revived = []
    with launching(workspace):
        for run in list_runs(workspace):
            if run.state != "interrupted" or run.status.get("given_up"):
                continue
            saved = newest_step(run)
            revivals = [step for step in run.status.get("revivals", []) if step == saved]
            if len(revivals) >= REVIVALS_MOST:
                run.tell(f"Its process ended {len(revivals) + 1} times without getting beyond step {saved}; it waits.")
                write_json(run.folder / "state.json", {**run.status, "given_up": True})
                continue
            at = run.status.get("step", 0)
            run.tell(f"Its process was gone at step {at:,}. It goes on from step {saved:,}.")
            again = open_run(workspace, run.id)
            again.status["revivals"] = [*revivals, saved]
            _put_first(workspace, again)
            revived.append(again)
    return revived


def newest_step(run: Run) -> int:
    """Of the newest checkpoint; 0 where there is none."""
    steps = [path.parent.name.rpartition("-")[2] for path in run.checkpoints.glob("checkpoint-*/whole.json")]
    return max((int(step) for step in steps if step.isdigit()), default=0)


def reorder(workspace: Workspace, run_id: str, places: int) -> list[Run]:
    """Move a run that waits by so many places: -1 is one earlier."""
    with launching(workspace):
        order = [run.id for run in waiting(workspace)]
        if run_id not in order:
            raise RunError("That run does not wait any more.", "See the list for those that do.")
        at = order.index(run_id)
        order.insert(max(0, min(len(order) - 1, at + places)), order.pop(at))
        write_json(_order_file(workspace), order)
    return waiting(workspace)


def take_out(workspace: Workspace, run_id: str) -> None:
    """Out of the queue: one that never ran is deleted, one that had begun is as it was before."""
    with launching(workspace):
        run = open_run(workspace, run_id)
        if run.state != "queued":
            raise RunError(f"{run.title} is {run.state}; it does not wait.", "Stop it, if that is what you want.")
        before = run.status.get("before")
        if before:
            write_json(run.folder / "state.json", {**run.status, "state": before})
        else:
            delete_run(workspace, run_id)


def _order_file(workspace: Workspace) -> Any:
    return workspace.queue / "order.json"
