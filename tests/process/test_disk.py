"""A disk that fills: the run pauses before, and where it is too late, nothing is damaged and nothing is claimed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from studio.errors import TunesmithError
from studio.keeper import look_after
from studio.queue import resume_run
from studio.runs import Run, open_run
from studio.train.recipe import Recipe
from studio.workers.checkpoints import is_whole, list_checkpoints
from studio.workspace import Workspace
from tests.process.small import at_step, end_all, require_equal, save_some, start_rigged, told, wait_for_end

DISK_BYTES = 600_000_000
FULL_AT, SAVED = 10, 8  # the next save is that of step 12
UNWATCHED = "from studio.workers import reporter\nreporter.RESERVED_BYTES = -10**12\n"
WATCHED_CLOSELY = "from studio.workers import reporter\nreporter.LOOK_AT_DISK_S = 0.0\n"


@pytest.fixture
def disk(place: Workspace, tmp_path: Path) -> Iterator[Workspace]:
    """A workspace on a small file system of its own."""
    root = tmp_path / "disk"
    root.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tunesmith-test", str(root)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("There is no `mount` here; a write that fails is tried all the same, below.")
    if done.returncode:
        pytest.skip(f"No small disk can be mounted here ({done.stderr.strip()}); a failing write is tried, below.")
    try:
        workspace = Workspace.open(root / "place")
        save_some(workspace)
        yield workspace
        end_all(workspace)
    finally:
        subprocess.run(["umount", "--lazy", str(root)], check=True)


def fill(workspace: Workspace, left_bytes: int) -> str:
    """Code that leaves so little room on the disk."""
    ballast = str(workspace.root / "ballast")
    return (
        f"import os, shutil; file = os.open({ballast!r}, os.O_CREAT | os.O_RDWR); "
        f"os.posix_fallocate(file, 0, shutil.disk_usage({str(workspace.root)!r}).free - {left_bytes}); os.close(file)"
    )


def require_undamaged(run: Run) -> None:
    assert not run.is_live
    saved = list_checkpoints(run.checkpoints)
    assert saved[0].name == f"checkpoint-{SAVED}"
    assert all(is_whole(checkpoint) for checkpoint in saved)
    assert not (run.checkpoints / ".writing").exists()


def test_a_run_pauses_with_a_sentence_before_the_disk_is_full(
    disk: Workspace, recipe_of: Callable[..., Recipe], left_alone: Run
) -> None:
    run = start_rigged(disk, recipe_of(), WATCHED_CLOSELY + at_step(FULL_AT, fill(disk, 150_000_000)))
    run = wait_for_end(disk, run.id)
    assert run.state == "paused", run.status
    assert f"Paused at step {run.status['step']}: the disk is nearly full. Free some space" in told(run)
    assert shutil.disk_usage(disk.root).free > 100_000_000
    assert run.status["step"] in (FULL_AT, FULL_AT + 1)
    look_after(disk)
    assert open_run(disk, run.id).state == "paused", "nobody goes on by itself onto a full disk"
    (disk.root / "ballast").unlink()
    (run.folder / "rigged.py").unlink()
    resume_run(disk, run.id)
    require_equal(wait_for_end(disk, run.id), left_alone)


@pytest.mark.parametrize("left_bytes", [40_000, 1_500_000])
def test_a_disk_that_fills_while_a_checkpoint_is_written_leaves_the_one_before(
    disk: Workspace, recipe_of: Callable[..., Recipe], left_alone: Run, left_bytes: int
) -> None:
    run = start_rigged(disk, recipe_of(), UNWATCHED + at_step(FULL_AT, fill(disk, left_bytes)))
    run = wait_for_end(disk, run.id)
    assert run.state == "failed", run.status
    assert run.status["error"]["what"] == "The disk is full: step 12 could not be saved."
    assert "The disk is full" in told(run)
    require_undamaged(run)
    (disk.root / "ballast").unlink()
    (run.folder / "rigged.py").unlink()
    resume_run(disk, run.id)
    require_equal(wait_for_end(disk, run.id), left_alone)


def test_a_disk_without_any_room_leaves_no_lie_and_the_run_goes_on_once_there_is_some(
    disk: Workspace, recipe_of: Callable[..., Recipe], left_alone: Run
) -> None:
    """Not even the state can be written: what it says last must not be taken for the truth."""
    run = start_rigged(disk, recipe_of(), UNWATCHED + at_step(FULL_AT, fill(disk, 0)))
    run = wait_for_end(disk, run.id)
    assert run.state in ("interrupted", "failed"), run.status
    require_undamaged(run)
    for _ in range(3):
        with pytest.raises((OSError, TunesmithError), match="No space left"):
            look_after(disk)
    assert "gone at step" not in told(run), "it is not said to go on while it cannot"
    (disk.root / "ballast").unlink()
    (run.folder / "rigged.py").unlink()
    look_after(disk)
    run = wait_for_end(disk, run.id)
    assert told(run).count("gone at step") == 1
    require_equal(run, left_alone)


def test_a_file_that_may_not_grow_leaves_the_checkpoint_before(
    place: Workspace, recipe_of: Callable[..., Recipe], left_alone: Run
) -> None:
    """A failing write, wherever no disk can be mounted: as a quota, and with plenty of room on the disk."""
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))"
    run = start_rigged(place, recipe_of(), at_step(FULL_AT, limit))
    run = wait_for_end(place, run.id)
    assert run.state == "failed", run.status
    assert run.status["error"]["what"] == "The disk is full: step 12 could not be saved."
    require_undamaged(run)
    (run.folder / "rigged.py").unlink()
    resume_run(place, run.id)
    require_equal(wait_for_end(place, run.id), left_alone)
