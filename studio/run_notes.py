"""What a person writes about a run: its title, tags and a note. In notes.json, so that its recipe stays frozen."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from studio.errors import SettingError
from studio.store import read_json, write_json

FILE = "notes.json"
TITLE_LENGTH = 60  # as the recipe's own name
TAG_LENGTH, TAGS = 30, 12
NOTE_LENGTH = 2_000


@dataclass(frozen=True)
class Notes:
    """Empty where the person has written nothing; an empty title leaves the run its own name."""

    title: str = ""
    tags: tuple[str, ...] = ()
    note: str = ""


def title(folder: Path) -> str:
    """Asked for each run at every look: a file that has not changed is not read again."""
    return read_notes(folder).title


def read_notes(folder: Path) -> Notes:
    """A run without notes, or with damaged ones, has none."""
    path = folder / FILE
    try:
        known = os.stat(path)
    except OSError:
        return Notes()
    return _read(path, known.st_mtime_ns, known.st_ino, known.st_size)


@lru_cache(maxsize=4_096)
def _read(path: Path, changed_ns: int, file: int, size_bytes: int) -> Notes:
    """The numbers tell one state of the file from another; each write is a new file."""
    try:
        values = read_json(path)
    except (ValueError, OSError):
        return Notes()
    if not isinstance(values, dict):
        return Notes()
    tags = values.get("tags")
    return Notes(
        title=_text(values.get("title")),
        tags=tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
        note=_text(values.get("note")),
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def write_notes(
    folder: Path, *, title: str | None = None, tags: str | Iterable[str] | None = None, note: str | None = None
) -> Notes:
    """Change what is given and keep the rest. Raises: SettingError if one is too long."""
    before = read_notes(folder)
    notes = Notes(
        title=before.title if title is None else " ".join(title.split()),
        tags=before.tags if tags is None else read_tags(tags),
        note=before.note if note is None else note.strip(),
    )
    _require_short(notes)
    write_json(folder / FILE, asdict(notes))
    return notes


def read_tags(tags: str | Iterable[str]) -> tuple[str, ...]:
    """As a person types them, with commas between, or one by one; each once, in their order."""
    given = tags.split(",") if isinstance(tags, str) else [part for tag in tags for part in tag.split(",")]
    words = (" ".join(tag.split()) for tag in given)
    return tuple({word.casefold(): word for word in words if word}.values())


def _require_short(notes: Notes) -> None:
    if len(notes.title) > TITLE_LENGTH:
        raise SettingError(f"The name has {len(notes.title)} characters.", f"Use at most {TITLE_LENGTH}.")
    long = next((tag for tag in notes.tags if len(tag) > TAG_LENGTH), None)
    if long is not None:
        raise SettingError(
            f"The tag “{long}” is too long.", f"Use at most {TAG_LENGTH} characters, a comma between two."
        )
    if len(notes.tags) > TAGS:
        raise SettingError(f"{len(notes.tags)} tags are too many.", f"Use at most {TAGS}.")
    if len(notes.note) > NOTE_LENGTH:
        raise SettingError(f"The note has {len(notes.note):,} characters.", f"Use at most {NOTE_LENGTH:,}.")
