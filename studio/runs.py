"""A run is a folder. Its worker owns it; everybody else reads, and leaves the file `stop` there."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock

from studio import run_notes
from studio.data.datasets import open_dataset
from studio.data.making import require_looked
from studio.errors import ModelError, RunError, TunesmithError
from studio.process import ProcessId
from studio.store import append_row, free_name, marks_of, read_json, read_rows, require_space, write_json, write_whole
from studio.train.models import is_folder, place_of, require_base
from studio.train.recipe import Recipe, read_recipe, write_recipe
from studio.workspace import Workspace

State = Literal[
    "queued", "starting", "training", "stopping", "pausing", "paused", "stopped", "done", "failed", "interrupted"
]
LIVE: frozenset[str] = frozenset({"starting", "training", "stopping", "pausing"})
How = Literal["keep", "pause"]
TRYING = "Trying the longest batch"  # as the worker says it: one that dies meanwhile had too little memory, mostly
STAMP = "%Y-%m-%d-%H%M"
STAMP_LENGTH = len("2026-11-24-1530-")


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
        return run_notes.title(self.folder) or self.recipe.name or self.id[STAMP_LENGTH:]

    @property
    def created(self) -> datetime:
        return datetime.strptime(self.id[: STAMP_LENGTH - 1], STAMP)

    @property
    def state(self) -> State:
        """As the worker wrote it, unless it was told to end meanwhile."""
        state: State = self.status["state"]
        asked = self.asked_to_stop if state in LIVE else None
        return state if asked is None else "pausing" if asked == "pause" else "stopping"

    @property
    def asked_to_stop(self) -> How | None:
        with contextlib.suppress(OSError):
            return "pause" if self.stop_file.read_text(encoding="utf-8").strip() == "pause" else "keep"
        return None

    @property
    def process(self) -> ProcessId | None:
        return _process(self.status)

    @property
    def is_live(self) -> bool:
        """It has a process that works on it."""
        return self.state in LIVE

    @property
    def is_open(self) -> bool:
        """It trains, or waits in the queue until it may."""
        return self.state in LIVE or self.status["state"] == "queued"

    @property
    def has_adapter(self) -> bool:
        """It has saved what it learned: an adapter, or all weights."""
        return (self.adapter / "adapter_config.json").exists() or self.learned_whole

    @property
    def learned_whole(self) -> bool:
        """What it saved is a model of its own, since all weights learned."""
        return (self.adapter / "config.json").exists()

    @property
    def can_resume(self) -> bool:
        return self.state in ("interrupted", "paused", "stopped", "failed")

    @property
    def adapter(self) -> Path:
        """What was learned: an adapter, or all weights where all of them learned."""
        return self.folder / "adapter"

    @property
    def weights(self) -> list[Path]:
        """The files that `adapter` answers with; see `store.marks_of`."""
        return sorted(self.adapter.glob("*.safetensors"))

    @property
    def metrics(self) -> Path:
        return self.folder / "metrics.jsonl"

    @property
    def samples(self) -> Path:
        return self.folder / "samples.jsonl"

    @property
    def log(self) -> Path:
        return self.folder / "worker.log"

    @property
    def stop_file(self) -> Path:
        return self.folder / "stop"

    @property
    def lock_file(self) -> Path:
        """Held by the process that trains, and let go by the system whatever becomes of it."""
        return self.folder / "lock"

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def story_file(self) -> Path:
        return self.folder / "story.jsonl"

    def tell(self, words: str) -> None:
        """Add a sentence to what happened to this run, for whoever comes back in the morning."""
        append_row(self.story_file, {"at_s": time.time(), "words": words})

    def story(self) -> list[tuple[float, str]]:
        """(seconds since 1970, sentence), oldest first."""
        return [(row["at_s"], row["words"]) for row in read_rows(self.story_file)]


@contextmanager
def launching(workspace: Workspace) -> Iterator[None]:
    """Whoever starts a run, takes one over or throws one away is alone in it; the system lets go of the lock if they
    die."""
    workspace.queue.mkdir(parents=True, exist_ok=True)
    with FileLock(workspace.queue / "launch.lock"):
        yield


def create_run(workspace: Workspace, recipe: Recipe) -> Run:
    """A new run's folder, which waits in the queue. Raises: DataError if its data set is none of this workspace."""
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


