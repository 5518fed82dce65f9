"""Trains one run. `train RUN_FOLDER`: all that is asked stands in the folder, and all that happens is written there."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

from studio.errors import RunError, TunesmithError
from studio.runs import open_run, workspace_of
from studio.workers.report import RunReport


def main(folder: Path) -> int:
    run = open_run(workspace_of(folder), folder.name)
    report = RunReport(run)
    report.update("starting", message="Starting: loading the libraries", error=None)
    try:
        # Torch and Unsloth take seconds to import; the run has said by now that it lives.
        from studio.workers.trainer import train

        train(run, report)
    except TunesmithError as error:
        traceback.print_exc()
        report.update("failed", message=error.what, error=error.as_dict())
    except Exception as error:
        traceback.print_exc()
        known = explain(error)
        report.update("failed", message=known.what, error=known.as_dict())
        return 1
    return 0 if report.state != "failed" else 1


def explain(error: Exception) -> TunesmithError:
    """What a library's exception means for the person who waits for the run."""
    text = f"{type(error).__name__}: {error}"
    if "out of memory" in text.lower():
        return RunError(
            "The memory of the graphics card was not enough.",
            "Lower 'Batch' or 'Longest example' under Advanced, or pick a smaller model.",
        )
    if "No space left" in text:
        return RunError("The disk is full.", "Free some space, then press Resume; nothing that was saved is lost.")
    return RunError(
        f"Training broke off: {text[:300]}",
        "The whole story is in worker.log in the run's folder (see Runs).",
    )


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
