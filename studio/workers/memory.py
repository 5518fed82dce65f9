"""How much memory a worker takes, and what its running out looks like."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import psutil

from studio.hardware import find_card

# What is said where memory is missing, by torch, cuBLAS, Unsloth, and whoever loads a model that is larger than the
# card. The last is all that oneDNN says on a processor, tried: where it worked a step before, it is memory.
OUT_OF_MEMORY = (
    "out of memory",
    "can't allocate memory",
    "cannot allocate memory",
    "cublas_status_alloc_failed",
    "cublas_status_not_initialized",
    "no or negligible gpu memory",
    "are dispatched on the cpu or the disk",
    "could not create a primitive",
)


MOST_BESIDE = 2_000_000_000  # CUDA's context and its libraries' workspaces; what is more came to others meanwhile
_taken_before = 0  # of the card, by others


def begin_measuring() -> None:
    """Before torch is loaded: what the card has given away by now is not this process's."""
    global _taken_before
    card = find_card()
    _taken_before = card.memory_bytes - card.free_bytes if card else 0


def peak_bytes() -> int:
    """The most that this process has had: of the card's memory where there is one, else resident.

    On a card with what torch keeps between its blocks, and with CUDA itself, so that it is what the driver shows.
    """
    import torch  # seconds, which whoever only asks what an error means does not wait for

    if torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info()
        beside = total - free - torch.cuda.memory_reserved() - _taken_before
        return int(torch.cuda.max_memory_reserved() + min(max(beside, 0), MOST_BESIDE))
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux's ru_maxrss begins with what the parent had when it started this process; this does not.
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def is_out_of_memory(error: Exception) -> bool:
    """Of a card, or of the machine where the system refuses more instead of ending the process.

    Also before torch is there to ask.
    """
    if isinstance(error, MemoryError) or type(error).__name__ in ("OutOfMemoryError", "DeviceMapInfeasible"):
        return True
    text = str(error).lower()
    return any(words in text for words in OUT_OF_MEMORY)


def let_go() -> None:
    """After a shortage: give back what is kept for more, with Unsloth's buffers, which have the size of what failed."""
    import torch

    gc.collect()
    if "unsloth_zoo" in sys.modules and torch.cuda.is_available():  # its buffers are named there alone
        from unsloth_zoo.gradient_checkpointing import reset_unsloth_gradient_checkpointing_buffers

        reset_unsloth_gradient_checkpointing_buffers()
    torch.cuda.empty_cache()
