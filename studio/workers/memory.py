"""How much memory a worker takes, and what its running out looks like."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil
import torch


# The last is all that oneDNN says on a processor, tried: where it worked a step before, memory is what is missing.
OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "could not create a primitive")


def peak_bytes() -> int:
    """The most that this process has had: of the card's memory where there is one, else resident."""
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux's ru_maxrss begins with what the parent had when it started this process; this does not.
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def is_out_of_memory(error: Exception) -> bool:
    """Of a card, or of the machine where the system refuses more instead of ending the process."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in text for words in OUT_OF_MEMORY)
