"""The demo, run once for all tests that need a model which truly learned."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from studio.workspace import REPOSITORY, Workspace


@pytest.fixture(scope="session")
def demo(starter_workspace: Workspace) -> dict[str, Any]:
    """What the verb `demo` printed as its last line, with its exit code."""
    command = [sys.executable, str(REPOSITORY / "launch.py"), "demo", "--workspace", str(starter_workspace.root)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1500)
    assert done.stdout, done.stderr[-3000:]
    return {**json.loads(done.stdout.splitlines()[-1]), "exit_code": done.returncode}
