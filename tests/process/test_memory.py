"""The estimate beside the measured peaks of real runs of the starter on this machine's processor."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from studio.data.datasets import label_all, open_dataset, read_examples, save_dataset
from studio.data.tokens import load_tokenizer
from studio.hardware import read_machine
from studio.queue import start_run
from studio.runs import Run, open_run
from studio.train.memory import estimate
from studio.train.recipe import Recipe, make_recipe
from studio.train.shape import read_shape
from studio.workspace import Workspace

TOLERANCE = 0.2
PATIENCE_S = 240
EXAMPLES = 40
SETTINGS: dict[str, dict[str, Any]] = {
    "small": {"batch_size": 1, "max_length": 128, "lora_rank": 8},
    "a batch": {"batch_size": 4, "max_length": 192},
    "long and wide": {"batch_size": 1, "max_length": 768, "lora_rank": 64},
    "checkpointed, attention only": {
        "batch_size": 2,
        "max_length": 384,
        "gradient_checkpointing": "on",
        "target_modules": "attention",
    },
    "4 bits": {"method": "qlora", "batch_size": 2, "max_length": 192},
}

OFTEN = ("small", "4 bits")  # at every check; the others as `slow`


@pytest.fixture(scope="module")
def data(starter_workspace: Workspace) -> str:
    return save_long(starter_workspace)


def save_long(workspace: Workspace) -> str:
    """Examples that are longer than any setting reads, so that each run's longest row is what its recipe allows."""
    file = workspace.root / "long.jsonl"
    rows = [
        {"instruction": f"Count on from {number * 1000}.", "output": " ".join(map(str, range(number, number + 400)))}
        for number in range(EXAMPLES)
    ]
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return save_dataset(workspace, "long", file.name, read_examples(file)).name


def measure(workspace: Workspace, recipe: Recipe) -> Run:
    run = start_run(workspace, recipe)
    end = time.monotonic() + PATIENCE_S
    while run.is_open and time.monotonic() < end:
        time.sleep(0.3)
        run = open_run(workspace, run.id)
    assert run.state == "done", f"{run.status}\n{run.log.read_text()[-2000:]}"
    return run


def longest_row(workspace: Workspace, recipe: Recipe, base: Path) -> int:
    conversations = open_dataset(workspace, recipe.data).conversations("train")
    labelled, _ = label_all(conversations, load_tokenizer(base), recipe.max_length)
    return max(len(tokens.input_ids) for tokens in labelled)


@pytest.mark.parametrize(
    "settings",
    [pytest.param(each, id=name, marks=() if name in OFTEN else pytest.mark.slow) for name, each in SETTINGS.items()],
)
def test_a_run_takes_what_was_foretold(
    starter_workspace: Workspace, starter: Path, data: str, settings: dict[str, Any]
) -> None:
    recipe = make_recipe(data=data, max_steps=2, eval_steps=2, save_steps=2, **settings)
    status = require_foretold(starter_workspace, starter, recipe)
    assert status["engine"] == (
        "Unsloth, 4-bit" if recipe.method == "qlora" else f"Unsloth, {16 if read_machine().bf16 else 32}-bit"
    )


def require_foretold(workspace: Workspace, base: Path, recipe: Recipe) -> dict[str, Any]:
    """Train, and compare what it took; the status of the run."""
    shape, machine = read_shape(workspace, base), read_machine()
    if machine.card:
        pytest.skip("This measures a processor; a run takes the card here.")
    longest = longest_row(workspace, recipe, base)
    assert longest == recipe.max_length, "the examples must fill what the recipe allows"
    foretold = estimate(recipe, shape, machine, longest).total
    status = measure(workspace, recipe).status
    peak = status["peak_memory_bytes"]
    print(f"\nmeasured {peak / 1e6:,.0f} MB, foretold {foretold / 1e6:,.0f} MB, {foretold / peak - 1:+.1%}")
    assert abs(foretold / peak - 1) <= TOLERANCE
    return status
