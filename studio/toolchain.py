"""What Triton needs to compile its kernels at a run's first step. Standard library only.

Source: triton/runtime/build.py. Its build for Windows brings a compiler and headers along.
"""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path


def missing_for_kernels(
    system: str, environ: Mapping[str, str] = os.environ, headers: Path | None = None
) -> list[str]:  # fmt: skip
    """In words, what is not here of what Unsloth's kernels need on a card; empty where they can be compiled."""
    if system != "Linux":
        return []
    path = environ.get("PATH", "")
    compilers = [environ["CC"]] if environ.get("CC") else ["gcc", "clang"]
    scheme = sysconfig.get_default_scheme().replace("posix_local", "posix_prefix")  # as Triton asks on Debian
    headers = headers or Path(sysconfig.get_path("include", scheme))
    missing = []
    if not any(shutil.which(name, path=path) for name in compilers):
        missing.append("a C compiler")
    if not (headers / "Python.h").is_file():
        missing.append("Python's headers")
    return missing


def say_missing(missing: list[str]) -> str:
    """What is lost without it, and how to have it; empty where nothing is missing."""
    if not missing:
        return ""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return (
        f"Unsloth's fast kernels need {' and '.join(missing)}, which this computer lacks: training goes through "
        f"Transformers, slower and with more memory. On Debian, Ubuntu or WSL: "
        f"sudo apt install gcc python{version}-dev"
    )
