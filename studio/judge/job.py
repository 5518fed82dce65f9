"""The job that lets a judge judge.

In the run's folder: judge.json, the result; and judge/
  ask.json        who judges how many questions: never the key
  replies.jsonl   a row a reply, so that what was judged is not asked again
  task.json       how far it is, or how it ended
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from studio import tasks
from studio.errors import RunError, SettingError
from studio.judge.asking import Ask
from studio.judge.plan import make_plan
from studio.runs import Run, workspace_of
from studio.store import read_if_whole, write_json
from studio.tasks import Progress, follow, stop_task


class NotAgreedError(SettingError):
    """Something else would be sent than what the person has read."""


def begin(run: Run, ask: Ask, agreed: str) -> None:
    """Write down who is to judge; `agreed` is the mark of the plan that the person has read.

    Raises: NotAgreedError; RunError while it judges already.
    """
    if is_on(run):
        raise RunError("A judge is at work on this run.", "Wait for its end, or press Stop.")
    if ask.kind == "server" and make_plan(run, ask).mark != agreed:
        raise NotAgreedError(
            "What would be sent is not what you have read.",
            "It stands above the button now; press again if it is right.",
        )
    write_json(run.folder / "judge" / "ask.json", asdict(ask))


def read_ask(run: Run) -> Ask | None:
    """Who was asked last; None before that."""
    known = read_if_whole(run.folder / "judge" / "ask.json")
    return Ask(**known) if known else None


def last_ask(run: Run) -> Ask | None:
    """Who was asked last about this run, else about the run that was judged last."""
    others = workspace_of(run.folder).runs.glob("*/judge/ask.json")
    newest = max(others, key=lambda file: file.stat().st_mtime, default=None)
    return read_ask(run) or (Ask(**known) if newest and (known := read_if_whole(newest)) else None)


def note_of(run: Run) -> Path:
    return run.folder / "judge" / "task.json"


def is_on(run: Run) -> bool:
    return tasks.is_on(note_of(run))


def start(run: Run) -> None:
    """As `watch`, without waiting."""
    tasks.begin(workspace_of(run.folder), note_of(run), "judge", run.folder)


def has_result(run: Run) -> bool:
    """The last work came to its end."""
    return bool(tasks.result_of(note_of(run)))


def watch(run: Run) -> Iterator[Progress]:
    """Let it judge, or go on, in a process of its own; `result.read_judged` has the result. Raises: TunesmithError."""
    yield from follow(workspace_of(run.folder), note_of(run), "judge", run.folder)


def stop(run: Run) -> None:
    """What is judged already stays."""
    stop_task(note_of(run))


def is_stopped(run: Run) -> bool:
    return tasks.is_stopped(note_of(run))
