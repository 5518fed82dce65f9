"""What can go wrong around an export: it is stopped, the disk fills, the base is gone or another one by then."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from studio.errors import ModelError, TunesmithError
from studio.export.gguf import QUANTS, export_run, folder_of, memory_needed, note_of, read_export, stop_export
from studio.hardware import read_machine
from studio.process import worker_environment
from studio.runs import Run, base_of
from studio.tasks import look
from studio.train.catalog import read_catalog
from studio.train.recipe import Recipe
from studio.workers.export import export
from studio.workspace import REPOSITORY, Workspace
from tests.process.small import at_step, start_rigged, told, wait_for_end


@pytest.fixture
def own_base(tiny_llama: Path, tmp_path: Path) -> Path:
    """One that a test may change."""
    return shutil.copytree(tiny_llama, tmp_path / "base")


@pytest.fixture
def run(place: Workspace, recipe_of: Callable[..., Recipe], own_base: Path) -> Run:
    recipe = recipe_of(max_steps=4).model_copy(update={"base": str(own_base)})
    run = wait_for_end(place, start_rigged(place, recipe, "").id)
    assert run.state == "done", run.status
    return run


def left_in(workspace: Workspace) -> set[str]:
    """Folders among the exports, half-made ones too."""
    return {path.name for path in workspace.exports.iterdir() if path.is_dir()}


def test_export_that_is_stopped_leaves_nothing_half_made(place: Workspace, run: Run) -> None:
    watched = export_run(run, "gguf", "f16")
    next(progress for progress in watched if progress.share and progress.share >= 0.05)
    assert len(left_in(place)) == 1, "it has begun"
    stop_export(run, "gguf", "f16")
    assert left_in(place) == set()
    with pytest.raises(TunesmithError, match="It was stopped"):
        next(watched)
    assert read_export(run, "gguf", "f16") is None


def test_disk_that_fills_during_an_export_leaves_the_one_before(place: Workspace, run: Run) -> None:
    for _ in export_run(run, "merged"):
        pass
    before = sorted((file.name, file.stat().st_mtime_ns) for file in folder_of(run, "merged", "").iterdir())
    for kind, quant in (("merged", "f16"), ("gguf", "f16")):
        note = note_of(run, kind, quant)
        code = (
            "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY));"
            f"from studio.workers.export import main; main({str(note)!r}, {str(run.folder)!r}, {kind!r}, {quant!r})"
        )
        environment = worker_environment(place, "export")
        subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, env=environment, timeout=300, capture_output=True)
        failure = look(note)
        assert isinstance(failure, TunesmithError), failure
        assert failure.what == "The disk became full while the file was made; nothing of it is left."
        assert failure.do.startswith("Free ")
        assert left_in(place) == {folder_of(run, "merged", "").name}
    assert sorted((file.name, file.stat().st_mtime_ns) for file in folder_of(run, "merged", "").iterdir()) == before


def test_base_that_is_gone_is_named_with_what_to_do(place: Workspace, run: Run, own_base: Path) -> None:
    shutil.rmtree(own_base)
    with pytest.raises(TunesmithError, match=r"There is no model at .*base") as failure:
        for _ in export_run(run, "gguf", "f16"):
            pass
    assert failure.value.do == "Pick a folder with config.json and *.safetensors, or put back the one that was there."
    assert left_in(place) == set()
    with pytest.raises(ModelError, match="There is no model at"):
        base_of(run)  # which Talk, Scores and the others open first
    assert run.has_adapter


def test_base_that_changes_while_a_run_trains_is_told_and_nothing_is_lost(
    place: Workspace, recipe_of: Callable[..., Recipe], own_base: Path
) -> None:
    weights = own_base / "model.safetensors"
    change = f"file = open({str(weights)!r}, 'r+b'); file.seek(-64, 2); file.write(bytes(64)); file.close()"
    recipe = recipe_of(max_steps=4).model_copy(update={"base": str(own_base)})
    run = wait_for_end(place, start_rigged(place, recipe, at_step(2, change)).id)
    assert run.state == "done", run.status
    assert "The base was changed while the run trained. Put back its weights" in told(run)
    assert run.has_adapter
    with pytest.raises(TunesmithError, match="are others than those that"):
        for _ in export_run(run, "merged"):
            pass


def test_an_export_that_the_memory_cannot_hold_says_so_before_it_begins(
    run: Run, place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studio.workers.room.read_machine", lambda: replace(read_machine(), free_memory_bytes=10**9))
    for quant in ("q4_k_m", "f16"):
        with pytest.raises(ModelError, match=r"This export needs 2\.0 GB, and memory has 1\.0 GB left"):
            export(run, "gguf", QUANTS[quant], lambda progress: None)
    assert export(run, "adapter", QUANTS["f16"], lambda progress: None)["size_bytes"]
    assert left_in(place) == {f"{run.id}-adapter"}


def test_what_an_export_needs_goes_by_the_largest_part_and_a_copy_of_what_is_32_bits_wide() -> None:
    shape = next(base.shape for base in read_catalog() if base.hub == "unsloth/Meta-Llama-3.1-8B-Instruct")
    table = shape.vocab_size * shape.hidden_size
    plain = memory_needed(shape, calibrated=False, weights_bytes=2 * shape.parameters)
    rounded = memory_needed(shape, calibrated=True, weights_bytes=2 * shape.parameters)
    assert rounded - plain == 8 * table - 10**9
    assert rounded < 6e9, "8 billion parameters on 16 GB of memory, half of which others have"
    assert memory_needed(shape, calibrated=False, weights_bytes=4 * shape.parameters) == plain + 2 * shape.parameters
