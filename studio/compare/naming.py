"""What others are called where they are typed: `checkpoint-700`, a file's name, another run's id or its own name.

Of another run: `ID/checkpoint-700`, and `ID/base` where it began with another model.
"""

from __future__ import annotations

from pathlib import Path

from studio.compare.others import list_others
from studio.compare.voices import Voice
from studio.errors import RunError, SettingError
from studio.runs import Run, open_run, workspace_of


def name_of_other(run: Run, voice: Voice) -> str:
    """Nobody else beside this run is called so."""
    of = "" if voice.of == run.id else f"{voice.of}/"
    match voice.kind:
        case "checkpoint":
            return f"{of}checkpoint-{voice.at}"
        case "base":
            return f"{of}base"
        case "gguf":
            return Path(voice.at).name
    return voice.of


def find_other(run: Run, name: str) -> Voice:
    """Who is called so beside this run.

    Raises: RunError if there is nobody else; SettingError if nobody is called so, or several runs are.
    """
    others = list_others(run)
    if not others:
        raise RunError(
            "There is nobody else to measure.", "Checkpoints come while a run trains; `export` makes files of it."
        )
    own = [voice for voice in others if name_of_other(run, voice) == name]
    found = own or [voice for voice in others if voice.kind == "run" and _title(run, voice) == name]
    if len(found) == 1:
        return found[0]
    known = f"Name one of: {', '.join(name_of_other(run, voice) for voice in found or others)}."
    if found:
        raise SettingError(f"{len(found)} runs are called {name!r}.", known)
    raise SettingError(f"Nobody beside {run.title} is called {name!r}.", known)


def _title(run: Run, voice: Voice) -> str:
    return open_run(workspace_of(run.folder), voice.of).title
