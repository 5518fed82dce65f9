"""A worker that begins again in the same process, without what broke half-way through its import."""

from __future__ import annotations

import os
import sys

WITHOUT = "TUNESMITH_WITHOUT_UNSLOTH"  # holds why


def first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:160]


def begin_afresh(reason: str) -> None:
    """Start this worker's own command anew, with its id; does nothing where that cannot be had.

    A library that patches others and then fails leaves them patched. On Windows a program cannot be replaced within
    its process, and whoever imports a worker's parts, as a test does, is no worker.
    """
    module = getattr(getattr(sys.modules["__main__"], "__spec__", None), "name", "")
    if sys.platform == "win32" or not module.startswith("studio.workers."):
        return
    print(f"Beginning again without Unsloth: {reason}", flush=True)
    os.environ[WITHOUT] = reason
    os.execv(sys.executable, sys.orig_argv)
