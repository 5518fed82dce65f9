"""Files that are never seen half-written: wholes are renamed into place, rows end in a newline."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from studio.disk import move, settle
from studio.errors import DamagedError, TunesmithError

# What Windows keeps for its devices, whatever stands behind a dot.
KEPT_BY_WINDOWS = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\.|$)", re.IGNORECASE)

BLOCKS, BLOCK_BYTES = 64, 4096


def write_whole(path: Path, text: str, *, lasting: bool = True) -> None:
    """Write a file so that a reader sees the old text or the new, nothing between.

    Args:
        lasting: A power cut leaves the old text or the new, too. That waits for the disk, about 4 ms on a fast one:
            not for what is written every moment, and is as good as none once the machine has gone down.

    Raises: TunesmithError if the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        if lasting:
            settle(temporary)
        move(temporary, path)
    except OSError as error:
        raise TunesmithError(
            f"{path.name} could not be written: {error.strerror}.",
            f"Free some space on the disk of {path.parent}, then try again.",
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Any, *, lasting: bool = True) -> None:
    write_whole(path, json.dumps(value, ensure_ascii=False, indent=1) + "\n", lasting=lasting)


def read_json(path: Path, *, anew: str = "Bring it back from a backup, or move it away and begin anew.") -> Any:
    """None if there is no such file.

    Args:
        anew: What a person does about a damaged one.

    Raises: DamagedError if it was cut short, or is no JSON any more.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        where = f"{path.name} (in {path.parent.name})"
        raise DamagedError(f"{where} is damaged, as by a power cut or a full disk.", anew) from error


def read_if_whole(path: Path) -> Any:
    """None also for a damaged file: of what is made anew unasked, or what a form remembers."""
    try:
        return read_json(path)
    except DamagedError:
        return None


def set_aside(path: Path) -> Path:
    """Keep a damaged file out of the way, as NAME.broken; where it lies then."""
    aside = path.with_name(f"{path.name}.broken")
    move(path, aside)
    return aside


def marks_of(files: Iterable[Path]) -> list[str]:
    """What tells weights from others: they stay the same where a file is touched, copied or restored."""
    return [_mark_of(file) for file in files]


def _mark_of(path: Path) -> str:
    """Size, and a digest of the beginning and of blocks evenly over the rest, about 1 ms whatever the size.

    A step of training moves all over the file at once, so no block needs to be looked for; the whole of large weights
    would take seconds, and this is asked at every look at a page.
    """
    size = path.stat().st_size
    digest = hashlib.blake2b(str(size).encode(), digest_size=16)
    with path.open("rb") as file:
        for number in range(BLOCKS):
            file.seek(number * max(0, size - BLOCK_BYTES) // (BLOCKS - 1))
            digest.update(file.read(BLOCK_BYTES))
    return f"{size} {digest.hexdigest()}"


def old_marks_of(files: Iterable[Path]) -> list[str]:
    """As they were kept until version 0.1: they change when a file is touched, too."""
    return [f"{stat.st_size} {stat.st_mtime_ns}" for stat in (file.stat() for file in files)]


def append_row(path: Path, row: dict[str, Any]) -> None:
    """Add a row; what a killed writer left half-written before it gets a line of its own."""
    with path.open("a+b") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
        begin = "" if file.read(1) in (b"", b"\n") else "\n"
        file.write((begin + json.dumps(row, ensure_ascii=False) + "\n").encode())


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Only whole rows: a half-written one waits for the next read, and is passed over if others follow it."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                with contextlib.suppress(ValueError):
                    yield json.loads(line)


def free_name(folder: Path, wish: str) -> str:
    """A name for a new entry of `folder`: the wish made safe for a path, with a number if it is taken."""
    safe = re.sub(r"[^\w.-]+", "-", wish).strip("-.")[:60].strip("-.") or "unnamed"
    if KEPT_BY_WINDOWS.match(safe):
        safe = f"my-{safe}"
    taken = {path.name.casefold() for path in folder.iterdir()} if folder.exists() else set()
    number = 1
    name = safe
    while name.casefold() in taken:
        number += 1
        name = f"{safe}-{number}"
    return name


def require_space(folder: Path, needed_bytes: int, purpose: str) -> None:
    """Raises: TunesmithError if the disk of `folder` has less than `needed_bytes` left."""
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        raise TunesmithError(
            f"{purpose} needs about {needed_bytes / 1e9:.1f} GB, and the disk of {folder} has {free / 1e9:.1f}.",
            "Free some space, or start Tunesmith with --workspace on another disk.",
        )
