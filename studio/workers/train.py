"""Trains one run. `train RUN_FOLDER`: all that is asked stands in the folder, and all that happens is written there."""

from __future__ import annotations

import sys
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from studio.errors import RunError, TunesmithError
from studio.notify import tell_end
from studio.queue import advance, launching
from studio.runs import Run, open_run, workspace_of
from studio.train.outlook import read_outlook
from studio.workers.report import RunReport


LET_GO_S = (
    20.0  # a killed process counts as gone once its first thread is; the others may hold its files a little longer
)


def main(folder: Path) -> int:
    workspace = workspace_of(folder)
    lock = FileLock(folder / "lock")
    try:
        lock.acquire(timeout=LET_GO_S)
    except Timeout:
        print("Another process trains this run already.")
        return 0
    with lock:
        failed = _work(folder)
    advance(workspace)  # whoever waits in the queue
    for sentence in tell_end(workspace, open_run(workspace, folder.name)):
        print(sentence)
    return failed


def _work(folder: Path) -> int:
    workspace = workspace_of(folder)
    with launching(workspace):  # whoever started this process has written its id by then
        report = RunReport(open_run(workspace, folder.name))
        report.update("starting", message="Loading the libraries", error=None, remedies=[])
    run = open_run(workspace, folder.name)
    try:
        # Torch and Unsloth take seconds to import; the run has said by now that it lives.
        from studio.workers.awake import kept_awake
        from studio.workers.trainer import train

        with kept_awake() as awake:
            report.update(kept_awake=awake)
            train(run, report)
    except TunesmithError as error:
        traceback.print_exc()
        _fail(run, report, error)
    except Exception as error:
        traceback.print_exc()
        if is_memory_error(error):
            report.update(remedies=find_remedies(run))
        _fail(run, report, explain(error))
        return 1
    return 0 if report.state != "failed" else 1


def _fail(run: Run, report: RunReport, error: TunesmithError) -> None:
    run.tell(f"{error.what} {error.do}")
    report.update("failed", message=error.what, error=error.as_dict())


def is_memory_error(error: Exception) -> bool:
    """Also before torch is there to ask."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in text or "can't allocate memory" in text


def find_remedies(run: Run) -> list[dict[str, Any]]:
    """What would make it fit by the estimate, ranked by what it costs in quality; for the page to offer."""
    outlook = read_outlook(workspace_of(run.folder), run.recipe.data, run.recipe.base)
    return [asdict(remedy) for remedy in outlook.remedies(run.recipe)]


def explain(error: Exception) -> TunesmithError:
    """What a library's exception means for the person who waits for the run."""
    text = f"{type(error).__name__}: {error}"
    if is_memory_error(error):
        return RunError(
            "The longest batch does not fit into the memory, so the run did not start.",
            "Lower 'Batch' or 'Longest example', or pick a smaller model; nothing was trained.",
        )
    if "No space left" in text:
        return RunError("The disk is full.", "Free some space, then press Resume; nothing that was saved is lost.")
    return RunError(
        f"Training broke off: {text[:300]}",
        "The whole story is in worker.log in the run's folder (see Runs).",
    )


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
