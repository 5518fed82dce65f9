"""What tests of real processes share: the demo, run once, and a nursery of workers for a tiny model."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from studio import queue
from studio.queue import start_run
from studio.runs import Run
from studio.train.recipe import Recipe, make_recipe
from studio.workspace import REPOSITORY, Workspace
from tests.process.nursery import Nursery, open_nursery
from tests.process.small import SETTINGS, build_tiny_llama, end_all, save_some, wait_for_end


@pytest.fixture(scope="session")
def demo(starter_workspace: Workspace) -> dict[str, Any]:
    """What the verb `demo` printed as its last line, with its exit code."""
    command = [sys.executable, str(REPOSITORY / "launch.py"), "demo", "--workspace", str(starter_workspace.root)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1500)
    assert done.stdout, done.stderr[-3000:]
    return {**json.loads(done.stdout.splitlines()[-1]), "exit_code": done.returncode}


@pytest.fixture(scope="session")
def tiny_llama(starter: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_llama(starter, tmp_path_factory.mktemp("tiny-llama"))


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with open_nursery(Workspace.open(tmp_path_factory.mktemp("nursery"))) as nursery:
        yield nursery


@pytest.fixture
def place(nursery: Nursery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A workspace with a small data set, whose workers come from the nursery."""
    monkeypatch.setattr(queue, "start_detached", nursery.start)
    workspace = Workspace.open(tmp_path / "place")
    save_some(workspace)
    yield workspace
    end_all(workspace)


@pytest.fixture
def recipe_of(tiny_llama: Path) -> Callable[..., Recipe]:
    """A recipe of the tiny model; what is given differs from `small.SETTINGS`."""
    return lambda **settings: make_recipe(data="some", base=str(tiny_llama), **(SETTINGS | settings))


@pytest.fixture(scope="session")
def left_alone(nursery: Nursery, tiny_llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """The run that others must equal, of `small.SETTINGS`: nobody touched it."""
    workspace = Workspace.open(tmp_path_factory.mktemp("left-alone"))
    save_some(workspace)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(queue, "start_detached", nursery.start)
        run = start_run(workspace, make_recipe(data="some", base=str(tiny_llama), **SETTINGS))
        run = wait_for_end(workspace, run.id)
    assert run.state == "done", run.status
    yield run
    end_all(workspace)
