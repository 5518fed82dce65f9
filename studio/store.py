"""Files that are never seen half-written: wholes are renamed into place, rows end in a newline."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from studio.errors import TunesmithError

# What Windows keeps for its devices, whatever stands behind a dot.
KEPT_BY_WINDOWS = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\.|$)", re.IGNORECASE)


def write_whole(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old text or the new, nothing between.

    Raises: TunesmithError if the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        _replace(temporary, path)
    except OSError as error:
        raise TunesmithError(
            f"{path.name} could not be written: {error.strerror}.",
            f"Free some space on the disk of {path.parent}, then try again.",
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def _replace(temporary: Path, path: Path) -> None:
    for wait_s in (0.02, 0.1, 0.5):
        try:
            return os.replace(temporary, path)
        except PermissionError:  # Windows refuses while another process has the file open to read
            time.sleep(wait_s)
    os.replace(temporary, path)


def write_json(path: Path, value: Any) -> None:
    write_whole(path, json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def read_json(path: Path) -> Any:
    """None if there is no such file."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


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
