"""A run, and its script as `python train.py` in a folder of its own: the same losses, number by number."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from studio.queue import start_run
from studio.runs import Run, workspace_of
from studio.train.recipe import Recipe
from studio.train.script import as_script
from studio.workspace import Workspace
from tests.process.small import heldout, losses, wait_for_end

PATIENCE_S = 300
LEARNED = ("adapter_model.safetensors", "model.safetensors")


def run_script(folder: Path) -> list[dict[str, float]]:
    """Run it as anybody would, and give what it logged."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}  # as many threads as the nursery has
    done = subprocess.run(
        [sys.executable, "train.py"], cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert done.returncode == 0, done.stderr[-3000:]
    rows: list[dict[str, float]] = json.loads((folder / "checkpoints" / "trainer_state.json").read_text())[
        "log_history"
    ]
    return rows


def assert_same(folder: Path, run: Run) -> None:
    """Every loss to the last digit, and every byte of what was learned."""
    rows = run_script(folder)
    assert {row["step"]: row["loss"] for row in rows if "loss" in row} == losses(run)
    assert {row["step"]: row["eval_loss"] for row in rows if "eval_loss" in row} == heldout(run)
    learned = [name for name in LEARNED if (run.adapter / name).exists()]
    assert len(learned) == 1
    assert (folder / "adapter" / learned[0]).read_bytes() == (run.adapter / learned[0]).read_bytes()


def test_a_script_has_the_losses_of_its_run_and_keeps_its_best(left_alone: Run, tmp_path: Path) -> None:
    recipe = left_alone.recipe
    assert min(recipe.lora_dropout, recipe.gradient_accumulation - 1, recipe.epochs - 1) > 0
    assert len(losses(left_alone)) == left_alone.status["step"] > 20
    assert len(heldout(left_alone)) > 3
    as_script(workspace_of(left_alone.folder), recipe).write(tmp_path)
    assert_same(tmp_path, left_alone)


@pytest.mark.parametrize(
    "settings",
    [
        {
            "use_rslora": True, "use_dora": True, "neftune_noise_alpha": 5, "modules_to_save": "lm_head", "epochs": 1,
            "method": "qlora", "use_loftq": True, "target_modules": "attention",
            "gradient_checkpointing": "on", "keep_best": False, "scheduler": "cosine",
        },
        {
            "method": "full", "answers_only": False, "optimizer": "sgd", "learning_rate": 0.1, "eval_steps": 2,
            "early_stopping_patience": 2, "early_stopping_threshold": 0.5,
        },
    ],
    ids=["4 bits, LoftQ, rsLoRA, DoRA, noise and a head", "all weights, stopped early"],
)  # fmt: skip
def test_so_has_that_of_another_method(
    place: Workspace, recipe_of: Callable[..., Recipe], tmp_path: Path, settings: dict[str, Any]
) -> None:
    recipe = recipe_of(**settings)
    as_script(place, recipe).write(tmp_path / "script")
    run = wait_for_end(place, start_run(place, recipe).id)
    assert run.state == "done", f"{run.status}\n{run.log.read_text()[-3000:]}"
    assert bool(recipe.early_stopping_patience) == (run.status["step"] < run.status["steps"])
    assert_same(tmp_path / "script", run)
