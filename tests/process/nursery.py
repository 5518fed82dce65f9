"""Workers that start at once: a process that has imported the libraries, and forks for each run that it is told.

Importing takes ten seconds, and a test that kills fifty workers would be nearly all imports. What runs in the fork is
the worker's own `main`. Reads run folders, one a line; answers with the process id.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.process import worker_environment
from studio.workspace import REPOSITORY, Workspace


@dataclass
class Worker:
    pid: int


@dataclass
class Nursery:
    process: subprocess.Popen[str]

    def start(self, workspace: Workspace, log: Path, module: str, *arguments: Any) -> Worker:
        """In place of `studio.process.start_detached`, for the module train."""
        assert module == "train"
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{arguments[0]}\n")
        self.process.stdin.flush()
        return Worker(int(self.process.stdout.readline()))


@contextmanager
def open_nursery(workspace: Workspace) -> Iterator[Nursery]:
    # One thread: those of OpenMP do not survive a fork.
    environment = {**worker_environment(workspace, "train"), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.process.nursery"], cwd=REPOSITORY, env=environment,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        yield Nursery(process)
    finally:
        process.kill()
        process.wait()


def main() -> None:
    answers, sys.stdout = sys.stdout, sys.stderr  # what libraries print must not mix with the answers
    from studio.workers import trainer  # noqa: F401  (what takes so long)
    from studio.workers.train import main as train

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how they ended
    for line in sys.stdin:
        folder = Path(line.strip())
        child = os.fork()
        if child:
            print(child, file=answers, flush=True)
            continue
        os.setsid()
        with (folder / "worker.log").open("ab") as log:
            for stream in (sys.stdin, answers, sys.stderr):
                os.dup2(log.fileno(), stream.fileno())
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        code = 1
        try:
            code = train(folder)
        finally:
            os._exit(code)


if __name__ == "__main__":
    main()
