"""Checkpoints that are whole or not there: written beside, listed with their checksums, renamed into place."""

from __future__ import annotations

import errno
import json
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from studio.disk import move_over, settle, settle_folder
from studio.errors import RunError
from studio.store import write_json

LIST = "whole.json"  # name -> [bytes, crc32]; written last
NEWEST_KEPT = 2
FULL_BYTES = 1_000_000  # so little left means that a write failed for want of room
FULL = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))


@contextmanager
def written_whole(folder: Path, step: int) -> Iterator[Path]:
    """Give a folder to write a checkpoint into; it appears as checkpoint-STEP once all of it is on the disk.

    Raises: RunError if there is no room for it; what was saved before stays.
    """
    beside = folder / ".writing"
    shutil.rmtree(beside, ignore_errors=True)
    place = beside / f"checkpoint-{step}"
    place.mkdir(parents=True)
    try:
        yield place
        files = sorted(place.iterdir())
        for file in files:
            settle(file)
        write_json(place / LIST, {file.name: _measure(file) for file in files})
        settle_folder(place)
        move_over(place, folder / place.name)  # the same step may be there, from before a resume
        settle_folder(folder)
    except Exception as error:
        if is_disk_full(error, folder):
            raise RunError(
                f"The disk is full: step {step:,} could not be saved.",
                "Free some space, then press Resume; what was saved before is kept.",
            ) from error
        raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def step_of(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])


def is_disk_full(error: Exception, folder: Path) -> bool:
    """Torch and safetensors say it each in words of their own, some of which name no reason at all."""
    if isinstance(error, OSError) and error.errno in FULL:
        return True
    told = any(words in str(error) for words in ("No space left", "quota exceeded", "File too large"))
    return told or shutil.disk_usage(folder).free < FULL_BYTES


def list_checkpoints(folder: Path) -> list[Path]:
    """Newest first, damaged ones too; those that were being written when their process ended are not among them."""
    return sorted(
        (path for path in folder.glob("checkpoint-*") if path.is_dir() and path.name.partition("-")[2].isdigit()),
        key=step_of,
        reverse=True,
    )


def is_whole(checkpoint: Path) -> bool:
    """Every file is as it was when it was saved."""
    try:
        listed = json.loads((checkpoint / LIST).read_text(encoding="utf-8"))
        return bool(listed) and all(_measure(checkpoint / name) == known for name, known in listed.items())
    except (OSError, ValueError, AttributeError):
        return False


def trust_directions(optimizer: str) -> None:
    """Torch reads back numbers alone, and some optimizers keep the directions of a layer in an object of theirs."""
    if optimizer == "galore_adamw":
        from galore_torch.galore_projector import GaLoreProjector as Directions
    elif optimizer == "apollo_adamw":
        from apollo_torch.random_projector import GradientProjector as Directions
    else:
        return
    import torch

    torch.serialization.add_safe_globals([Directions])


def newest_whole(folder: Path) -> tuple[Path | None, list[Path]]:
    """(the newest checkpoint that can be trusted, the damaged ones that were passed over)."""
    damaged: list[Path] = []
    for checkpoint in list_checkpoints(folder):
        if is_whole(checkpoint):
            return checkpoint, damaged
        damaged.append(checkpoint)
    return None, damaged


def prune(folder: Path, best_step: int | None) -> None:
    """Keep the best and the newest two."""
    for checkpoint in list_checkpoints(folder)[NEWEST_KEPT:]:
        if step_of(checkpoint) != best_step:
            shutil.rmtree(checkpoint, ignore_errors=True)


def size_bytes(checkpoint: Path) -> int:
    return sum(file.stat().st_size for file in checkpoint.rglob("*") if file.is_file())


def _measure(file: Path) -> list[int]:
    """[bytes, crc32]"""
    checksum = 0
    with file.open("rb") as opened:
        while block := opened.read(1 << 20):
            checksum = zlib.crc32(block, checksum)
    return [file.stat().st_size, checksum]
