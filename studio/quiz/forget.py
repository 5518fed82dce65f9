"""Asking what a run forgot, and reading what was found. What a base answers is kept, and asked once."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from studio import tasks
from studio.errors import RunError
from studio.quiz.reading import read_quiz
from studio.runs import Run, workspace_of
from studio.store import marks_of, read_json
from studio.tasks import Progress, follow, stop_task
from studio.workspace import Workspace


def note_of(run: Run) -> Path:
    return run.folder / "quiz.task.json"


def forget_run(run: Run) -> Iterator[Progress]:
    """Ask base and tuned in a process of its own, and tell how far it is; `read_quiz_of` has the result.

    Raises: RunError if nothing was learned yet.
    """
    _require_learned(run)
    yield from follow(workspace_of(run.folder), note_of(run), "quiz", run.folder)


def begin(run: Run) -> None:
    """Ask as `forget_run` does, without waiting. Raises: RunError if nothing was learned yet."""
    _require_learned(run)
    tasks.begin(workspace_of(run.folder), note_of(run), "quiz", run.folder)


def _require_learned(run: Run) -> None:
    if not run.has_adapter:
        raise RunError(f"{run.title} has learned nothing yet.", "Let it train, or stop it to keep what it has.")


def is_on(run: Run) -> bool:
    """Both are asked right now, whoever looks on."""
    return tasks.is_on(note_of(run))


def stop(run: Run) -> None:
    """Asked again it starts anew; but what the base answered is kept once it has answered all."""
    stop_task(note_of(run))


def is_stopped(run: Run) -> bool:
    return tasks.is_stopped(note_of(run))


def state_of(run: Run) -> dict[str, Any]:
    """What the result is of: another quiz, or weights that learned on, make it worthless."""
    return {"quiz": read_quiz().fingerprint, **{key: run.status.get(key) for key in ("step", "kept_step")}}


def epochs_learned(run: Run) -> float:
    """How often the weights that are kept have seen each example: less than the recipe says where the run was stopped.

    Of runs that do not tell it, what the recipe says.
    """
    done, step, kept = (run.status.get(key) for key in ("epoch", "step", "kept_step"))
    if not done:
        return run.recipe.epochs
    return float(done * kept / step if step and kept else done)


def read_quiz_of(run: Run) -> dict[str, Any] | None:
    """quiz.json, see `result.judge`; None before the run was asked as it is now."""
    known: dict[str, Any] | None = read_json(run.folder / "quiz.json", anew="Ask again what it forgot.")
    return known if known and known.get("of") == state_of(run) else None


def read_forgot(run: Run) -> dict[str, Any] | None:
    """light, and the shares right before and after; None before the run was asked."""
    known = read_quiz_of(run)
    return known and {"light": known["light"], **{side: known["all"][side]["value"] for side in ("before", "after")}}


def place_of_base(workspace: Workspace, base: Path, how: dict[str, Any]) -> Path:
    """Where the answers of this base are kept: of these weights, loaded in this way, to this quiz."""
    weights = marks_of(sorted(base.glob("*.safetensors")))
    known = json.dumps([read_quiz().fingerprint, weights, how], sort_keys=True)
    digest = hashlib.sha256(known.encode()).hexdigest()[:16]
    return workspace.root / "quiz" / f"{re.sub(r'[^A-Za-z0-9.-]+', '-', base.name)[:60]}-{digest}.json"
