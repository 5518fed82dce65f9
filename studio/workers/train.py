"""Trains one run. `train RUN_FOLDER`: all that is asked stands in the folder, and all that happens is written there."""

from __future__ import annotations

import contextlib
import sys
import traceback
from pathlib import Path

from filelock import FileLock, Timeout

from studio.errors import RunError, TunesmithError
from studio.notify import tell_end
from studio.queue import advance, newest_step
from studio.runs import LIVE, Run, launching, open_run, workspace_of
from studio.train import trained_on
from studio.workers.checkpoints import is_disk_full
from studio.workers.memory import begin_measuring, is_out_of_memory
from studio.workers.report import RunReport

# A killed process counts as gone once its first thread is; the others may hold its files a little longer.
LET_GO_S = 20.0


def main(folder: Path) -> int:
    workspace = workspace_of(folder)
    try:
        held = FileLock(folder / "lock").acquire(timeout=LET_GO_S)
    except Timeout:
        print("Another process trains this run already.")
        return 0
    with held:
        report = _take_over(folder)
        if report is None:
            return 0
        failed = _work(report)
    advance(workspace)  # whoever waits in the queue
    for sentence in tell_end(workspace, open_run(workspace, folder.name)):
        print(sentence)
    return failed


def _take_over(folder: Path) -> RunReport | None:
    """None if another process has had the run and ended it while this one waited for it to let go."""
    workspace = workspace_of(folder)
    with launching(workspace):  # whoever started this process has written its id by then
        run = open_run(workspace, folder.name)
        if run.status["state"] not in LIVE | {"queued", "interrupted"}:
            print(f"Another process has had this run meanwhile; it is {run.state}.")
            return None
        report = RunReport(run)
        report.update("starting", message="Loading the libraries", error=None, remedies=[])
    return report


def _work(report: RunReport) -> int:
    run = report.run
    try:
        begin_measuring()
        # Torch and Unsloth take seconds to import; the run has said by now that it lives.
        from studio.workers.awake import kept_awake
        from studio.workers.trainer import train

        trained_on.note(run.folder)
        with kept_awake() as awake:
            report.update(kept_awake=awake)
            train(run, report)
    except Exception as error:
        known = error if isinstance(error, TunesmithError) else explain(error, run)
        with contextlib.suppress(OSError):  # on a full disk there may be no room to tell it
            run.tell(f"{known.what} {known.do}")
            traceback.print_exc()
        if is_out_of_memory(error):
            report.offer_remedies()
        report.update("failed", message=known.what, error=known.as_dict())
        return 1
    return 0


def explain(error: Exception, run: Run) -> TunesmithError:
    """What a library's exception means for the person who waits for the run."""
    text = f"{type(error).__name__}: {error}"
    if is_out_of_memory(error) and newest_step(run):
        return RunError(
            "The memory is not enough any more.",
            "Close what else needs it, or restart the computer, then press Resume; what was saved is kept.",
        )
    if is_out_of_memory(error):
        return RunError(
            "The longest batch does not fit into the memory, so the run did not start.",
            "Lower 'Batch' or 'Longest example', or pick a smaller model; nothing was trained.",
        )
    if is_disk_full(error, run.folder):
        return RunError("The disk is full.", "Free some space, then press Resume; nothing that was saved is lost.")
    return RunError(
        f"Training broke off: {text[:300]}",
        "The whole story is in worker.log in the run's folder (see Runs).",
    )


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
