"""Reads a file and keeps it as a data set. `take_in NOTE WORKSPACE FILE READING`"""

from __future__ import annotations

import sys
from pathlib import Path

from studio.data.intake import Reading, keep
from studio.place import read_place
from studio.tasks import run_task
from studio.train.models import STARTER, is_ready, require_base
from studio.workspace import Workspace


def main(note: str, root: str, file: str, reading: str) -> int:
    workspace = Workspace.open(root)
    wish = read_place(workspace).base
    base = next((name for name in (wish, STARTER) if is_ready(workspace, name)), None)
    tokenizer = require_base(workspace, base) if base else None
    return run_task(
        Path(note), lambda report: keep(workspace, Path(file), Reading.from_json(reading), tokenizer, report)
    )


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
