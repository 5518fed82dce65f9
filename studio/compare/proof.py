"""Scoring a run: base against tuned on the examples that neither saw."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from studio.errors import RunError
from studio.runs import Run, workspace_of
from studio.store import read_json
from studio.tasks import Progress, follow


def note_of(run: Run) -> Path:
    return run.folder / "score.task.json"


def score_run(run: Run) -> Iterator[Progress]:
    """Score in a process of its own, and tell how far it is; `read_scores` has the result."""
    if not run.has_adapter:
        raise RunError(f"{run.title} has learned nothing yet.", "Let it train, or stop it to keep what it has.")
    yield from follow(workspace_of(run.folder), note_of(run), "score", run.folder)


def read_scores(run: Run) -> dict[str, Any] | None:
    """examples, base, tuned (measure -> value), answers; None before the run was scored."""
    scores: dict[str, Any] | None = read_json(run.folder / "scores.json")
    return scores
