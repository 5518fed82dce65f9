"""Which build of torch a machine can use: a table by system, driver and card. Standard library only.

Sources: CUDA's compatibility within a major version, https://docs.nvidia.com/deploy/cuda-compatibility/; the cards that
each build of torch 2.14 was compiled for, pytorch/pytorch RELEASE.md. None of these was tried on a card.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ASK_S = 30
Capability = tuple[int, int]


@dataclass(frozen=True)
class Build:
    """`backend` as uv's --torch-backend calls it. `least` and `most`: the compute capabilities that it has code for."""

    backend: str
    cuda: int
    drivers: dict[str, int]
    least: Capability
    most: Capability


# The newest first. Of cards older than `least` of the second, Unsloth's and bitsandbytes' kernels take none.
BUILDS = (
    Build("cu130", 13, {"Linux": 580, "Windows": 580}, (7, 5), (12, 1)),
    Build("cu126", 12, {"Linux": 525, "Windows": 528}, (7, 0), (9, 0)),
)
NEWEST_DRIVER = 580
PROCESSOR = "cpu"


@dataclass(frozen=True)
class InstalledCard:
    """As the driver tells: 0 and (0, 0) where it does not."""

    name: str
    driver: int = 0
    capability: Capability = (0, 0)


def choose_backend(system: str, cards: Sequence[InstalledCard]) -> str:
    """The newest build that can use one of the cards; the processor's where none can."""
    for build in BUILDS:
        if any(can_use(build, system, card) for card in cards):
            return build.backend
    return PROCESSOR


def can_use(build: Build, system: str, card: InstalledCard) -> bool:
    has_driver = system in build.drivers and card.driver >= build.drivers[system]
    return has_driver and (card.capability == (0, 0) or build.least <= card.capability <= build.most)


def say_trouble(system: str, card: InstalledCard, cuda: int | None) -> tuple[str, str]:
    """Why an installed torch cannot use a card, and what to do; two empty sentences if it can.

    `cuda`: the major version of CUDA that torch was built for; None for a build without.
    """
    if card.capability != (0, 0) and card.capability < BUILDS[-1].least:
        return (
            f"{card.name} is older than what the libraries of today can use.",
            "They need a GTX 16, an RTX, or a newer card. Start Tunesmith with --processor to train without one.",
        )
    if not card.driver:
        return (
            f"{card.name} cannot be used: its driver does not answer.",
            "Restart the computer. If it stays so, install NVIDIA's driver again.",
        )
    update = f"Install NVIDIA's driver {NEWEST_DRIVER} or newer, restart the computer, and start Tunesmith again."
    if choose_backend(system, [card]) == PROCESSOR:
        return f"{card.name} cannot be used: its driver {card.driver} is too old, {NEWEST_DRIVER} is needed.", update
    installed = next((build for build in BUILDS if build.cuda == cuda), None)
    if installed is None:
        return (
            f"{card.name} cannot be used: Tunesmith was set up without a card.",
            "Delete the folder .venv in Tunesmith's folder and start again: it is set up anew, with this card.",
        )
    if can_use(installed, system, card):
        return "", ""
    if card.driver < installed.drivers.get(system, 0):
        return f"{card.name} cannot be used: its driver {card.driver} is too old for what is installed here.", update
    return (
        f"{card.name} cannot be used with what is installed here, which was made for another driver or card.",
        "Delete the folder .venv in Tunesmith's folder and start again: it is set up anew, for this card.",
    )


def read_installed_cards(system: str) -> list[InstalledCard]:
    """By nvidia-smi, which comes with the driver; one nameless card where it is there and tells nothing."""
    program = find_nvidia_smi(system)
    if program is None:
        return []
    asked = [program, "--query-gpu=name,driver_version,compute_cap", "--format=csv,noheader"]
    try:
        told = subprocess.run(asked, capture_output=True, text=True, timeout=ASK_S, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return [InstalledCard("The graphics card")]
    return [_read_line(line) for line in told.splitlines() if line.strip()]


def _read_line(line: str) -> InstalledCard:
    name, driver, capability, *_ = [*(part.strip() for part in line.split(",")), "", "", ""]
    return InstalledCard(name or "The graphics card", driver_number(driver), read_capability(capability))


def driver_number(version: str) -> int:
    """580 of 580.95.05; 0 where it is none."""
    major = version.partition(".")[0]
    return int(major) if major.isdecimal() else 0


def read_capability(words: str) -> Capability:
    major, _, minor = words.partition(".")
    return (int(major), int(minor)) if major.isdecimal() and minor.isdecimal() else (0, 0)


def find_nvidia_smi(system: str) -> str | None:
    """Beside PATH where Windows, and Windows' own Linux, keep it."""
    if system == "Windows":
        places = [Path(os.environ.get("SYSTEMROOT", ""), "System32", "nvidia-smi.exe")]
    else:
        places = [Path("/usr/lib/wsl/lib/nvidia-smi")]
    return shutil.which("nvidia-smi") or next((str(place) for place in places if place.is_file()), None)


def built_for(version_file: Path) -> int | None:
    """The major version of CUDA that a torch was built for, of its version.py; read without importing it."""
    for line in version_file.read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition("=")
        if name.partition(":")[0].strip() == "cuda":
            return driver_number(value.strip().strip("'\"")) or None
    return None
