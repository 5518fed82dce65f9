"""Regular expressions that a person wrote: one that runs away is ended, and says so."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable

from studio.errors import SettingError
from studio.process import worker_command
from studio.workspace import REPOSITORY

MOST_S = 10.0  # for all texts together; thousands of answers take a second


def require_pattern(pattern: str) -> None:
    """Raises: SettingError if it is no regular expression."""
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise SettingError(
            f"“{pattern}” is no regular expression: {error}.", "Mend it, or leave the field empty."
        ) from None


def require_quick(patterns: Iterable[str], texts: Iterable[str], most_s: float | None = None) -> None:
    """Look all texts through in a process of its own first, since Python cannot end a search that it has begun.

    Raises: SettingError if that takes longer.
    """
    known = [pattern for pattern in patterns if pattern]
    if not known:
        return
    try:
        subprocess.run(
            worker_command("search"),
            cwd=REPOSITORY,
            input=json.dumps([known, sorted(set(texts))]).encode(),
            timeout=most_s or MOST_S,
            check=True,
            capture_output=True,
        )
    except subprocess.TimeoutExpired:
        raise SettingError(
            f"{_said(known)} takes too long on these answers, and was given up after {most_s or MOST_S:.0f} seconds.",
            r"Repeats within repeats, as in (a+)+, do that. “#### (.+)” and “^Ticket \d+” are quick.",
        ) from None
    except subprocess.CalledProcessError as error:
        last = error.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise SettingError(
            f"{_said(known)} could not be looked for: {' '.join(last)[:200]}.", "Write a simpler one."
        ) from None


def _said(patterns: list[str]) -> str:
    return " or ".join(f"“{pattern}”" for pattern in patterns)
