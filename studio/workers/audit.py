"""Finds what is wrong with a data set. `audit NOTE WORKSPACE DATASET BASE MAX_LENGTH`"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from studio.data.audit.run import audit
from studio.data.datasets import open_dataset
from studio.tasks import Report, run_task
from studio.train.models import require_base
from studio.workspace import Workspace


def main(note: str, root: str, name: str, base: str, max_length: str) -> int:
    workspace = Workspace.open(root)

    def work(report: Report) -> dict[str, Any]:
        dataset = open_dataset(workspace, name)
        tokenizer = require_base(workspace, base)
        rows = dataset.description["examples"]
        return audit(dataset.placed(), rows, dataset.unreadable_rows, tokenizer, int(max_length), report).as_dict()

    return run_task(Path(note), work)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
