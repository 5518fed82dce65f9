"""A file is taken into the workspace by a process of its own, so that a large one can be watched and called off."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from studio.data import formats, read
from studio.data.datasets import Dataset, open_dataset, require_room, save_dataset
from studio.data.rows import Row
from studio.data.tokens import passage_length
from studio.errors import DataError
from studio.tasks import Progress, Report, follow, result_of, stop_task
from studio.workspace import Workspace


@dataclass(frozen=True)
class Reading:
    """How the rows of a file are read: by themselves, all as one shape, or by columns that the person named."""

    mapping: formats.Mapping | None = None
    shape: str = ""

    def as_json(self) -> str:
        return json.dumps({"mapping": asdict(self.mapping) if self.mapping else None, "shape": self.shape})

    @classmethod
    def from_json(cls, text: str) -> Reading:
        known = json.loads(text)
        return cls(formats.Mapping(**known["mapping"]) if known["mapping"] else None, known["shape"])


def first_rows(path: Path, most: int = 200) -> list[Row]:
    """The first rows that can be read. Raises: DataError if the file as a whole cannot be."""
    return [row for row in islice(read.read_file(path), most) if isinstance(row, Row)]


def take_in(workspace: Workspace, path: Path, reading: Reading | None = None) -> Iterator[Progress]:
    """Read and keep a file or a folder; `taken` then has the data set. Raises: TunesmithError."""
    note = _note(workspace, path)
    note.unlink(missing_ok=True)  # a file may have changed since it was read last
    yield from follow(workspace, note, "take_in", workspace.root, path, (reading or Reading()).as_json())


def taken(workspace: Workspace, path: Path) -> Dataset:
    known = result_of(_note(workspace, path))
    if "dataset" not in known:
        raise DataError(f"{path.name} was not kept.", "Bring it again.")
    return open_dataset(workspace, known["dataset"])


def call_off(workspace: Workspace, path: Path) -> None:
    """Stop reading; nothing is kept of it."""
    stop_task(_note(workspace, path))


def keep(workspace: Workspace, path: Path, reading: Reading, base: Path | None, report: Report) -> dict[str, Any]:
    """What the process does. `base` measures passages of text by its tokens, where it is there."""
    require_room(workspace, path)
    meter = read.Meter()
    passage = passage_length(base) if base else None
    rows = read.read_file(path, meter, passage)
    conversion = formats.Conversion(rows, reading.mapping, reading.shape)
    name = path.name.partition(".")[0] or path.name
    dataset = save_dataset(workspace, name, path.name, conversion, report, lambda: meter.share)
    return {"dataset": dataset.name}


def _note(workspace: Workspace, path: Path) -> Path:
    asked = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]
    return workspace.datasets / f".take-in-{asked}.task.json"
