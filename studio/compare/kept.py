"""Conversations that a person keeps: a JSON file each in the run's folder.

conversations/
  20261128-153012-081543-3f9a1c.json   called by its moment; the name that the person gave stands inside
  removed/                             what was removed, the moment of that and _ before its name
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

from filelock import FileLock
from pydantic import TypeAdapter

from studio.compare.sampling import GREEDY, Sampling
from studio.data.conversation import Conversation, Message, Role
from studio.data.datasets import now
from studio.data.json_rows import parse_json
from studio.disk import move
from studio.errors import RunError, SettingError
from studio.runs import Run
from studio.store import write_whole

FOLDER, REMOVED = "conversations", "removed"
NAME_LENGTH, OWN_NAME_LENGTH = 120, 60  # characters: as a person may write it, and as it is made of a question
LARGEST_BYTES = 5_000_000
UNNAMED = "Conversation"
JOINERS = "\u200c\u200d"  # not printable, and needed: Persian and composed emoji are wrong without them


@dataclass(frozen=True)
class Pane:
    """`title`: who answers in it. `messages`: what was said, without the instruction. `voice`: key of who answers."""

    title: str
    messages: tuple[Message, ...] = ()
    voice: str = ""


@dataclass(frozen=True)
class Setup:
    """How all panes were asked. `system` is the instruction, empty where there was none."""

    system: str = ""
    sampling: Sampling = GREEDY
    most_tokens: int = 256
    strength: float = 1.0


@dataclass(frozen=True)
class Kept:
    """`at`: when it was kept, as ISO 8601 in UTC."""

    id: str
    name: str
    at: str
    panes: tuple[Pane, ...]
    setup: Setup = field(default_factory=Setup)

    def as_dict(self) -> dict[str, Any]:
        panes = [
            {"title": pane.title, "voice": pane.voice, "messages": Conversation(pane.messages).as_dicts()}
            for pane in self.panes
        ]
        return {"name": self.name, "kept": self.at, **asdict(self.setup), "panes": panes}


@dataclass(frozen=True)
class Broken:
    """A file among them that cannot be read; it stays where it is."""

    id: str
    reason: str

    @property
    def name(self) -> str:
        return f"{self.id} (cannot be read)"


def keep(run: Run, name: str, panes: Sequence[Pane], setup: Setup | None = None) -> Kept:
    """Without a name it is called by its first question.

    Raises: RunError if nothing was said, it is too large or cannot be written; SettingError for too long a name.
    """
    if not any(pane.messages for pane in panes):
        raise RunError("There is nothing to keep yet.", "Ask something first.")
    kept = Kept(f"{_moment()}-{secrets.token_hex(3)}", _named(name, panes), now(), tuple(panes), setup or Setup())
    _write(run, kept)
    return open_kept(run, kept.id)


def list_kept(run: Run) -> list[Kept | Broken]:
    """Newest first."""
    return [_read_or_say(path) for path in sorted(_files(folder_of(run)), reverse=True)]


def open_kept(run: Run, kept_id: str) -> Kept:
    """Raises: RunError if there is none of that id, or it cannot be read."""
    path = _find(folder_of(run), kept_id)
    found = _read_or_say(path)
    if isinstance(found, Broken):
        raise RunError(
            f"This conversation cannot be read: {found.reason}.", f"It stays as it is, as {path}; others can be opened."
        )
    return found


def rename(run: Run, kept_id: str, name: str) -> Kept:
    """Raises: RunError as `open_kept` does; SettingError for too long a name."""
    with _alone(run):
        kept = open_kept(run, kept_id)
        renamed = replace(kept, name=_named(name, kept.panes))
        _write(run, renamed)
        return renamed


def remove(run: Run, kept_id: str) -> None:
    """Put it aside; `bring_back` undoes it."""
    with _alone(run), saying_why("It could not be removed"):
        path = _find(folder_of(run), kept_id)
        aside = folder_of(run) / REMOVED
        aside.mkdir(exist_ok=True)
        move(path, aside / f"{_moment()}_{path.name}")


def last_removed(run: Run) -> Kept | Broken | None:
    path = _last_removed(run)
    return _read_or_say(path, Path(_own_name(path)).stem) if path else None


def bring_back(run: Run) -> Kept | Broken:
    """Undo the last removal; asked again, the one before it. Raises: RunError if nothing is removed."""
    with _alone(run), saying_why("It could not be brought back"):
        path = _last_removed(run)
        if path is None:
            raise RunError("Nothing is removed.", "See the list for those that are kept.")
        place = folder_of(run) / _own_name(path)
        if place.exists():  # put there by hand meanwhile
            place = place.with_stem(f"{place.stem}-{secrets.token_hex(3)}")
        move(path, place)
        return _read_or_say(place)


def folder_of(run: Run) -> Path:
    return run.folder / FOLDER


def first_question(panes: Sequence[Pane]) -> str:
    return next((said.content for pane in panes for said in pane.messages if said.role == "user"), "")


def _named(wish: str, panes: Sequence[Pane]) -> str:
    """One line that can be shown: no marks that nobody sees, such as those that turn the direction of a text."""
    name = _tidy(wish)
    if len(name) > NAME_LENGTH:
        raise SettingError(f"The name has {len(name)} characters.", f"Use at most {NAME_LENGTH}.")
    asked = _tidy(first_question(panes)[: 10 * OWN_NAME_LENGTH])
    own = asked if len(asked) <= OWN_NAME_LENGTH else f"{asked[: OWN_NAME_LENGTH - 2].rstrip()} …"
    return name or own or UNNAMED


def _tidy(text: str) -> str:
    shown = "".join(letter if letter.isprintable() or letter in JOINERS else " " * letter.isspace() for letter in text)
    return " ".join(shown.split()).strip(JOINERS)


def _write(run: Run, kept: Kept) -> None:
    text = json.dumps(kept.as_dict(), ensure_ascii=False, indent=1) + "\n"
    # A browser sends an emoji that was cut in two as half a character, which no file can hold.
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    size_bytes = len(text.encode())
    if size_bytes > LARGEST_BYTES:
        raise RunError(
            f"This conversation has {size_bytes / 1e6:.1f} MB, and at most {LARGEST_BYTES / 1e6:.0f} MB are kept.",
            "Clear it and keep a shorter one.",
        )
    with saying_why("The conversation could not be kept"):
        write_whole(folder_of(run) / f"{kept.id}.json", text)


def _read_or_say(path: Path, kept_id: str = "") -> Kept | Broken:
    """`kept_id` where the file is not called by it."""
    kept_id = kept_id or path.stem
    try:
        if path.stat().st_size > LARGEST_BYTES:
            return Broken(kept_id, f"it is larger than {LARGEST_BYTES / 1e6:.0f} MB")
        return _as_kept(kept_id, parse_json(path.read_text(encoding="utf-8")))
    except OSError as error:
        return Broken(kept_id, f"the disk says {error.strerror}")
    except (ValueError, TypeError, KeyError, AttributeError):
        return Broken(kept_id, "it is damaged, or of a newer Tunesmith")


_SETUP = TypeAdapter(Setup)


def _as_kept(kept_id: str, known: dict[str, Any]) -> Kept:
    """Raises: ValueError, TypeError, KeyError or AttributeError for what is no kept conversation."""
    panes = tuple(
        Pane(_text(pane["title"]), tuple(map(_as_message, pane["messages"])), _text(pane.get("voice", "")))
        for pane in known["panes"]
    )
    at = datetime.fromisoformat(known["kept"]).astimezone(UTC).isoformat(timespec="seconds")
    return Kept(kept_id, _named(_text(known["name"])[:NAME_LENGTH], panes), at, panes, _SETUP.validate_python(known))


def _as_message(known: dict[str, Any]) -> Message:
    if known["role"] not in get_args(Role):
        raise ValueError("no role")
    _text(known["content"])
    return Message.from_dict(known)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*.json") if not path.name.startswith(".") and path.is_file()]


def _find(folder: Path, kept_id: str) -> Path:
    """What comes from a page is only ever looked up."""
    found = next((path for path in _files(folder) if path.stem == kept_id), None)
    if found is None:
        raise RunError("That conversation is not kept any more.", "Reload the page to see those that are.")
    return found


def _last_removed(run: Run) -> Path | None:
    return max(_files(folder_of(run) / REMOVED), default=None)


def _own_name(removed: Path) -> str:
    """Of the file as it was before."""
    return removed.name.partition("_")[2] or removed.name


def _moment() -> str:
    """As text it sorts by time."""
    return datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")


@contextmanager
def _alone(run: Run) -> Iterator[None]:
    """Two pages that change the same conversation do so one after the other."""
    with FileLock(run.folder / "conversations.lock"):
        yield


@contextmanager
def saying_why(what: str) -> Iterator[None]:
    """What a disk refuses, as a sentence that begins with `what`."""
    try:
        yield
    except OSError as error:
        raise RunError(f"{what}: {error.strerror}.", "Look for space on the disk, then try again.") from error
