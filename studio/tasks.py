"""Work that takes a while and has one result: a process of its own, which anybody may watch.

The note beside the work is all there is: {pid, started_s, message, share, left_s} while it goes on,
then {result} or {error}. Two who ask for the same work watch one process.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from studio.errors import TunesmithError
from studio.process import ProcessId, start_detached
from studio.store import read_if_whole, write_json
from studio.workspace import Workspace

POLL_S = 0.3
STOPPED = "It was stopped."
LEAST_SHARE, LEAST_SPENT_S = 0.02, 3.0  # before that, what is left cannot be told


@dataclass(frozen=True)
class Progress:
    """`share` is 0 to 1, or None where nothing can be said; so is the time left."""

    message: str
    share: float | None = None
    left_s: float | None = None


Report = Callable[[Progress], None]


def follow(workspace: Workspace, note: Path, module: str, *arguments: str | Path) -> Iterator[Progress]:
    """Start the work, or join it where it goes on already, and tell how far it is until it has ended.

    Raises: TunesmithError as the work raised it, or one that says that its process was killed.
    """
    begin(workspace, note, module, *arguments)
    while (known := look(note)) is not None:
        if isinstance(known, TunesmithError):
            raise known
        yield known
        time.sleep(POLL_S)


def begin(workspace: Workspace, note: Path, module: str, *arguments: str | Path) -> None:
    """Start the work, unless it goes on already."""
    if _goes_on(read_note(note)):
        return
    note.unlink(missing_ok=True)
    process = start_detached(workspace, note.with_suffix(".log"), module, note, *arguments)
    # Its own first word comes once the libraries are there; it can be joined and stopped before.
    _tell(note, process, Progress("Starting"))


def look(note: Path) -> Progress | TunesmithError | None:
    """How far the work is, or why it ended without a result; None where it has one, or was never begun."""
    goes_on = _goes_on(read_note(note))
    known = read_note(note)  # read after the look at the process: what it wrote last is not missed
    if known.get("error"):
        return TunesmithError(**known["error"])
    if not known or "result" in known:
        return None
    if not goes_on:
        return TunesmithError(
            "The work was broken off from outside.", f"Start it again; its log is {note.with_suffix('.log')}."
        )
    return Progress(known["message"], known.get("share"), known.get("left_s"))


def read_note(note: Path) -> dict[str, Any]:
    """Damaged it is as none: what it tells of went down with the machine, or writes it anew in a moment."""
    return read_if_whole(note) or {}


def result_of(note: Path) -> dict[str, Any]:
    result: dict[str, Any] = read_note(note).get("result", {})
    return result


def stop_task(note: Path) -> None:
    """End the work at once; what it has finished before stays."""
    known = read_note(note)
    if _goes_on(known):
        ProcessId(known["pid"], known["started_s"]).kill()
        error = TunesmithError(STOPPED, "Start it again whenever you like.")
        write_json(note, {"error": error.as_dict()})


def is_on(note: Path) -> bool:
    """The work goes on right now, whoever looks on."""
    return _goes_on(read_note(note))


def is_stopped(note: Path) -> bool:
    """Somebody ended the work, and nobody has started it again."""
    return bool(read_note(note).get("error", {}).get("what") == STOPPED)


def _goes_on(known: dict[str, Any]) -> bool:
    return "pid" in known and ProcessId(known["pid"], known["started_s"]).is_alive()


def _tell(note: Path, process: ProcessId, progress: Progress) -> None:
    write_json(note, {**asdict(process), **asdict(progress)}, lasting=False)


def time_left(spent_s: float, share: float | None) -> float | None:
    """Seconds: as long again as it took so far for each part; nothing while that is a guess."""
    return spent_s / share * (1 - share) if share and share >= LEAST_SHARE and spent_s >= LEAST_SPENT_S else None


def run_task(note: Path, work: Callable[[Report], dict[str, Any]]) -> int:
    """In the worker: do the work, keep the note, and end with its result or its error. The exit code."""
    this = ProcessId.of_this()
    began = time.monotonic()

    def report(progress: Progress) -> None:
        left = progress.left_s if progress.left_s is not None else time_left(time.monotonic() - began, progress.share)
        _tell(note, this, replace(progress, left_s=left))

    report(Progress("Loading the libraries"))
    try:
        result = work(report)
    except TunesmithError as error:
        traceback.print_exc(file=sys.stderr)
        write_json(note, {"error": error.as_dict()})
        return 1
    except Exception as error:
        traceback.print_exc(file=sys.stderr)
        known = TunesmithError(f"It broke off: {str(error)[:300]}", f"The log is {note.with_suffix('.log')}.")
        write_json(note, {"error": known.as_dict()})
        return 1
    write_json(note, {"result": result})
    return 0
