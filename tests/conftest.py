"""A workspace of its own for each test, and one for all tests that need the starter model."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from studio.process import ProcessId
from studio.train.models import STARTER, ensure_base, place_of, require_base
from studio.workspace import Workspace

# As in studio/process.py, for torch in this very process: others share the processor with it.
os.environ.setdefault("GOMP_SPINCOUNT", "1500")
if sharing := os.environ.get("PYTEST_XDIST_WORKER_COUNT"):
    # Each its own cores, in the workers that it starts too. More threads than cores wait for each other: a training
    # step beside other work took 6.9 s with two of them and 2.8 s with one.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // int(sharing))))

QUICK = ("studio", "components")
FIRST = "process/test_demo.py"
# Those that take longest, the longest first: who begins one last is waited for by the other.
LONG = (
    "browser/test_journey.py",
    "families/test_matrix.py",
    "process/test_proof.py",
    "process/test_never_lost.py",
    "process/test_memory.py",
    "process/test_methods.py",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run what is marked slow, too")
    parser.addoption("--pictures", action="store_true", help="let the journey take the README's pictures anew")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is slow unless it is asked for.

    Where two processes share the tests, a file each: the order in which the files are given out.
    """
    if not config.getoption("--slow"):
        left_out = [item for item in items if item.get_closest_marker("slow")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: turn_of(item.path.relative_to(Path(__file__).parent)))


def turn_of(file: Path) -> int:
    """The demo takes longest; thousands of quick ones beside it; then the other long ones, then the rest."""
    if file.as_posix() == FIRST:
        return 0
    if file.parts[0] in QUICK or len(file.parts) == 1:
        return 1
    return 2 + LONG.index(file.as_posix()) if file.as_posix() in LONG else 2 + len(LONG)


@pytest.fixture(autouse=True)
def _our_own_warnings_are_errors() -> Iterator[None]:
    """What pytest's `filterwarnings` cannot say: it takes one module's name, and ours have many."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", module=r"(studio|components)(\.|$)")
        yield


@pytest.fixture
def sleeper() -> Iterator[ProcessId]:
    """A process that is alive as long as nobody ends it, in the place of a worker."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield ProcessId.of(process.pid)
    process.kill()
    process.wait()


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.open(tmp_path / "workspace")


@pytest.fixture(scope="session")
def starter_workspace(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Workspace:
    """Its starter model is ready; what else is put there stays for the other tests of the session.

    Where two processes share the tests, each has a workspace of its own, and one of them unpacks the model for both.
    """
    workspace = Workspace.open(tmp_path_factory.mktemp("starter"))
    if worker_id == "master":
        prepare_starter(workspace)
        return workspace
    first = tmp_path_factory.getbasetemp().parent / "starter-of-the-first"
    with FileLock(f"{first}.lock"):
        if first.exists():
            shutil.copytree(first.resolve(), place_of(workspace, STARTER))
        else:
            prepare_starter(workspace)
            first.symlink_to(place_of(workspace, STARTER))
    return workspace


def prepare_starter(workspace: Workspace) -> None:
    for _ in ensure_base(workspace, STARTER):
        pass


@pytest.fixture(scope="session")
def starter(starter_workspace: Workspace) -> Path:
    """The starter model's folder."""
    return require_base(starter_workspace, STARTER)
