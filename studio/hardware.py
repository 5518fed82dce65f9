"""What this machine has, found without torch."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Card:
    """A graphics card; memory in bytes."""

    name: str
    memory_bytes: int
    free_bytes: int


def find_card() -> Card | None:
    """The first NVIDIA card, as its driver's own tool names it."""
    tool = shutil.which("nvidia-smi") or r"C:\Windows\System32\nvidia-smi.exe"
    if not Path(tool).exists():
        return None
    query = ["--query-gpu=name,memory.total,memory.free", "--format=csv,noheader,nounits"]
    try:
        shown = subprocess.run([tool, *query], capture_output=True, text=True, timeout=10, check=True).stdout
        name, total, free = shown.splitlines()[0].rsplit(",", 2)
        return Card(name.strip(), int(total) * 2**20, int(free) * 2**20)
    except (subprocess.SubprocessError, ValueError, IndexError, OSError):
        return None


def describe_accelerator() -> str:
    card = find_card()
    if card:
        return f"{card.name}, {card.free_bytes / 2**30:.1f} of {card.memory_bytes / 2**30:.0f} GB free"
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return "Apple graphics; Tunesmith trains on the processor here"
    return f"no graphics card; {psutil.cpu_count()} processor cores"


def memory_bytes() -> int:
    """Of the card where there is one, else of the machine."""
    card = find_card()
    return card.memory_bytes if card else int(psutil.virtual_memory().total)
