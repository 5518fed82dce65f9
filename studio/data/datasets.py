"""Data sets of the workspace: a folder each, with the examples as read and a folder for each mended version.

orders/
  dataset.json     what was read, written last: its existence means that the data set is whole
  examples.jsonl   the original, never changed        index.npy
  choices.json     which version is current, and what was found to be fine as it is
  v1/              version.json   examples.jsonl   index.npy
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import orjson
import psutil

from studio.data import examples, formats, read, splits
from studio.data.audit import structure
from studio.data.conversation import Conversation
from studio.data.examples import Placed
from studio.data.tokens import ChatTokenizer, Labelled, Learn, label_tokens
from studio.disk import move
from studio.errors import DataError, TemplateError
from studio.store import free_name, read_json, require_space, write_json
from studio.tasks import Progress, Report
from studio.workspace import Workspace

SEED = 42
DEFAULT_MAX_LENGTH = 2048
ORIGINAL = "v0"
REPORT_EVERY = 2_000  # examples


@dataclass(frozen=True)
class Dataset:
    """A version of a saved data set. `description` is dataset.json, and for a later version version.json over it."""

    root: Path
    version: str
    description: dict[str, Any]

    @property
    def folder(self) -> Path:
        """Where the examples of this version are."""
        return self.root if self.version == ORIGINAL else self.root / self.version

    @property
    def name(self) -> str:
        return self.root.name

    @property
    def ref(self) -> str:
        """What `open_dataset` finds it by again, this version and no other."""
        return self.name if self.version == ORIGINAL else f"{self.name}@{self.version}"

    @property
    def title(self) -> str:
        return self.name if self.version == ORIGINAL else f"{self.name} {self.version}"

    @property
    def sha256(self) -> str:
        return str(self.description["sha256"])

    @property
    def counts(self) -> dict[str, int]:
        """Examples in each split."""
        return dict(self.description["splits"])

    @property
    def unreadable(self) -> list[read.UnreadableRow]:
        return [read.UnreadableRow(**entry) for entry in self.description["unreadable"]]

    @property
    def unreadable_rows(self) -> list[int]:
        return list(self.description["unreadable_rows"])

    def placed(self) -> Iterator[Placed]:
        """Each example with its split, in the order of the file."""
        return examples.read_all(self.folder)

    def rows(self, rows: Iterable[int]) -> list[Placed]:
        """The examples of these rows, without reading the rest."""
        return examples.read_rows(self.folder, rows)

    @property
    def index(self) -> examples.Index:
        return examples.read_index(self.folder)

    def conversations(self, split: splits.Split | Literal["left_out"] | None = None) -> list[Conversation]:
        return [conversation for conversation, its_split in self.placed() if split is None or its_split == split]

    @property
    def system(self) -> str:
        """The system prompt that most examples carry; empty if most carry none."""
        return str(self.description["system"])


def read_examples(path: Path, mapping: formats.Mapping | None = None, shape: str = "") -> formats.Conversion:
    """All of a small file at once. Raises: DataError if the file as a whole cannot be read."""
    return formats.convert_rows(read.read_file(path), mapping, shape)


def save_dataset(
    workspace: Workspace,
    name: str,
    source: str,
    conversion: formats.Conversion,
    report: Report = lambda progress: None,
    share: Callable[[], float] = lambda: 0.0,
) -> Dataset:
    """Keep examples in the workspace, split 80/10/10. They are written as they are read; little of them is held.

    The same content under the same name is the data set that is there already. `share` tells how much is read.
    Raises: DataError if there is nothing in it that could be learned from.
    """
    with _new_folder(workspace) as folder:
        splitter, systems = splits.Splitter(), Counter[str]()
        learnable = bytearray()
        with (folder / "read.jsonl").open("wb") as file:
            for count, conversation in enumerate(conversion, start=1):
                file.write(orjson.dumps(conversation.as_record()) + b"\n")
                learnable.append(is_learnable(conversation))
                if learnable[-1]:
                    splitter.add(conversation)
                    if len(systems) < REPORT_EVERY or conversation.system in systems:
                        systems[conversation.system] += 1
                if count % REPORT_EVERY == 0:
                    report(Progress(f"Reading: {count:,} examples", 0.8 * share()))
        if not any(learnable):
            raise DataError(
                f"{source} holds no example with a question and an answer.",
                "See the findings for what each row lacks, or say which columns are question and answer.",
            )
        report(Progress("Keeping those that are alike on one side", 0.85))
        sides = iter(splitter.assign(SEED))
        report(Progress("Writing the data set", 0.95))
        with examples.Writer(folder) as writer, (folder / "read.jsonl").open("rb") as file:
            for line, is_used in zip(file, learnable, strict=True):
                row = orjson.loads(line)["row"]
                writer.add_record(row, line[:-1], next(sides) if is_used else "left_out")
        (folder / "read.jsonl").unlink()
        for existing in list_datasets(workspace):
            if existing.sha256 == writer.sha256 and existing.description["wish"] == name:
                return existing
        usual, times = systems.most_common(1)[0]
        description = {
            "wish": name,
            "source": source,
            "sha256": writer.sha256,
            "created": now(),
            "rows": conversion.rows,
            "examples": len(learnable),
            "shapes": dict(conversion.shapes),
            "columns": conversion.columns,
            "splits": dict(writer.counts),
            "system": usual if times * 2 > sum(learnable) else "",
            "unreadable_rows": conversion.unreadable_rows,
            "unreadable": [asdict(row) for row in conversion.unreadable],
        }
        final = workspace.datasets / free_name(workspace.datasets, name)
        move(folder, final)
    write_json(final / "dataset.json", description)
    return open_dataset(workspace, final.name)


@contextlib.contextmanager
def _new_folder(workspace: Workspace) -> Iterator[Path]:
    """A folder that is gone at the end unless it was renamed; so are those of processes that were killed."""
    for left in workspace.datasets.glob(".new-*"):
        if not psutil.pid_exists(int(left.name.rpartition("-")[2])):
            shutil.rmtree(left, ignore_errors=True)
    folder = workspace.datasets / f".new-{os.getpid()}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def open_dataset(workspace: Workspace, ref: str) -> Dataset:
    """`ref` is a name, for the original, or name@version. Raises: DataError if there is none of that name."""
    name, _, version = ref.partition("@")
    root = workspace.datasets / name
    description = read_json(root / "dataset.json") if name.strip(".") else None
    if description is None or root.parent != workspace.datasets:
        raise DataError(f"There is no data set {ref!r}.", "Open Data and bring a file, or try the sample.")
    if version in ("", ORIGINAL):
        return Dataset(root, ORIGINAL, description)
    later = read_json(root / version / "version.json") if version.isalnum() else None
    if later is None:
        raise DataError(f"The data set {name!r} has no version {version!r}.", "Open Data and pick another version.")
    return Dataset(root, version, {**description, **later})


def open_current(workspace: Workspace, name: str) -> Dataset:
    """The version that the person works with now."""
    root = open_dataset(workspace, name).root
    return open_dataset(workspace, f"{name}@{read_choices(root)['current']}")


def read_choices(root: Path) -> dict[str, Any]:
    """{"current": version, "fine": {check: "all" or rows}}."""
    known = read_json(root / "choices.json") or {}
    return {"current": ORIGINAL, "fine": {}, **known}


def list_datasets(workspace: Workspace) -> list[Dataset]:
    """Originals, newest first. A folder without dataset.json is one that was never finished."""
    found = [
        Dataset(note.parent, ORIGINAL, description)
        for note in workspace.datasets.glob("*/dataset.json")
        if (description := read_json(note)) is not None
    ]
    return sorted(found, key=lambda dataset: str(dataset.description["created"]), reverse=True)


def is_learnable(conversation: Conversation) -> bool:
    """Has a question, ends with an answer that somebody wants, and neither is empty; or is a passage of text."""
    broken = (structure.empty_messages, structure.too_few_turns, structure.after_the_last_answer)
    return (
        conversation.liked is not False
        and any(message.role in ("assistant", "text") and message.learned for message in conversation.messages)
        and not any(list(objects(conversation)) for objects in broken)
    )


def label_all(
    conversations: Sequence[Conversation], tokenizer: ChatTokenizer, max_length: int, learn: Learn = "answers"
) -> tuple[list[Labelled], Counter[str]]:
    """The tokens of the conversations that the template accepts, and how many it refuses for which reason."""
    labelled, refused = [], Counter[str]()
    for conversation in conversations:
        try:
            labelled.append(label_tokens(conversation, tokenizer, max_length, learn))
        except TemplateError as error:
            refused[error.what] += 1
    return labelled, refused


def require_room(workspace: Workspace, path: Path) -> None:
    """Raises: TunesmithError if the disk cannot hold what is read from `path`, twice while it is written."""
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) if path.is_dir() else 0
    size = size or (path.stat().st_size if path.is_file() else 0)
    require_space(workspace.datasets, 3 * size + 10_000_000, "This data set")
