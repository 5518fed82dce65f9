"""What a power cut or a bad disk leaves of a run's files: damage is passed over and said, and the run goes on."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from studio import queue
from studio.keeper import look_after
from studio.runs import Run, list_runs, open_run
from studio.train.recipe import make_recipe
from studio.workers.checkpoints import list_checkpoints, step_of
from studio.workspace import Workspace
from tests.process.nursery import RIGGED, Nursery
from tests.process.small import (
    SETTINGS,
    at_step,
    heldout_best_at,
    require_equal,
    save_some,
    start_rigged,
    told,
    wait_for_end,
)

KILLED_AT, NEWEST, BEFORE = 18, 16, 12


@pytest.fixture(scope="module")
def cut_off(nursery: Nursery, tiny_llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A run whose process is gone since step 18; saved are the steps 16, 12 and the best."""
    workspace = Workspace.open(tmp_path_factory.mktemp("cut-off"))
    save_some(workspace)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(queue, "start_detached", nursery.start)
        recipe = make_recipe(data="some", base=str(tiny_llama), **SETTINGS)
        run = start_rigged(
            workspace, recipe, at_step(KILLED_AT, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
        )
        yield wait_for_end(workspace, run.id)


@pytest.fixture
def run(cut_off: Run, place: Workspace) -> Run:
    """A copy of it, to be damaged."""
    folder = place.runs / cut_off.id
    shutil.copytree(cut_off.folder, folder)
    (folder / RIGGED).unlink()
    run = open_run(place, cut_off.id)
    assert run.status["best_step"] < NEWEST, "the best must be another than the newest, or this shows nothing"
    assert [step_of(path) for path in list_checkpoints(run.checkpoints)][:2] == [NEWEST, BEFORE]
    return run


def _flip_a_byte(checkpoint: Path) -> None:
    file = checkpoint / "optimizer.pt"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def _cut_a_file_short(checkpoint: Path) -> None:
    file = checkpoint / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def _lose_a_file(checkpoint: Path) -> None:
    (checkpoint / "trainer_state.json").unlink()


def _lose_the_list(checkpoint: Path) -> None:
    (checkpoint / "whole.json").unlink()


def _fill_the_list_with_rubbish(checkpoint: Path) -> None:
    (checkpoint / "whole.json").write_bytes(b"\0" * 200)


@pytest.mark.parametrize(
    "damages",
    [(_flip_a_byte,), (_lose_the_list, _lose_a_file), (_cut_a_file_short, _fill_the_list_with_rubbish, _flip_a_byte)],
    ids=["the newest", "the newest two", "all"],
)
def test_damaged_checkpoints_are_passed_over_and_the_run_goes_on_from_the_newest_whole_one(
    place: Workspace, run: Run, left_alone: Run, damages: tuple[Callable[[Path], None], ...]
) -> None:
    saved = list_checkpoints(run.checkpoints)
    for checkpoint, damage in zip(saved, damages, strict=False):
        damage(checkpoint)
    look_after(place)
    run = wait_for_end(place, run.id)
    passed_over = [f"The save of step {step_of(path)} is damaged and was passed over." for path in saved]
    whole = [f"Went on from step {step_of(path)}." for path in saved[len(damages) :]]
    assert "\n".join(passed_over[: len(damages)] + whole[:1]) in told(run)
    require_equal(run, left_alone)


def test_a_best_that_was_damaged_meanwhile_is_not_kept_and_the_run_says_so(
    place: Workspace, run: Run, left_alone: Run
) -> None:
    best = run.status["best_step"]
    (run.folder / RIGGED).write_text(heldout_best_at(0), encoding="utf-8")  # what is to come is worse
    _flip_a_byte(run.checkpoints / f"checkpoint-{best}")
    look_after(place)
    run = wait_for_end(place, run.id)
    assert run.state == "done", run.status
    assert run.status["kept_step"] == left_alone.status["step"]
    assert f"The save of step {best}, the best, is damaged; kept is the last." in told(run)


@pytest.mark.parametrize("left", ["", "{", '{"state": "trai', "[]", "null", "{}", "\0" * 300])
def test_a_run_whose_state_is_damaged_is_still_there_and_says_that_it_was_interrupted(
    place: Workspace, run: Run, left: str
) -> None:
    (run.folder / "state.json").write_text(left, encoding="utf-8")
    (known,) = list_runs(place)
    assert (known.id, known.state, known.status["step"]) == (run.id, "interrupted", KILLED_AT - 1)


def test_with_a_damaged_state_and_half_a_row_it_goes_on_all_the_same(
    place: Workspace, run: Run, left_alone: Run
) -> None:
    (run.folder / "state.json").write_text('{"state": "trai', encoding="utf-8")
    with run.metrics.open("a", encoding="utf-8") as rows:
        rows.write('{"step": 18, "lo')
    place.queue.mkdir()
    (place.queue / "order.json").write_text("[", encoding="utf-8")
    look_after(place)
    require_equal(wait_for_end(place, run.id), left_alone)


def test_without_its_rows_it_goes_on_all_the_same(place: Workspace, run: Run, left_alone: Run) -> None:
    run.metrics.unlink()
    look_after(place)
    run = wait_for_end(place, run.id)
    assert run.state == "done", run.status
    for key in ("best_step", "best_heldout_loss", "kept_step"):
        assert run.status[key] == left_alone.status[key]
