"""Makes a version of a data set in which findings are mended. `mend NOTE WORKSPACE DATASET BASE MAX_LENGTH CHECKS`"""

from __future__ import annotations

import sys
from pathlib import Path

from studio.data.datasets import open_dataset
from studio.data.mending import mend_now
from studio.tasks import run_task
from studio.train.models import require_base
from studio.workspace import Workspace


def main(note: str, root: str, ref: str, base: str, max_length: str, checks: str) -> int:
    workspace = Workspace.open(root)
    return run_task(
        Path(note),
        lambda report: mend_now(
            workspace,
            open_dataset(workspace, ref),
            checks.split(","),
            base,
            require_base(workspace, base),
            int(max_length),
            report,
        ),
    )


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
