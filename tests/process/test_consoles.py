"""Verbs write to consoles that lack letters, as Windows' of western Europe (code page 1252) do."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from studio.data.datasets import read_examples, save_dataset
from studio.runs import create_run
from studio.train.recipe import make_recipe
from studio.workspace import REPOSITORY, SAMPLE, Workspace


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_a_name_that_the_console_cannot_write_ends_no_verb(workspace: Workspace, flags: list[str]) -> None:
    data = save_dataset(workspace, "orders", SAMPLE.name, read_examples(SAMPLE)).name
    create_run(workspace, make_recipe(data=data, base="starter", name="釣り 🐟 – café"))
    command = [sys.executable, "launch.py", "runs", "--workspace", str(workspace.root), *flags]
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"}
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr.decode("cp1252")
    said = (done.stdout if flags else done.stderr).decode("cp1252")
    assert json.loads(said)["runs"][0]["run"].endswith("釣り-café") if flags else "caf\xe9" in said
