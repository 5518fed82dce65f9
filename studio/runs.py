"""A run is a folder. Its worker owns it; everybody else reads, and leaves the file `stop` there."""

from __future__ import annotations

import contextlib
import shutil
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from studio.data.datasets import open_dataset
from studio.data.making import require_looked
from studio.errors import RunError, TunesmithError
from studio.process import ProcessId, start_detached
from studio.store import free_name, read_json, require_space, write_json
from studio.train.models import is_folder, place_of
from studio.train.recipe import Recipe, read_recipe, write_recipe
from studio.workspace import Workspace

State = Literal["queued", "starting", "training", "stopping", "stopped", "done", "failed", "interrupted"]
LIVE: frozenset[str] = frozenset({"queued", "starting", "training", "stopping"})
STAMP = "%Y-%m-%d-%H%M"
STAMP_LENGTH = len("2026-11-24-1530-")
SPAWN_S = 30.0  # a worker that has not said a word after this long never will


@dataclass(frozen=True)
class Run:
    """What stands on disk, read at one moment. `status` is state.json."""

    folder: Path
    recipe: Recipe
    status: dict[str, Any]

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def title(self) -> str:
        """As the person named it, else as its data set is called, with a number if it is not the first."""
        return self.recipe.name or self.id[STAMP_LENGTH:]

    @property
    def created(self) -> datetime:
        return datetime.strptime(self.id[: STAMP_LENGTH - 1], STAMP)

    @property
    def state(self) -> State:
        """As the worker wrote it, unless its process is gone: then it was interrupted."""
        state: State = self.status["state"]
        if state in LIVE and not self._has_process():
            return "interrupted"
        if state == "training" and self.stop_file.exists():
            return "stopping"
        return state

    def _has_process(self) -> bool:
        if self.process is None:
            return time.time() - float(self.status["updated_s"]) < SPAWN_S
        return self.process.is_alive()

    @property
    def process(self) -> ProcessId | None:
        return ProcessId(self.status["pid"], self.status["started_s"]) if self.status.get("pid") else None

    @property
    def is_live(self) -> bool:
        return self.state in LIVE

    @property
    def has_adapter(self) -> bool:
        return (self.adapter / "adapter_config.json").exists()

    @property
    def can_resume(self) -> bool:
        return self.state in ("interrupted", "stopped", "failed")

    @property
    def adapter(self) -> Path:
        return self.folder / "adapter"

    @property
    def metrics(self) -> Path:
        return self.folder / "metrics.jsonl"

    @property
    def log(self) -> Path:
        return self.folder / "worker.log"

    @property
    def stop_file(self) -> Path:
        return self.folder / "stop"

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"


def create_run(workspace: Workspace, recipe: Recipe) -> Run:
    """A new run's folder, not started yet. Raises: DataError if its data set is none of this workspace."""
    dataset = open_dataset(workspace, recipe.data)
    require_looked(dataset)
    require_space(workspace.runs, 500_000_000, "A run")
    if is_folder(recipe.base):  # a path from where the person is; the worker is elsewhere
        recipe = recipe.model_copy(update={"base": str(place_of(workspace, recipe.base))})
    stamp = datetime.now().strftime(STAMP)
    name = free_name(workspace.runs, f"{stamp}-{recipe.name or dataset.name}")
    folder = workspace.runs / name
    write_recipe(folder / "recipe.yaml", recipe)
    write_json(folder / "state.json", {"state": "queued", "updated_s": time.time()})
    return open_run(workspace, name)


def start_run(workspace: Workspace, recipe: Recipe) -> Run:
    """Create a run and let it go. Raises: RunError while another run is live."""
    _refuse_second(workspace)
    run = create_run(workspace, recipe)
    start_detached(workspace, run.log, "train", run.folder)
    return run


def resume_run(workspace: Workspace, run_id: str) -> Run:
    """Go on from the newest whole checkpoint, or from the beginning where there is none yet."""
    run = open_run(workspace, run_id)
    if not run.can_resume:
        raise RunError(f"{run.title} is {run.state}; there is nothing to resume.", "Start a new run in Train.")
    _refuse_second(workspace)
    run.stop_file.unlink(missing_ok=True)
    queued = {"state": "queued", "pid": None, "error": None, "updated_s": time.time()}
    write_json(run.folder / "state.json", {**run.status, **queued})
    start_detached(workspace, run.log, "train", run.folder)
    return open_run(workspace, run_id)


def stop_run(workspace: Workspace, run_id: str) -> Run:
    """Ask a live run to finish its step, save, and end."""
    run = open_run(workspace, run_id)
    if not run.is_live:
        raise RunError(f"{run.title} is {run.state}; it cannot be stopped.", "See Runs for what can be done with it.")
    run.stop_file.touch()
    return run


def delete_run(workspace: Workspace, run_id: str) -> None:
    run = open_run(workspace, run_id)
    if run.is_live:
        raise RunError(f"{run.title} is {run.state}.", "Stop it first; then it can be deleted.")
    shutil.rmtree(run.folder)


def _refuse_second(workspace: Workspace) -> None:
    live = live_run(workspace)
    if live:
        raise RunError(
            f"{live.title} is {live.state} already, and two at once would only slow each other down.",
            "Wait for it, or stop it; it keeps what it has learned.",
        )


def live_run(workspace: Workspace) -> Run | None:
    return next((run for run in list_runs(workspace) if run.is_live), None)


def open_run(workspace: Workspace, run_id: str) -> Run:
    """Raises: RunError if there is none of that id."""
    folder = workspace.runs / run_id
    status = read_json(folder / "state.json") if run_id.strip(".") else None
    if status is None or folder.parent != workspace.runs:
        raise RunError(f"There is no run {run_id!r}.", "See Runs for those there are.")
    return Run(folder, read_recipe(folder / "recipe.yaml"), status)


def list_runs(workspace: Workspace) -> list[Run]:
    """Newest first. One that cannot be read, such as a newer version's, does not hide the others."""
    runs = []
    for path in workspace.runs.glob("*/state.json"):
        with contextlib.suppress(TunesmithError, ValueError):
            runs.append(open_run(workspace, path.parent.name))
    return sorted(runs, key=_age, reverse=True)


def _age(run: Run) -> tuple[str, int]:
    """Names tell minutes; within one, the recipe, which is written once, tells which run was first."""
    return run.id[:STAMP_LENGTH], (run.folder / "recipe.yaml").stat().st_mtime_ns


def workspace_of(folder: Path) -> Workspace:
    """A run's folder says where its workspace is: a worker is given nothing else."""
    return Workspace(folder.resolve().parent.parent)
