"""The estimate beside the measured peak of a real run of each family, on this machine's processor."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.train.recipe import make_recipe
from studio.workspace import Workspace
from tests.families.tiny import FAMILIES, build_family
from tests.process.test_memory import require_foretold, save_long

HIDDEN = 512  # so that the model takes as much as the libraries do


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_takes_what_was_foretold(family: str, packages: Path, tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path / "workspace")
    base = build_family(family, tmp_path / "base", packages, HIDDEN)
    settings = {"batch_size": 2, "max_length": 384, "max_steps": 2, "eval_steps": 2, "save_steps": 2}
    require_foretold(workspace, base, make_recipe(data=save_long(workspace), base=str(base), **settings))
