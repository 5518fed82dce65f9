"""Asking whether it was worth it, of a run; or before training whether it would be, of a data set and a base."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio import tasks
from studio.data.datasets import Dataset
from studio.errors import RunError
from studio.runs import Run, workspace_of
from studio.store import marks_of, read_json
from studio.tasks import Progress, follow, stop_task
from studio.train.models import place_of
from studio.workspace import Workspace

ANEW = "Ask again; what was answered is kept, and is not asked twice."


@dataclass(frozen=True)
class Job:
    """Where it lies, and what its worker is given."""

    workspace: Workspace
    folder: Path
    name: str
    arguments: tuple[str, ...]
    of: dict[str, Any]

    @property
    def result(self) -> Path:
        return self.folder / f"{self.name}.json"

    @property
    def rows(self) -> Path:
        """What was asked already, a row a batch."""
        return self.folder / f"{self.name}.jsonl"

    @property
    def note(self) -> Path:
        return self.folder / f"{self.name}.task.json"

    @property
    def is_on(self) -> bool:
        return tasks.is_on(self.note)

    @property
    def is_stopped(self) -> bool:
        return tasks.is_stopped(self.note)

    def work(self) -> Iterator[Progress]:
        """In a process of its own; `read` has the result. Raises: TunesmithError."""
        yield from follow(self.workspace, self.note, "worth", *self.arguments)

    def begin(self) -> None:
        """As `work`, without waiting."""
        tasks.begin(self.workspace, self.note, "worth", *self.arguments)

    def stop(self) -> None:
        """What was asked already stays, and is not asked again."""
        stop_task(self.note)

    def read(self) -> dict[str, Any] | None:
        """See `studio.compare.worth`; None before it was asked, or if the weights are others since."""
        known: dict[str, Any] | None = read_json(self.result, anew=ANEW)
        return known if known and known["of"] == self.of else None


def job_of_run(run: Run) -> Job:
    of = {key: run.status.get(key) for key in ("step", "kept_step")}
    return Job(workspace_of(run.folder), run.folder, "worth", (str(run.folder),), of)


def job_before(workspace: Workspace, dataset: Dataset, base: str) -> Job:
    """Each version of a data set has one for each base, which must be ready."""
    name = f"worth-{digest_of(workspace, base)}"
    arguments = (str(workspace.root), dataset.ref, base)
    return Job(workspace, dataset.folder, name, arguments, {"base": base})


def digest_of(workspace: Workspace, base: str) -> str:
    """Of a base as it is now: other weights in the same place are another base."""
    place = place_of(workspace, base)
    weights = marks_of(sorted(place.glob("*.safetensors")))
    return hashlib.sha256(json.dumps([place.name, weights]).encode()).hexdigest()[:16]


def ask_worth(run: Run) -> Iterator[Progress]:
    """Raises: RunError if nothing was learned yet; TunesmithError if it cannot be asked."""
    if not run.has_adapter:
        raise RunError(f"{run.title} has learned nothing yet.", "Let it train, or stop it to keep what it has.")
    yield from job_of_run(run).work()


def read_worth(run: Run) -> dict[str, Any] | None:
    """worth.json of a run; None before it was asked as it is now."""
    return job_of_run(run).read()
