"""Weighs a run's answers anew, by what was chosen; needs no model. `weigh NOTE RUN_FOLDER`"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from studio.compare.chosen import try_wish
from studio.compare.others import weigh_anew
from studio.compare.worth_again import weigh_worth_anew
from studio.runs import Run, open_run, workspace_of
from studio.tasks import Progress, Report, run_task


def weigh(run: Run, report: Report) -> dict[str, Any]:
    report(Progress("Weighing the answers anew"))
    found = try_wish(run)
    weigh_anew(run)
    weigh_worth_anew(run)
    return found


def main(note: str, folder: str) -> int:
    run = open_run(workspace_of(Path(folder)), Path(folder).name)
    return run_task(Path(note), lambda report: weigh(run, report))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
