"""How much memory a worker takes, and what its running out looks like."""

from __future__ import annotations

import sys

import psutil
import torch


def peak_bytes() -> int:
    """The most that this process has had: of the card's memory where there is one, else resident."""
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # bytes there, kilobytes here


def is_out_of_memory(error: Exception) -> bool:
    """Of a card, or of the machine where the system refuses more instead of ending the process."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and ("out of memory" in text or "can't allocate memory" in text)
