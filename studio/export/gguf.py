"""What can be exported, what it takes, and where it is put."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from studio.errors import ExportError, SettingError
from studio.process import is_gone
from studio.runs import Run, workspace_of
from studio.tasks import Progress, follow, result_of, stop_task
from studio.train.shape import ModelShape

Kind = Literal["gguf", "merged", "adapter"]
KINDS: dict[str, str] = {
    "gguf": "GGUF: one file for Ollama, LM Studio and llama.cpp",
    "merged": "Merged: the whole model as a Hugging Face folder, 16-bit",
    "adapter": "Adapter alone: small, needs its base",
}

LIBRARIES_BYTES = 1_000_000_000  # torch, Transformers and AutoRound with what they keep, measured
SHARD_BYTES = 1_000_000_000  # the most of a model that is written at once
WORKED_ON_BYTES = 8  # of each number of a layer or a table


@dataclass(frozen=True)
class Quant:
    """`share` is the size against 16-bit weights; `calibrated`: it is rounded by looking at examples."""

    id: str
    title: str
    share: float
    calibrated: bool = False


QUANTS: dict[str, Quant] = {
    quant.id: quant
    for quant in (
        Quant("q4_k_m", "Q4_K_M: small, nearly as good", 0.33, calibrated=True),
        Quant("q8_0", "Q8_0: twice the size, hardly any loss", 0.54),
        Quant("f16", "F16: full size, no loss", 1.0),
    )
}


@dataclass(frozen=True)
class Export:
    """A finished export, as its note tells. `check` holds what the proof found (GGUF only).

    `words` says what whoever loads it must know; empty where it is loaded as usual.
    """

    path: Path
    size_bytes: int
    seconds: float
    checked: bool
    check: dict[str, Any]
    modelfile: str = ""
    words: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {
            "path": str(self.path),
            "size_bytes": self.size_bytes,
            "seconds": self.seconds,
            "checked": self.checked,
            "check": self.check,
        } | ({"words": self.words} if self.words else {})


def memory_needed(shape: ModelShape, calibrated: bool, weights_bytes: int) -> int:
    """The machine's memory that making a merged folder or a GGUF takes, in bytes; an adapter alone is only copied.

    Weights stay in files that are mapped; in memory is one layer or one word table at a time, as it was and at 32
    bits. tests/benchmarks/export_memory.py measures it.

    `weights_bytes`: of the files that are merged; where they hold 32 bits a number, a copy of 16 is made of all.
    """
    layer = shape.linear_parameters // max(1, shape.layers)
    largest = max(layer, shape.vocab_size * shape.hidden_size)
    narrowed = 2 * shape.parameters if weights_bytes > 3 * shape.parameters else 0
    rounded = WORKED_ON_BYTES * largest if calibrated else 0
    return LIBRARIES_BYTES + max(SHARD_BYTES, rounded) + narrowed


def folder_of(run: Run, kind: str, quant: str) -> Path:
    return workspace_of(run.folder).exports / f"{run.id}-{quant if kind == 'gguf' else kind}"


def path_of(run: Run, kind: str, quant: str) -> Path:
    """The file or folder of an export. Built from names, because a workspace may be moved or copied."""
    folder = folder_of(run, kind, quant)
    return folder / f"{folder.name}.gguf" if kind == "gguf" else folder


def note_of(run: Run, kind: str, quant: str) -> Path:
    folder = folder_of(run, kind, quant)
    return folder.with_name(f"{folder.name}.task.json")


def notes_of(run: Run) -> list[Path]:
    """Of every export that a run could have."""
    return [note_of(run, kind, quant) for kind in KINDS for quant in (QUANTS if kind == "gguf" else [""])]


def export_run(run: Run, kind: str, quant: str = "q4_k_m") -> Iterator[Progress]:
    """Make the export in a process of its own, and tell how far it is; `read_export` has the result.

    Raises: SettingError for a kind that is none, ExportError where the run has nothing to export.
    """
    if kind not in KINDS:
        raise SettingError(f"There is no export {kind!r}.", f"Choose one of: {', '.join(KINDS)}.")
    if quant not in QUANTS:
        raise SettingError(f"There is no quantization {quant!r}.", f"Choose one of: {', '.join(QUANTS)}.")
    if not run.has_adapter:
        raise ExportError(f"{run.title} has learned nothing yet.", "Let it train, or stop it to keep what it has.")
    if run.is_live:
        raise ExportError(f"{run.title} is still training.", "Wait for its end, or stop and keep it.")
    if kind == "adapter" and run.learned_whole:
        raise ExportError(
            f"{run.title} has no adapter: all weights of the model learned.", "Choose Merged, which is the whole model."
        )
    yield from follow(workspace_of(run.folder), note_of(run, kind, quant), "export", run.folder, kind, quant)


def stop_export(run: Run, kind: str, quant: str) -> None:
    stop_noted(note_of(run, kind, quant))


def stop_noted(note: Path) -> None:
    """End the export of this note at once; nothing half made is left, and one that was there before is untouched."""
    stop_task(note)
    clear_leftovers(note.parent)


def clear_leftovers(exports: Path) -> None:
    """Remove what an export that was killed has left behind: folders of processes that are gone."""
    for left in exports.glob(".*.*"):
        number = left.name.rpartition(".")[2]
        if left.is_dir() and number.isdecimal() and is_gone(int(number)):
            shutil.rmtree(left, ignore_errors=True)


def read_export(run: Run, kind: str, quant: str = "q4_k_m") -> Export | None:
    """None if there is none, or its file is gone."""
    result = result_of(note_of(run, kind, quant))
    path = path_of(run, kind, quant)
    if not result or not path.exists():
        return None
    return Export(**{**result, "path": path})  # earlier versions noted one, of wherever the workspace was then
