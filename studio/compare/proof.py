"""Scoring a run: base against tuned on the examples that neither saw."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from studio import tasks
from studio.compare.asking import Asking, asked_as, keep_asking, read_asking
from studio.compare.chosen import WISH, keep_choice, read_choice
from studio.compare.worth_job import read_worth
from studio.errors import DamagedError, RunError
from studio.runs import Run, workspace_of
from studio.scores.choice import Choice
from studio.store import marks_of, read_json
from studio.tasks import Progress, follow, stop_task

SCORES = "scores.json"
ANEW = "Measure both again; what was answered is kept, and nobody is asked twice."


def note_of(run: Run) -> Path:
    return run.folder / "score.task.json"


def score_run(run: Run, asking: Asking | None = None) -> Iterator[Progress]:
    """Score in a process of its own, and tell how far it is; `read_scores` has the result.

    `asking`: from now on, else as it was asked last.
    """
    _prepare(run, asking)
    yield from follow(workspace_of(run.folder), note_of(run), "score", run.folder)


def begin(run: Run, asking: Asking | None = None) -> None:
    """Score as `score_run` does, without waiting. Raises: RunError if nothing was learned yet."""
    _prepare(run, asking)
    tasks.begin(workspace_of(run.folder), note_of(run), "score", run.folder)


def _prepare(run: Run, asking: Asking | None) -> None:
    if not run.has_adapter:
        raise RunError(f"{run.title} has learned nothing yet.", "Let it train, or stop it to keep what it has.")
    if asking is None:
        return
    with contextlib.suppress(DamagedError):  # or else it could never be said anew
        if asking == read_asking(run):
            return
    if is_on(run):
        raise RunError("Both are being measured, and asked otherwise.", "Wait for the end, or stop it; then measure.")
    keep_asking(run, asking)


def is_on(run: Run) -> bool:
    """Both are asked right now, whoever looks on."""
    return tasks.is_on(note_of(run))


def stop(run: Run) -> None:
    """What was answered already stays."""
    stop_task(note_of(run))


def is_stopped(run: Run) -> bool:
    return tasks.is_stopped(note_of(run))


def read_scores(run: Run) -> dict[str, Any] | None:
    """As `weigh_run` gives it, with of: marks of the weights, skipped: questions that were too long, asking: as_dict()
    of how they were asked, of_all: held-out questions there are. None before the run was scored. Raises: DamagedError.
    """
    scores: dict[str, Any] | None = read_json(run.folder / SCORES, anew=ANEW)
    return scores


def is_scored(run: Run) -> bool:
    """Whether or not it can be read, or is of these weights."""
    return (run.folder / SCORES).exists()


def is_outdated(run: Run) -> bool:
    """The run has learned on since it was scored. Raises: DamagedError.

    Scores of version 0.1 do not say of which weights they are: those that were written last before them.
    """
    scores = read_scores(run) or {}
    if "of" in scores:
        return bool(scores["of"] != marks_of(run.weights))
    scored_ns = (run.folder / SCORES).stat().st_mtime_ns
    return any(weights.stat().st_mtime_ns > scored_ns for weights in run.weights)


def is_current(run: Run) -> bool:
    """Scores are there, of these weights, and asked for as the run is to be asked. Raises: DamagedError."""
    scores = read_scores(run) or {}
    return "measures" in scores and not is_outdated(run) and asked_as(scores) == read_asking(run)


def choose(run: Run, choice: Choice) -> Iterator[Progress]:
    """Measure by something else from now on. What was answered is weighed anew by it; no model is asked.

    Raises: SettingError if it makes no sense of the answers; RunError while both are asked, or if the answers are
    of other weights. Then nothing changes.
    """
    if is_on(run):
        raise RunError("Both are being measured.", "Wait for the end, or press Stop; then choose.")
    is_scored = read_scores(run) is not None
    if not is_scored and read_worth(run) is None:
        keep_choice(run, choice)
        return
    if is_scored and is_outdated(run):
        raise RunError("The run has learned on since it was measured.", "Press “Measure both” first; then choose.")
    keep_choice(run, choice, WISH)
    yield from follow(workspace_of(run.folder), run.folder / "weigh.task.json", "weigh", run.folder)
    if read_choice(run) != choice:  # another window's wish was being weighed, and was joined
        raise RunError("Another choice was weighed at the same moment.", "Look at it; then choose again.")
