"""Adds an extra to `.venv`. Standard library only."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path, PurePath

from studio.environment import (
    STDERR,
    SetupError,
    explain_failure,
    fingerprint,
    run_silently,
    say,
    stamp_path,
    venv_python,
)
from studio.extras import EXTRAS, extra_lock, read_added, remember_added


def add_extra(root: Path, names: Sequence[str]) -> None:
    """Install one by its name beside what stands, and remember it. If that fails, all stays as it was.

    Raises: SetupError if there is none of this name, or it cannot be installed now.
    """
    if len(names) != 1 or names[0] not in EXTRAS:
        raise SetupError("“--add” takes the name of one extra.", f"Those there are: {', '.join(EXTRAS)}.")
    extra = EXTRAS[names[0]]
    if extra.name in read_added(root):
        say(f"“{extra.name}” is there already.")
        return
    lock = extra_lock(root, extra.name)
    command = add_command(platform.system(), root, lock)
    say(f"Fetching {extra.fetches} ...")
    if subprocess.run(command, stdout=STDERR, cwd=root).returncode != 0:
        raise explain_failure(run_silently([*command, "--dry-run"], root).stdout, root)
    remember_added(root, extra.name)
    with stamp_path(root).open("a") as stamp:
        stamp.write(fingerprint(lock) + "\n")
    say(f"“{extra.name}” is added. A studio that is open sees it at the next look; nothing has to be started anew.")


def add_command(system: str, root: PurePath, lock: PurePath) -> list[str]:
    """What else the extra needs stands in requirements.lock already, hence no dependencies."""
    python = str(venv_python(system, root))
    options = ["--compile-bytecode", "--no-deps", "--python", python]
    return [python, "-m", "uv", "pip", "install", *options, "-r", str(lock)]
