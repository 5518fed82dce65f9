"""The verbs of runs: start them, list them, change their order, end them, let them go on, write them as a script."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from studio.data import datasets, intake
from studio.errors import RunError, SettingError
from studio.queue import advance, reorder, resume_run, start_runs, take_out, waiting
from studio.runs import Run, list_runs, open_run, stop_run
from studio.said import say, watch
from studio.store import read_rows
from studio.train.grid import make_grid, read_values
from studio.train.models import ensure_base
from studio.train.presets import preset_settings
from studio.train.recipe import SETTINGS, Recipe, make_recipe, read_recipe
from studio.train.script import as_script
from studio.workspace import Workspace

Arguments = argparse.Namespace
Result = dict[str, Any]


def verb_train(workspace: Workspace, given: Arguments) -> Result:
    recipe = _recipe(workspace, given)
    grid = {name: read_values(text) for name, text in map(_assignment, given.grid)}
    recipes = make_grid(recipe, grid) if grid else [recipe]
    watch(ensure_base(workspace, recipe.base))
    runs = start_runs(workspace, recipes)
    for run in runs:
        say(f"Run {run.id}: Ctrl+C leaves it going; 'stop {run.id}' ends it and keeps what it learned.")
    results = [follow_run(workspace, run.id) for run in runs]
    return {"runs": results} if grid else results[0]


def _recipe(workspace: Workspace, given: Arguments) -> Recipe:
    if given.recipe:
        recipe = read_recipe(Path(given.recipe).expanduser())
        data = Path(recipe.data).expanduser()
        if not data.exists():
            return recipe
        return recipe.model_copy(update={"data": _save(workspace, data)})
    if not given.data:
        raise SettingError("No data was named.", "Give a RECIPE.yaml, or --data FILE.")
    values = preset_settings(given.preset, given.base) | dict(map(_assignment, given.set))
    data = Path(given.data).expanduser()
    name = _save(workspace, data) if data.exists() else datasets.open_current(workspace, given.data).ref
    return make_recipe(data=name, base=given.base, preset=given.preset, **values)


def _save(workspace: Workspace, file: Path) -> str:
    watch(intake.take_in(workspace, file))
    return intake.taken(workspace, file).ref


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or name not in {**SETTINGS, "name": None}:
        raise SettingError(f"{text!r} names no setting.", f"Write field=value; fields: {', '.join(SETTINGS)}.")
    return name, value


def follow_run(workspace: Workspace, run_id: str) -> Result:
    """Tell of a run until it ends. Raises: RunError if it failed or was interrupted."""
    shown: tuple[object, ...] = ()
    while True:
        run = open_run(workspace, run_id)
        status = run.status
        line = (run.state, status.get("message"), status.get("step", 0) // 10)
        if line != shown:
            say(f"  {describe(run)}")
            shown = line
        if not run.is_open:
            break
        if run.state == "queued":  # there may be no studio that looks after the queue
            advance(workspace)
        time.sleep(0.5)
    if run.state in ("failed", "interrupted"):
        error = status.get("error") or {}
        raise RunError(
            error.get("what", f"{run.title} was interrupted."),
            error.get("do", f"Go on with 'resume {run.id}'."),
        )
    return run_result(run)


def describe(run: Run) -> str:
    status = run.status
    if run.state != "training" or not status.get("step"):
        return f"{run.state}: {status.get('message', '')}".rstrip(": ")
    left = f", {status['left_s']} s left" if status.get("left_s") is not None else ""
    return (
        f"step {status['step']} of {status['steps']}, loss {status['loss']:.3f}, "
        f"{status['tokens_per_s']:.0f} tokens/s{left}"
    )


def run_result(run: Run) -> Result:
    rows = list(read_rows(run.metrics))
    return {
        "run": run.id,
        "state": run.state,
        "steps": run.status.get("step", 0),
        "train_loss": [[row["step"], row["loss"]] for row in rows if "loss" in row],
        "heldout_loss": [[row["step"], row["heldout_loss"]] for row in rows if "heldout_loss" in row],
        "tokens_per_s": run.status.get("tokens_per_s"),
        "seconds": run.status.get("seconds"),
        "engine": run.status.get("engine"),
        "adapter": str(run.adapter) if run.has_adapter else None,
    }


def verb_runs(workspace: Workspace, given: Arguments) -> Result:
    runs = [
        {
            "run": run.id,
            "state": run.state,
            "data": run.recipe.data,
            "base": run.recipe.base,
            "steps": run.status.get("step", 0),
            "heldout_loss": run.status.get("heldout_loss"),
        }
        for run in list_runs(workspace)
    ]
    for run in runs:
        say(f"  {run['run']:40} {run['state']:12} {run['base']}, {run['data']}, step {run['steps']}")
    if not runs:
        say("  No runs yet. Start one with 'train', or try 'demo'.")
    return {"runs": runs}


def verb_stop(workspace: Workspace, given: Arguments) -> Result:
    stop_run(workspace, given.run)
    return follow_run(workspace, given.run)


def verb_pause(workspace: Workspace, given: Arguments) -> Result:
    stop_run(workspace, given.run, "pause")
    return follow_run(workspace, given.run)


def verb_queue(workspace: Workspace, given: Arguments) -> Result:
    if given.remove:
        take_out(workspace, given.remove)
    if given.first:
        reorder(workspace, given.first, -len(waiting(workspace)))
    runs = [run.id for run in waiting(workspace)]
    for place, run_id in enumerate(runs, 1):
        say(f"  {place}. {run_id}")
    if not runs:
        say("  Nothing waits.")
    return {"waiting": runs}


def verb_resume(workspace: Workspace, given: Arguments) -> Result:
    return follow_run(workspace, resume_run(workspace, given.run).id)


def verb_script(workspace: Workspace, given: Arguments) -> Result:
    asked = next((run.recipe for run in list_runs(workspace) if run.id == given.recipe), None)
    recipe = asked or _recipe(workspace, given)
    watch(ensure_base(workspace, recipe.base))
    files = as_script(workspace, recipe).write(Path(given.to).expanduser())
    say(f"  {files[0]}: run it with 'python {files[0].name}'; it needs Unsloth and TRL, and no Tunesmith.")
    return {"script": str(files[0]), "examples": [str(file) for file in files[1:]]}
