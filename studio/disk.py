"""Files and folders moved, and put onto the disk for good, where systems differ. Standard library only."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

# Windows moves nothing that a virus scanner, the indexer or another process holds open; most let go in a moment.
WAITS_S = (0.02, 0.1, 0.5, 2.0)


def move(source: Path, target: Path) -> None:
    """Rename a file, over the one that is there, or a folder, to where none is. Raises: OSError."""
    for wait_s in WAITS_S:
        try:
            return os.replace(source, target)
        except PermissionError:
            time.sleep(wait_s)
    os.replace(source, target)


def move_over(source: Path, target: Path) -> None:
    """Rename a folder to where another one may be, which is gone afterwards. Raises: OSError."""
    for wait_s in WAITS_S:
        shutil.rmtree(target, ignore_errors=True)
        try:
            return os.replace(source, target)
        except OSError:  # what is held open in the old one keeps it there
            time.sleep(wait_s)
    os.replace(source, target)


def settle(file: Path) -> None:
    """See to it that a file is on the disk, and not only on its way there."""
    with file.open("r+b") as opened:  # Windows flushes no handle that may only read
        os.fsync(opened.fileno())


def settle_folder(folder: Path) -> None:
    """The same for the names that a folder holds."""
    if os.name == "posix":  # Windows opens no folders, and its renames are written through
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
