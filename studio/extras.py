"""What a person may add to the program, by one command. Standard library only: setting up reads it too.

In the program's folder: extras.txt, the names of those that were added, a line each; requirements.NAME.lock, what one
needs beside requirements.lock. Setting up installs the locks of all that stand in extras.txt, so a change of the
program's own lock drops none.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from studio.disk import move


@dataclass(frozen=True)
class Extra:
    """`module` is there once it was added. `fetches` says of what and how much."""

    name: str
    module: str
    fetches: str

    @property
    def is_added(self) -> bool:
        return find_spec(self.module) is not None

    @property
    def how(self) -> str:
        """The one command, and what it does."""
        return (
            f"In Tunesmith’s folder, “python launch.py --add {self.name}” adds it. It fetches {self.fetches}, "
            "once, and needs no network afterwards."
        )


EXTRAS = {
    each.name: each
    for each in (
        Extra("similarity", "wordllama", "wordllama from PyPI with its model in it, about 19 MB"),
        Extra("galore", "galore_torch", "galore-torch from PyPI, 13 kB"),
        Extra("apollo", "apollo_torch", "apollo-torch from PyPI, 32 kB, whose licence forbids commercial use,"),
    )
}


def extra_lock(root: Path, name: str) -> Path:
    return root / f"requirements.{name}.lock"


def read_added(root: Path) -> list[str]:
    """Names of those that were added to this folder's program; one that it no longer has is left out."""
    try:
        names = (root / "extras.txt").read_text(encoding="utf-8").split()
    except FileNotFoundError:
        return []
    return [name for name in sorted(set(names)) if name in EXTRAS]


def remember_added(root: Path, name: str) -> None:
    beside = root / "extras.txt.new"
    beside.write_text("".join(f"{each}\n" for each in sorted({*read_added(root), name})), encoding="utf-8")
    move(beside, root / "extras.txt")
