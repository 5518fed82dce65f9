"""Runs wait for one another, in files: one at a time has the accelerator, whoever started it and wherever."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from studio.errors import RunError
from studio.process import find_worker, start_detached
from studio.runs import TRYING, Run, age_of, create_run, launching, list_runs, live_run, open_run, throw_away
from studio.store import read_json, write_json
from studio.train.outlook import read_outlook
from studio.train.recipe import Recipe
from studio.workspace import Workspace

# Workers that hold a model, and what they are called on the page. Talk lets go of its models when a run is started.
HOLDING = {
    "score": "Scores",
    "score_other": "Scores",
    "worth": "“Worth it?”",
    "quiz": "“What it forgot”",
    "export": "Export",
    "ask_gguf": "Scores",
}
REVIVALS_MOST = 2  # without a new checkpoint between them: what kills it would do so again


def start_run(workspace: Workspace, recipe: Recipe) -> Run:
    """Create a run; it starts at once if nothing trains, else it waits for its turn."""
    return start_runs(workspace, [recipe])[0]


def start_runs(workspace: Workspace, recipes: Iterable[Recipe]) -> list[Run]:
    """All of them into the queue, in this order."""
    with launching(workspace):
        made = [create_run(workspace, recipe) for recipe in recipes]
        new = [run.id for run in made]  # at the end whatever the clock says, which their names are of
        _write_order(workspace, [*(run.id for run in waiting(workspace) if run.id not in new), *new])
    advance(workspace)
    return [open_run(workspace, run.id) for run in made]


def waiting(workspace: Workspace) -> list[Run]:
    """In the order in which they will start. One that the order does not name comes last, the oldest first."""
    order = {run_id: place for place, run_id in enumerate(_read_order(workspace))}
    queued = sorted((run for run in list_runs(workspace) if run.state == "queued"), key=age_of)
    return sorted(queued, key=lambda run: order.get(run.id, len(order)))


def advance(workspace: Workspace) -> Run | None:
    """Start the first that waits, unless something trains or has a model in the memory. Anyone may call this.

    A run that waits for the latter says so; whoever looks after the queue, or follows the run, asks again.
    """
    with launching(workspace):
        first = next(iter(waiting(workspace)), None)
        if first is None or live_run(workspace):
            return None
        held_by = find_worker(workspace, HOLDING)
        if held_by is None:
            return _launch(workspace, first)
        message = f"{HOLDING[held_by]} has the memory"
        if first.status.get("message") != message:
            write_json(first.folder / "state.json", {**first.status, "message": message})
    return None


def _launch(workspace: Workspace, run: Run) -> Run:
    this = start_detached(workspace, run.log, "train", run.folder)
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
        run.stop_file.unlink(missing_ok=True)
        _put_first(workspace, run)
    advance(workspace)
    return open_run(workspace, run_id)


def _put_first(workspace: Workspace, run: Run, **more: Any) -> None:
    queued = {"state": "queued", "pid": None, "error": None, "given_up": False, "updated_s": time.time(), **more}
    write_json(run.folder / "state.json", {**run.status, **queued, "before": run.state})
    order = [other.id for other in waiting(workspace) if other.id != run.id]
    _write_order(workspace, [run.id, *order])


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
            if run.asked_to_stop == "pause":
                write_json(run.folder / "state.json", {**run.status, "state": "paused"})
                run.tell(f"Its process was gone before it could pause. It waits at step {saved:,}.")
                continue
            revivals = [step for step in run.status.get("revivals", []) if step == saved]
            if revivals and run.status.get("message") == TRYING:
                _say_too_large(workspace, run)
                continue
            if len(revivals) >= REVIVALS_MOST:
                write_json(run.folder / "state.json", {**run.status, "state": "interrupted", "given_up": True})
                run.tell(f"Its process ended {len(revivals) + 1} times without getting beyond step {saved}; it waits.")
                continue
            _put_first(workspace, run, revivals=[*revivals, saved])
            # Told once it is so: on a full disk, which is tried again and again, it is not.
            run.tell(f"Its process was gone at step {run.status.get('step', 0):,}. It goes on from step {saved:,}.")
            revived.append(run)
    return revived


def _say_too_large(workspace: Workspace, run: Run) -> None:
    """The system ends what takes too much memory without a word to it."""
    found = read_outlook(workspace, run.recipe.data, run.recipe.base).remedies(run.recipe)
    error = RunError(
        "Its process was ended twice while it tried its longest batch: most likely the memory is not enough.",
        "Press a remedy, or lower 'Batch' or 'Longest example'. Resume tries the same again.",
    )
    failed = {"state": "failed", "error": error.as_dict(), "remedies": [asdict(remedy) for remedy in found]}
    write_json(run.folder / "state.json", {**run.status, **failed})
    run.tell(f"{error.what} {error.do}")


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
        _write_order(workspace, order)
    return waiting(workspace)


def take_out(workspace: Workspace, run_id: str) -> None:
    """Out of the queue: one that never ran is deleted, one that had begun is as it was before."""
    with launching(workspace):
        run = open_run(workspace, run_id)
        if run.state != "queued":
            raise RunError(f"{run.title} is {run.state}; it does not wait.", "Stop it, if that is what you want.")
        before = run.status.get("before")
        if before:  # and given up, or else it would be revived in a moment
            write_json(run.folder / "state.json", {**run.status, "state": before, "given_up": True})
        else:
            throw_away(run)


def _read_order(workspace: Workspace) -> list[str]:
    """Ids of runs. Damaged, it is as if nobody had asked for an order."""
    try:
        order = read_json(_order_file(workspace))
    except ValueError:
        return []
    return [run_id for run_id in order if isinstance(run_id, str)] if isinstance(order, list) else []


def _write_order(workspace: Workspace, order: list[str]) -> None:
    write_json(_order_file(workspace), order)


def _order_file(workspace: Workspace) -> Path:
    return workspace.queue / "order.json"
