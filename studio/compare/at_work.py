"""Which run's models answer right now, for a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from studio import tasks
from studio.compare import others, proof
from studio.compare.worth_job import job_of_run
from studio.errors import RunError
from studio.export import gguf
from studio.quiz import forget
from studio.runs import Run, list_runs
from studio.workspace import Workspace

EXPORT = "Export"


def notes_of(run: Run) -> dict[Path, str]:
    """Of all work that loads a run's models, and where it is stopped: a view of Compare, or Export.

    A judge is another model, and mostly elsewhere.
    """
    return {
        proof.note_of(run): "Scores", others.note_of(run): "Scores",
        forget.note_of(run): "What it forgot", job_of_run(run).note: "Worth it?",
    } | dict.fromkeys(gguf.notes_of(run), EXPORT)  # fmt: skip


def find_at_work(
    workspace: Workspace, more: Mapping[str, Callable[[Run], Path]] = MappingProxyType({}), but: Path | None = None
) -> tuple[Run, Path, str] | None:
    """A run whose models answer, the note of that work, and the view where it is stopped.

    `more`: view -> note of other work that is looked for; `but` is not looked for.
    """
    for run in list_runs(workspace):
        notes = notes_of(run) | {note_of(run): view for view, note_of in more.items()}
        for note, view in notes.items():
            if note != but and tasks.is_on(note):
                return run, note, view
    return None


def require_none_at_work(workspace: Workspace, but: Path | None = None) -> None:
    """Raises: RunError while models have the memory that others would need, unless for the work of the note `but`."""
    if found := find_at_work(workspace, but=but):
        run, _, view = found
        if view == EXPORT:
            raise RunError(
                f"“{run.title}” is being exported, and that has the memory.",
                "Wait for its end, or press Cancel in Export, with this run picked; then try again.",
            )
        raise RunError(
            f"“{run.title}” is being measured or asked, and it has the memory.",
            f"Wait for its end, or press Stop under “{view}” in Compare, with this run picked; then try again.",
        )
