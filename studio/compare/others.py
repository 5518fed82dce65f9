"""Scoring somebody else on a run's held-out questions: a checkpoint, a file, another run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from studio.compare.chosen import read_choice, weigh_run
from studio.compare.proof import read_scores
from studio.compare.voices import Voice, list_voices
from studio.errors import RunError
from studio.runs import Run, workspace_of
from studio.store import read_json, write_json
from studio.tasks import Progress, follow, stop_task

FILE = "others.json"  # key of a voice -> what `weigh_other` gives


def note_of(run: Run) -> Path:
    return run.folder / "score_other.task.json"


def list_others(run: Run) -> list[Voice]:
    """Who can be scored beside the two that always are."""
    return [voice for voice in list_voices(workspace_of(run.folder), run) if not _is_one_of_both(run, voice)]


def _is_one_of_both(run: Run, voice: Voice) -> bool:
    return voice.kind == "base" or voice == Voice("run", run.id)


def score_other(run: Run, voice: Voice) -> Iterator[Progress]:
    """In a process of its own; `read_others` has the result. Raises: RunError before both were scored."""
    require_scores(run)
    if _is_one_of_both(run, voice):
        raise RunError("Before and After are measured already.", "Choose a checkpoint, a file or another run.")
    yield from follow(workspace_of(run.folder), note_of(run), "score_other", run.folder, voice.key)


def stop(run: Run) -> None:
    """What was answered already stays."""
    stop_task(note_of(run))


def require_scores(run: Run) -> list[dict[str, Any]]:
    """What base and tuned answered. Raises: RunError if they were not asked yet."""
    scores = read_scores(run)
    if not scores or "measures" not in scores:
        raise RunError("Both are not measured yet.", "Press “Measure both” first: others are compared with them.")
    answers: list[dict[str, Any]] = scores["answers"]
    return answers


def read_others(run: Run) -> dict[str, dict[str, Any]]:
    others: dict[str, dict[str, Any]] = read_json(run.folder / FILE) or {}
    return others


def weigh_other(run: Run, answers: Sequence[str]) -> dict[str, Any]:
    """main, examples, verdict, measures: beside the base, by what the run is measured by. Kept under its key by `keep`.

    Args:
        answers: To the questions of scores.json, in their order.
    """
    # How likely it holds the wanted answers is not asked.
    rows = [
        {name: value for name, value in row.items() if name not in ("base_loss", "tuned_loss")} | {"tuned": answer}
        for row, answer in zip(require_scores(run), answers, strict=True)
    ]
    found = weigh_run(run, rows, read_choice(run))
    return {name: found[name] for name in ("main", "examples", "verdict", "measures")}


def keep(run: Run, voice: Voice, found: dict[str, Any]) -> None:
    write_json(run.folder / FILE, {**read_others(run), voice.key: found})
