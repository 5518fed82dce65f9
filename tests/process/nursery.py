"""Workers that start at once: a process that has imported the libraries, and forks for each run that it is told.

Importing takes ten seconds, and a test that kills fifty workers would be nearly all imports. What runs in the fork is
the worker's own `main`. Tests, workers whose run has ended and studios all ask at a socket; the answer is a pid.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.process import ProcessId, worker_environment
from studio.runs import LIVE, Run
from studio.store import append_row, read_rows
from studio.workspace import REPOSITORY, Workspace

RIGGED = "rigged.py"  # in a run's folder: what a test wants to be otherwise inside the worker, done before it begins
WORKED = "worked.jsonl"  # beside the socket: a row where training begins and one where it ends
PATIENCE_S = 300.0


@dataclass(frozen=True)
class Nursery:
    address: Path

    @property
    def worked(self) -> Path:
        return self.address.with_name(WORKED)

    def trainings(self, run: Run) -> list[tuple[float, float | None]]:
        """(began, ended) of each process that has trained this run, by the clock that nobody sets; None if killed."""
        rows = [row for row in read_rows(self.worked) if row["run"] == str(run.folder)]
        ends = {row["pid"]: row["ended_s"] for row in rows if "ended_s" in row}
        return [(row["began_s"], ends.get(row["pid"])) for row in rows if "ended_s" not in row]

    def start(self, workspace: Workspace, log: Path, module: str, *arguments: Any) -> ProcessId:
        """In place of `studio.process.start_detached`, for the module train."""
        assert module == "train"
        with socket.socket(socket.AF_UNIX) as asked:
            asked.connect(str(self.address))
            asked.sendall(f"{arguments[0]}\n".encode())
            return ProcessId.of(int(asked.makefile().readline()))


@contextmanager
def open_nursery(workspace: Workspace) -> Iterator[Nursery]:
    place = Path(tempfile.mkdtemp(prefix="nursery-"))  # a short path: a socket's may have about a hundred characters
    # One thread: those of OpenMP do not survive a fork.
    environment = {**worker_environment(workspace, "train"), "OMP_NUM_THREADS": "1"}
    with (place / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.process.nursery", str(place / "socket")],
            cwd=REPOSITORY, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        end = time.monotonic() + PATIENCE_S
        while not (place / "socket").exists():
            assert process.poll() is None, (place / "log").read_text()[-2000:]
            assert time.monotonic() < end, "the libraries took too long"
            time.sleep(0.05)
        yield Nursery(place / "socket")
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(place)


def main(address: Path) -> None:
    from studio import queue
    from studio.workers import train, trainer  # noqa: F401  (the second is what takes so long)

    nursery = Nursery(address)
    queue.start_detached = nursery.start  # type: ignore[assignment]  # for whoever is next in the queue
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how they ended
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(address.with_suffix(".soon")))
        listener.listen(64)
        os.rename(address.with_suffix(".soon"), address)  # who sees it may ask at once
        while True:
            asked, _ = listener.accept()
            with asked:
                folder = Path(asked.makefile().readline().strip())
                child = os.fork()
                if child:
                    asked.sendall(f"{child}\n".encode())
                    continue
            listener.close()
            _work(nursery, folder)


def _work(nursery: Nursery, folder: Path) -> None:
    from studio.workers import train, trainer

    os.setsid()
    with (folder / "worker.log").open("ab") as log, open(os.devnull) as nothing:
        for stream, place in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(stream.fileno(), place)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    train_it = trainer.train

    def note(run: Run, report: Any) -> None:
        row = {"run": str(run.folder), "pid": os.getpid(), "began_s": time.monotonic()}
        append_row(nursery.worked, row)
        update = report.update

        def update_noted(*state: str, **more: Any) -> None:
            if state and state[0] not in LIVE:  # once it says so, another may begin at once
                append_row(nursery.worked, {**row, "ended_s": time.monotonic()})
            update(*state, **more)

        report.update = update_noted
        train_it(run, report)

    trainer.train = note
    code = 1
    try:
        rigged = folder / RIGGED
        if rigged.exists():
            exec(compile(rigged.read_text(encoding="utf-8"), str(rigged), "exec"), {})
        code = train.main(folder)
    finally:
        os._exit(code)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
