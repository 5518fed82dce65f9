"""The audit of a saved data set: done once for each model in a process of its own, then read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from studio.data.audit.run import Audit
from studio.data.datasets import Dataset
from studio.tasks import Progress, follow, result_of, stop_task
from studio.workspace import Workspace

CHECKS_VERSION = 4  # another number where checks have changed, so that what was found before is looked for anew


def review(workspace: Workspace, dataset: Dataset, base: str, max_length: int) -> Iterator[Progress]:
    """Find what is wrong, unless it is known; `read_review` has the result. Raises: TunesmithError."""
    if read_review(dataset, base, max_length) is None:
        note = _note(dataset, base, max_length)
        yield from follow(workspace, note, "audit", workspace.root, dataset.ref, base, str(max_length))


def call_off(dataset: Dataset, base: str, max_length: int) -> None:
    """Stop looking; it begins anew when it is asked for again."""
    stop_task(_note(dataset, base, max_length))


def read_review(dataset: Dataset, base: str, max_length: int) -> Audit | None:
    known = result_of(_note(dataset, base, max_length))
    return Audit.from_dict(known) if known else None


def read_lengths(dataset: Dataset, base: str, max_length: int) -> list[list[int]]:
    """Pairs of a length in tokens and how many examples have it, as `Audit.lengths`.

    Another base's, which are nearly as many, where this one's have not been counted. Empty if nobody has looked.
    """
    others = sorted(dataset.folder.glob("audit-*.task.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    found = (result_of(note).get("lengths") for note in [_note(dataset, base, max_length), *others])
    return next(filter(None, found), [])


def _note(dataset: Dataset, base: str, max_length: int) -> Path:
    """A base may be a long path, of which a name made from it would keep only a part."""
    asked = hashlib.sha256(f"{base}\n{max_length}\n{CHECKS_VERSION}".encode()).hexdigest()[:16]
    return dataset.folder / f"audit-{asked}.task.json"
