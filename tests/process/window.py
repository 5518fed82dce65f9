"""A studio, or its keeper alone, whose workers come from the nursery.

`window NURSERY keeper|studio WORKSPACE FLAGS...`
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from studio import keeper, queue
from studio.workspace import Workspace
from tests.process.nursery import Nursery

LOOK_S = 0.05  # a keeper that looks this often would meet any other in the same moment


def main(nursery: str, what: str, workspace: str, *flags: str) -> None:
    queue.start_detached = Nursery(Path(nursery)).start  # type: ignore[assignment]
    keeper.LOOK_S = LOOK_S
    if what == "keeper":
        keeper.start_keeper(Workspace(Path(workspace)))
        threading.Event().wait()
    else:
        from components.app import main as open_studio

        open_studio(["--no-browser", "--workspace", workspace, *flags])


if __name__ == "__main__":
    main(*sys.argv[1:])
