"""Windows played on Linux: handles that may not be flushed, and moves that are refused for a moment."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from pathlib import Path

import pytest

from studio import disk
from studio.disk import move, move_over
from studio.store import write_json
from studio.workers.checkpoints import is_whole, written_whole


@pytest.fixture
def flushes_as_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    flush = os.fsync

    def flush_as_windows(handle: int) -> None:
        is_file = stat.S_ISREG(os.fstat(handle).st_mode)
        if is_file and fcntl.fcntl(handle, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, "Bad file descriptor")
        flush(handle)

    monkeypatch.setattr(os, "fsync", flush_as_windows)


@pytest.mark.usefixtures("flushes_as_windows")
def test_checkpoint_is_saved_where_a_handle_to_read_cannot_be_flushed(tmp_path):
    with written_whole(tmp_path, 4) as folder:
        (folder / "adapter.safetensors").write_bytes(b"weights")
    assert is_whole(tmp_path / "checkpoint-4")
    write_json(tmp_path / "state.json", {"step": 4})


def refuse_moves(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """As while a virus scanner has the file open."""
    replace = os.replace
    left = [times]

    def replace_as_windows(source: Path, target: Path) -> None:
        if left[0]:
            left[0] -= 1
            raise PermissionError(errno.EACCES, "Access is denied", str(source))
        replace(source, target)

    monkeypatch.setattr(os, "replace", replace_as_windows)
    monkeypatch.setattr(disk, "WAITS_S", (0.0, 0.0, 0.0))


@pytest.mark.parametrize("is_folder", [False, True])
def test_move_that_is_refused_for_a_moment_is_done_a_moment_later(tmp_path, monkeypatch, is_folder):
    source, target = tmp_path / "made", tmp_path / "place"
    source.mkdir() if is_folder else source.write_text("made")
    refuse_moves(monkeypatch, times=3)
    move(source, target)
    assert target.exists()
    assert not source.exists()


def test_move_that_is_refused_for_good_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "made").write_text("made")
    refuse_moves(monkeypatch, times=99)
    with pytest.raises(PermissionError):
        move(tmp_path / "made", tmp_path / "place")
    assert (tmp_path / "made").exists()


def test_folder_takes_the_place_of_the_one_before(tmp_path, monkeypatch):
    for name in ("made", "place"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text(name)
    refuse_moves(monkeypatch, times=2)
    move_over(tmp_path / "made", tmp_path / "place")
    assert [file.name for file in (tmp_path / "place").iterdir()] == ["made"]


def test_move_replaces_no_folder_by_itself(tmp_path):
    for name in ("made", "place"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text(name)
    with pytest.raises(OSError, match="not empty"):
        move(tmp_path / "made", tmp_path / "place")
    assert (tmp_path / "place" / "place").exists()