def stop_run(workspace: Workspace, run_id: str, how: How = "keep") -> Run:
    """Ask a live run to finish its step and save: to pause, or to end and keep what it learned."""
    run = open_run(workspace, run_id)
    if not run.is_live:
        raise RunError(f"{run.title} is {run.state}; it cannot be stopped.", "See Runs for what can be done with it.")
    write_whole(run.stop_file, how)
    return run


def delete_run(workspace: Workspace, run_id: str) -> None:
    with launching(workspace):  # or else a keeper revives it meanwhile
        run = open_run(workspace, run_id)
        if run.is_live:
            raise RunError(f"{run.title} is {run.state}.", "Stop it first; then it can be deleted.")
        throw_away(run)


def discard_run(workspace: Workspace, run_id: str) -> None:
    """End a run at once and throw away all of it."""
    with launching(workspace):
        run = open_run(workspace, run_id)
        if run.is_live and run.process:
            run.process.kill()
            while run.process.is_alive():
                time.sleep(0.05)
        throw_away(run)


def throw_away(run: Run) -> None:
    (run.folder / "state.json").unlink(missing_ok=True)  # from here on it is no run, wherever this is broken off
    shutil.rmtree(run.folder)


def live_run(workspace: Workspace) -> Run | None:
    return next((run for run in list_runs(workspace) if run.is_live), None)


def open_run(workspace: Workspace, run_id: str) -> Run:
    """Raises: RunError if there is none of that id."""
    folder = workspace.runs / run_id
    status = _look_at(folder) if run_id.strip(".") else None
    if status is None or folder.parent != workspace.runs:
        raise RunError(f"There is no run {run_id!r}.", "See Runs for those there are.")
    return Run(folder, read_recipe(folder / "recipe.yaml"), status)


def _look_at(folder: Path) -> dict[str, Any] | None:
    """As `_read_status`; a run whose process is gone without a last word was interrupted."""
    status = _read_status(folder)
    if _is_bereft(status):
        status = _read_status(folder)  # it may have ended, and said so, since the first look
        if status is not None and _is_bereft(status):
            return {**status, "state": "interrupted"}
    return status


def _is_bereft(status: dict[str, Any] | None) -> bool:
    if status is None or status["state"] not in LIVE:
        return False
    process = _process(status)
    return process is None or not process.is_alive()


def _process(status: dict[str, Any]) -> ProcessId | None:
    return ProcessId(status["pid"], status["started_s"]) if status.get("pid") else None


def _read_status(folder: Path) -> dict[str, Any] | None:
    """None where there is no run. One whose state was damaged, as by a power cut, is known by what else it left."""
    path = folder / "state.json"
    try:
        status = read_json(path)
    except ValueError:
        status = None
    if isinstance(status, dict) and "state" in status:
        return status
    if not path.exists():
        return None
    steps = [row["step"] for row in read_rows(folder / "metrics.jsonl") if "loss" in row]
    return {"state": "interrupted", "step": steps[-1] if steps else 0}


def list_runs(workspace: Workspace) -> list[Run]:
    """Newest first. One that cannot be read, such as a newer version's, does not hide the others."""
    runs = []
    for path in workspace.runs.glob("*/state.json"):
        with contextlib.suppress(TunesmithError, ValueError):
            runs.append(open_run(workspace, path.parent.name))
    return sorted(runs, key=age_of, reverse=True)


def age_of(run: Run) -> tuple[str, int]:
    """Names tell minutes; within one, the recipe, which is written once, tells which run was first."""
    return run.id[:STAMP_LENGTH], (run.folder / "recipe.yaml").stat().st_mtime_ns


def workspace_of(folder: Path) -> Workspace:
    """A run's folder says where its workspace is: a worker is given nothing else."""
    return Workspace(folder.resolve().parent.parent)


def base_of(run: Run) -> Path:
    """The folder of a run's base, with the weights that it was trained on.

    Raises: ModelError if it is not there any more, or its weights are others by now: no adapter fits those.
    """
    base = require_base(workspace_of(run.folder), run.recipe.base)
    known = run.status.get("base_marks")
    if known and known != marks_of_base(base):
        raise ModelError(
            f"The weights in {base.name} are others than those that {run.title} was trained on.",
            "Put back the ones that were there, or train again: an adapter fits no other base.",
        )
    return base


def marks_of_base(base: Path) -> list[str]:
    return marks_of(sorted(base.glob("*.safetensors")))
