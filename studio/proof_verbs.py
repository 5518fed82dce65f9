"""The verbs of what was proven: a run's report."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from studio.report.write import write_report
from studio.runs import open_run
from studio.said import say
from studio.workspace import Workspace

Arguments = argparse.Namespace
Result = dict[str, Any]


def verb_report(workspace: Workspace, given: Arguments) -> Result:
    run = open_run(workspace, given.run)
    written = write_report(run, Path(given.to).expanduser().resolve() if given.to else None)
    say(f"  {written.html}\n  {written.pdf}")
    return {"html": str(written.html), "pdf": str(written.pdf)}
