"""The bar at the bottom of every tab, there while anything runs: what it is, how far it is, and what ends it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape

from components.notices import words_for
from studio.compare.at_work import EXPORT, find_at_work
from studio.export.gguf import stop_noted
from studio.judge import job as judge
from studio.runs import Run, live_run, stop_run
from studio.tasks import Progress, look, stop_task
from studio.workspace import Workspace


@dataclass(frozen=True)
class Doing:
    """What runs right now. `tab` is where it is watched; `stop` stands on the button that ends it by `end`."""

    run: Run
    words: str
    tab: str
    stop: str
    end: Callable[[], object]


def find_doing(workspace: Workspace) -> Doing | None:
    """A training before all else: what it has done cannot be done again in a minute."""
    live = live_run(workspace)
    if live:
        return Doing(live, _say_run(live), "train", "Stop and keep", lambda: stop_run(workspace, live.id))
    found = find_at_work(workspace, {"Judge": judge.note_of})
    if found is None:
        return None
    run, note, view = found
    progress = look(note)
    said = _say_progress(progress) if isinstance(progress, Progress) else ""
    words = f"“{run.title}”, {view}{said}"
    if view == EXPORT:
        return Doing(run, words, "export", "Cancel", lambda: stop_noted(note))
    return Doing(run, words, "compare", "Stop", lambda: stop_task(note))


def show_doing(doing: Doing) -> str:
    return f'<p role="status">{escape(doing.words)}</p>'


def _say_run(run: Run) -> str:
    status = run.status
    step = f"step {status['step']:,} of {status['steps']:,}" if status.get("step") else str(status.get("message", ""))
    left = f", {words_for(status['left_s'])} left" if status.get("left_s") else ""
    return f"“{run.title}” is {run.state}: {step}{left}"


def _say_progress(progress: Progress) -> str:
    left = f", {words_for(progress.left_s)} left" if progress.left_s is not None else ""
    return f": {progress.message}{left}"
