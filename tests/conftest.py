"""A workspace of its own for each test, and one for all tests that need the starter model."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.train.models import STARTER, ensure_base, require_base
from studio.workspace import Workspace


@pytest.fixture(autouse=True)
def _our_own_warnings_are_errors() -> Iterator[None]:
    """What pytest's `filterwarnings` cannot say: it takes one module's name, and ours have many."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", module=r"(studio|components)(\.|$)")
        yield


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.open(tmp_path / "workspace")


@pytest.fixture(scope="session")
def starter_workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Its starter model is ready; what else is put there stays for the other tests of the session."""
    workspace = Workspace.open(tmp_path_factory.mktemp("starter"))
    for _ in ensure_base(workspace, STARTER):
        pass
    return workspace


@pytest.fixture(scope="session")
def starter(starter_workspace: Workspace) -> Path:
    """The starter model's folder."""
    return require_base(starter_workspace, STARTER)
