"""On what a run was trained: machine and versions, noted by each process that trains it."""

from __future__ import annotations

import contextlib
import platform
import time
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from studio.hardware import read_machine
from studio.store import append_row, read_rows

FILE = "trained_on.jsonl"
LIBRARIES = (
    "torch", "transformers", "peft", "trl", "unsloth", "bitsandbytes", "datasets", "tokenizers", "numpy",
)  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Memory in bytes; `card` and `driver` are empty where there is no NVIDIA card. Libraries by name."""

    processor: str
    cores: int
    memory_bytes: int
    card: str
    driver: str
    system: str
    python: str
    libraries: dict[str, str]


def here() -> Place:
    """Of the libraries on the disk: none of them is imported for it."""
    machine = read_machine()
    return Place(
        processor=machine.processor,
        cores=machine.cores,
        memory_bytes=machine.memory_bytes,
        card=machine.card.name if machine.card else "",
        driver=machine.card.driver if machine.card else "",
        system=platform.platform(),
        python=platform.python_version(),
        libraries={name: found for name in LIBRARIES if (found := version_of(name))},
    )


def note(folder: Path) -> None:
    """Into a run's folder, unless the last process that trained it stood on the same."""
    place = here()
    if read(folder)[-1:] != [place]:
        append_row(folder / FILE, {"at_s": time.time(), "place": asdict(place)})


def read(folder: Path) -> list[Place]:
    """In the order of time; none of a run of an older Tunesmith, which did not note it."""
    found: list[Place] = []
    for row in read_rows(folder / FILE):
        with contextlib.suppress(TypeError, KeyError):  # written by another version of Tunesmith
            found.append(Place(**row["place"]))
    return found


def version_of(name: str) -> str:
    """Empty where it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
