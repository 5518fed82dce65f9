"""How a run answers a few held-out prompts, evaluation by evaluation: rows of samples.jsonl."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypedDict

# Of a longer file the first rows are read and the newest; what lies between is passed over.
FIRST_BYTES = 64 * 1024
NEWEST_BYTES = 512 * 1024
MAX_FIRST = 12
MAX_NEWEST = 300


class Sample(TypedDict):
    step: int
    prompt: str
    wanted: str
    answer: str


def read_samples(path: Path) -> list[Sample]:
    """What was answered, in the order of the run.

    Where a resumed run answered again, the later answer counts, and those of steps that it went back behind are left
    out. A row that is still being written waits for the next read; what is no row is passed over.
    """
    samples: list[Sample] = []
    for line in _lines(path):
        sample = _parse(line)
        if sample:
            samples = [old for old in samples if old["step"] <= sample["step"] and not _same(old, sample)]
            samples.append(sample)
    return samples


def _same(one: Sample, other: Sample) -> bool:
    return one["step"] == other["step"] and one["prompt"] == other["prompt"]


def _lines(path: Path) -> list[bytes]:
    """Whole lines: the first few and the newest few hundred."""
    try:
        size_bytes = path.stat().st_size
    except FileNotFoundError:
        return []
    with path.open("rb") as file:
        if size_bytes <= FIRST_BYTES + NEWEST_BYTES:
            lines = _whole(file.read())
            return lines if len(lines) <= MAX_FIRST + MAX_NEWEST else lines[:MAX_FIRST] + lines[-MAX_NEWEST:]
        first = _whole(file.read(FIRST_BYTES))
        file.seek(size_bytes - NEWEST_BYTES)
        newest = _whole(file.read())[1:]  # the line that it fell into is cut
    return first[:MAX_FIRST] + newest[-MAX_NEWEST:]


def _whole(data: bytes) -> list[bytes]:
    return data[: data.rfind(b"\n") + 1].split(b"\n")[:-1]


def _parse(line: bytes) -> Sample | None:
    try:
        row: Any = json.loads(line.decode())
    except ValueError:
        return None
    if not isinstance(row, dict) or type(row.get("step")) is not int or row["step"] < 0:
        return None
    if not all(isinstance(row.get(name), str) for name in ("prompt", "wanted", "answer")):
        return None
    return Sample(step=row["step"], prompt=row["prompt"], wanted=row["wanted"], answer=row["answer"])
