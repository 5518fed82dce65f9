"""Who may answer in a pane: a base as it came, a run, one of its checkpoints, a GGUF that was made of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from studio.errors import ModelError, TunesmithError
from studio.export.gguf import QUANTS
from studio.export.gguf import folder_of as export_folder
from studio.runs import Run, list_runs, open_run, workspace_of
from studio.store import marks_of, read_if_whole, write_json
from studio.train.models import title_of
from studio.workspace import Workspace

Kind = Literal["base", "run", "checkpoint", "gguf"]
MOST = 4  # panes beside each other
CHOSEN = "panes.json"


@dataclass(frozen=True)
class Voice:
    """`of`: id of the run; a base is the one that this run learned on. `at`: the checkpoint's step, or the GGUF's path
    below the workspace's exports.
    """

    kind: Kind
    of: str
    at: str = ""

    @property
    def key(self) -> str:
        return "|".join((self.kind, self.of, self.at))

    @classmethod
    def parse(cls, key: str) -> Voice:
        """Raises: ModelError if it is no key of a voice."""
        kind, _, rest = key.partition("|")
        of, _, at = rest.partition("|")
        if kind not in get_args(Kind):
            raise ModelError(f"Nobody answers to the name {key!r}.", "Choose again who answers.")
        return cls(kind, of, at)  # type: ignore[arg-type]


def base_and_tuned(run: Run) -> tuple[Voice, Voice]:
    return Voice("base", run.id), Voice("run", run.id)


def voices_of(run: Run) -> Iterator[Voice]:
    """All that one run made, and what it began with."""
    yield from base_and_tuned(run)
    steps = [path.name.partition("-")[2] for path in run.checkpoints.glob("checkpoint-*")]
    yield from (Voice("checkpoint", run.id, step) for step in sorted(filter(str.isdigit, steps), key=int))
    exports = workspace_of(run.folder).exports
    files = [file for quant in QUANTS for file in sorted(export_folder(run, "gguf", quant).glob("*.gguf"))]
    yield from (Voice("gguf", run.id, file.relative_to(exports).as_posix()) for file in files)


def list_voices(workspace: Workspace, picked: Run) -> list[Voice]:
    """Those of the run that is picked first; then the ends of the other runs, and last what else these have."""
    others = [run for run in list_runs(workspace) if run.has_adapter and run.id != picked.id]
    bases = {
        run.recipe.base: Voice("base", run.id) for run in reversed(others) if run.recipe.base != picked.recipe.base
    }
    more = [voice for run in others for voice in voices_of(run) if voice.kind in ("checkpoint", "gguf")]
    return [*voices_of(picked), *(Voice("run", run.id) for run in others), *bases.values(), *more]


def keep_chosen(run: Run, voices: Sequence[Voice]) -> None:
    """For who comes back tomorrow."""
    write_json(run.folder / CHOSEN, [voice.key for voice in voices])


def read_chosen(run: Run) -> list[Voice]:
    """Who was asked the last time and is still there; else base and tuned."""
    there = {voice.key: voice for voice in list_voices(workspace_of(run.folder), run)}
    kept = read_if_whole(run.folder / CHOSEN)
    known = [there[key] for key in kept if isinstance(key, str) and key in there] if isinstance(kept, list) else []
    return known or list(base_and_tuned(run))


def require_there(workspace: Workspace, voice: Voice) -> None:
    """Raises: TunesmithError if it cannot answer now."""
    run = open_run(workspace, voice.of)
    if voice.kind == "gguf":
        file_of(workspace, voice)
    elif voice.kind != "base":
        folder_of(run, voice)


def is_there(workspace: Workspace, key: str) -> bool:
    """It can answer now."""
    try:
        require_there(workspace, Voice.parse(key))
    except TunesmithError:
        return False
    return True


def folder_of(run: Run, voice: Voice) -> Path:
    """Where what was learned lies. Raises: ModelError if it is not there, or no longer."""
    folder = run.checkpoints / f"checkpoint-{voice.at}" if voice.kind == "checkpoint" else run.adapter
    if not any((folder / name).exists() for name in ("adapter_config.json", "config.json")):
        if voice.kind == "run":
            raise ModelError(f"{run.title} has learned nothing yet.", "Train it first; then both can be asked.")
        raise ModelError(f"Step {voice.at} of {run.title} is gone.", "Choose somebody else to answer.")
    return folder


def file_of(workspace: Workspace, voice: Voice) -> Path:
    """Raises: ModelError if the GGUF is gone."""
    path = (workspace.exports / voice.at).resolve()
    if not path.is_relative_to(workspace.exports.resolve()) or not path.is_file():
        raise ModelError(f"The file {Path(voice.at).name} is gone.", "Export it again, or choose somebody else.")
    return path


def marks_of_voice(workspace: Workspace, voice: Voice) -> list[str]:
    """They change when what it answers with is written anew; of a base there are none.

    Raises: ModelError if it is gone.
    """
    if voice.kind == "base":
        return []
    if voice.kind == "gguf":
        return marks_of([file_of(workspace, voice)])
    return marks_of(sorted(folder_of(open_run(workspace, voice.of), voice).glob("*.safetensors")))


def name_of(picked: Run, voice: Voice) -> str:
    """Short, for a line below the panes."""
    if voice.kind == "gguf":
        return Path(voice.at).name
    run = picked if voice.of == picked.id else open_run(workspace_of(picked.folder), voice.of)
    is_own = run is picked
    match voice.kind:
        case "base":
            return "Before" if run.recipe.base == picked.recipe.base else f"Before: {title_of(run.recipe.base)}"
        case "checkpoint":
            return f"Step {voice.at}" if is_own else f"“{run.title}”, step {voice.at}"
    return "After" if is_own else f"“{run.title}”"


def title_of_voice(workspace: Workspace, voice: Voice) -> str:
    """Which weights answer."""
    run = open_run(workspace, voice.of)
    match voice.kind:
        case "base":
            return f"Before: {title_of(run.recipe.base)}, untouched"
        case "checkpoint":
            return f"Checkpoint: “{run.title}”, step {voice.at}"
        case "gguf":
            return f"File: {Path(voice.at).name}"
    step = run.status.get("kept_step") or run.status.get("step")
    at = f", step {step}" if step else ""
    learned = f"all weights of “{run.title}”" if run.learned_whole else f"adapter “{run.title}”"
    return f"After: {learned}{at}"
