"""The table of runs: what differs from the run before, how it ended, and what a run takes on the disk."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from studio.process import ProcessId
from studio.run_notes import write_notes
from studio.run_table import (
    base_title,
    best_of,
    compared_with,
    in_short,
    list_rows,
    open_runs,
    share_of,
    size_of,
    title_again,
)
from studio.runs import Run, open_run
from studio.store import write_json
from studio.train.presets import preset_settings
from studio.train.recipe import make_recipe, write_recipe
from studio.workspace import Workspace

Make = Callable[..., Run]


@pytest.fixture
def add(workspace: Workspace) -> Make:
    """`add(name, **recipe)` gives a finished run that is a minute younger than the one before."""

    def add(name: str, data: str = "orders", status: dict[str, Any] | None = None, **settings: Any) -> Run:
        minute = len(list(workspace.runs.iterdir()))
        folder = workspace.runs / f"2026-11-24-08{minute:02}-{name}"
        write_recipe(folder / "recipe.yaml", make_recipe(data=data, name=name, **settings))
        write_json(folder / "state.json", {"state": "done", "updated_s": time.time(), **(status or {})})
        return open_run(workspace, folder.name)

    return add


def shorts(workspace: Workspace) -> dict[str, str]:
    return {row.run.title: in_short(row) for row in list_rows(workspace)}


def test_a_run_is_compared_with_the_one_before_it_of_the_same_data_and_model(workspace, add):
    add("one", lora_rank=16)
    add("other data", data="letters", lora_rank=64)
    add("other model", base="ada/tiny", lora_rank=8)
    add("two", lora_rank=32, learning_rate=5e-5)
    add("three", lora_rank=32, learning_rate=5e-5)
    found = shorts(workspace)
    assert found["two"] == "Learning rate 0.0002 → 0.00005, Rank 16 → 32"
    assert found["three"] == "the same as “two”"


def test_another_version_of_the_data_is_a_difference(workspace, add):
    add("one", data="orders")
    add("two", data="orders@v2")
    assert shorts(workspace)["two"] == "Data set orders → orders v2"


def test_the_first_run_is_compared_with_its_preset(workspace, add):
    settings = preset_settings("thorough", "starter")
    add("as it is", preset="thorough", **settings)
    add("with more", data="letters", preset="thorough", **settings | {"epochs": 9.0, "packing": True})
    add("of a preset that is gone", data="mails", preset="heroic", epochs=4.0)
    found = shorts(workspace)
    assert found["as it is"] == "as the preset Thorough"
    assert found["with more"] == "Epochs 5 → 9, Packing no → yes"
    assert found["of a preset that is gone"] == "Epochs 3 → 4"
    assert compared_with(list_rows(workspace)[0]) == "the defaults"


def test_only_the_first_differences_are_named(workspace, add):
    add("one")
    add("two", epochs=1.0, lora_rank=8, batch_size=4, max_length=1024, seed=1)
    assert shorts(workspace)["two"] == "Epochs 3 → 1, Rank 16 → 8, Longest example 2,048 → 1,024 tokens and 2 more"


def test_the_newest_run_stands_first(workspace, add):
    for name in ("one", "two", "three"):
        add(name)
    assert [row.run.title for row in list_rows(workspace)] == ["three", "two", "one"]


def test_the_best_loss_is_told_and_the_last_one_where_only_that_is_known(add):
    known = {"heldout_loss": 0.6, "best_heldout_loss": 0.5, "best_step": 180}
    assert best_of(add("new", status=known)) == (0.5, 180)
    assert best_of(add("old", status={"heldout_loss": 0.6})) == (0.6, None)
    assert best_of(add("none")) is None


def test_only_what_runs_has_a_share(add):
    this = ProcessId.of_this()
    live = {"state": "training", "pid": this.pid, "started_s": this.started_s}
    assert share_of(add("live", status={**live, "step": 42, "steps": 100})) == 0.42
    assert share_of(add("beginning", status=live)) is None
    assert share_of(add("done", status={"step": 42, "steps": 100})) is None


def test_a_model_is_called_by_the_last_part_of_its_name(tmp_path):
    assert base_title("starter") == "SmolLM2 135M"
    assert base_title("meta-llama/Llama-3.2-3B-Instruct") == "Llama-3.2-3B-Instruct"
    assert base_title(str(tmp_path / "my model")) == "my model"


def test_the_size_counts_what_lies_in_the_folder_and_not_what_links_lead_to(add, tmp_path):
    run = add("one")
    before = size_of(run)
    (run.checkpoints / "checkpoint-10").mkdir(parents=True)
    (run.checkpoints / "checkpoint-10" / "weights").write_bytes(bytes(5_000_000))
    assert size_of(run) == before + 5_000_000
    if hasattr(os, "symlink"):
        (tmp_path / "elsewhere").write_bytes(bytes(7_000))
        os.symlink(tmp_path / "elsewhere", run.folder / "link")
        assert size_of(run) == before + 5_000_000


def test_runs_that_are_gone_are_left_out(workspace, add):
    run = add("one")
    assert [found.id for found in open_runs(workspace, [run.id, "gone", "../runs", ""])] == [run.id]


@pytest.mark.parametrize(
    ("name", "taken", "again"),
    [
        ("orders", [], "orders (2)"),
        ("orders", ["orders (2)"], "orders (3)"),
        ("orders (2)", ["orders (2)"], "orders (3)"),
        ("orders (new)", [], "orders (new) (2)"),
        ("x" * 60, [], "x" * 50 + " (2)"),
    ],
)
def test_a_repeated_run_has_a_name_of_its_own(add, name, taken, again):
    assert title_again(add(name), taken) == again


def test_notes_stand_in_the_row(workspace, add):
    run = add("one")
    write_notes(run.folder, title="the good one", tags="ship it", note="For Mia.")
    (row,) = list_rows(workspace)
    assert (row.run.title, row.notes.tags, row.notes.note) == ("the good one", ("ship it",), "For Mia.")


def test_a_run_that_cannot_be_read_does_not_hide_the_others(workspace, add):
    add("one")
    broken: Path = add("two").folder
    (broken / "recipe.yaml").write_text("a: [", encoding="utf-8")
    assert [row.run.title for row in list_rows(workspace)] == ["one"]
