"""Makes a base model ready: builds the starter, or downloads from the hub. `prepare NOTE WORKSPACE BASE`"""

from __future__ import annotations

import sys
from pathlib import Path

from studio.tasks import Progress, Report, run_task
from studio.train import models
from studio.workspace import Workspace


def make_ready(workspace: Workspace, base: str, report: Report) -> Path:
    """The folder of a base, made first if need be. Raises: ModelError if it cannot be had."""
    if not models.is_folder(base) and not models.is_ready(workspace, base):
        if base == models.STARTER:
            report(Progress("Preparing the starter model, about 20 seconds, once", 0.05))
            # Torch and Transformers take seconds to import, and a download does without them.
            from studio.workers.starter import build_starter

            build_starter(models.place_of(workspace, base), report)
        else:
            models.download(workspace, base, report)
    return models.require_base(workspace, base)


def main(note: str, root: str, base: str) -> int:
    workspace = Workspace(Path(root))
    return run_task(Path(note), lambda report: {"place": str(make_ready(workspace, base, report))})


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
