"""Data sets of the workspace: a folder each, with the examples, their splits and the hash of their content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from studio.data import formats, read, splits
from studio.data.audit import structure
from studio.data.conversation import Conversation
from studio.data.tokens import ChatTokenizer, Labelled, label_tokens
from studio.errors import DataError, TemplateError
from studio.store import free_name, read_json, read_rows, write_json, write_whole
from studio.workspace import Workspace

SEED = 42
DEFAULT_MAX_LENGTH = 2048


@dataclass(frozen=True)
class Dataset:
    """A saved data set. `description` is dataset.json as it stands on disk."""

    folder: Path
    description: dict[str, Any]

    @property
    def name(self) -> str:
        return self.folder.name

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

    def placed(self) -> Iterator[tuple[Conversation, str]]:
        """Each example with its split, in the order of the file."""
        for row in read_rows(self.folder / "examples.jsonl"):
            yield Conversation.from_dicts(row["messages"], row["row"]), row["split"]

    def conversations(self, split: splits.Split | Literal["left_out"] | None = None) -> list[Conversation]:
        return [conversation for conversation, its_split in self.placed() if split is None or its_split == split]

    @property
    def system(self) -> str:
        """The system prompt that most examples carry; empty if most carry none."""
        return str(self.description["system"])


def read_examples(path: Path, mapping: formats.Mapping | None = None) -> formats.Converted:
    """A file -> conversations. Raises: DataError if the file as a whole cannot be read."""
    return formats.convert_rows(read.read_file(path), mapping)


def save_dataset(workspace: Workspace, name: str, source: str, examples: formats.Converted) -> Dataset:
    """Keep examples in the workspace, split 80/10/10.

    The same content under the same name is the data set that is there already.
    Raises: DataError if there is nothing in it that could be learned from.
    """
    learnable = [c for c in examples.conversations if is_learnable(c)]
    if not learnable:
        raise DataError(
            f"{source} holds no example with a question and an answer.",
            "See the findings for what each row lacks, or say which columns are question and answer.",
        )
    lines = [{"row": c.row, "split": split, "messages": c.as_dicts()} for c, split in place(examples.conversations)]
    content = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    sha256 = hashlib.sha256(content.encode()).hexdigest()
    for existing in list_datasets(workspace):
        if existing.sha256 == sha256 and existing.description["wish"] == name:
            return existing
    folder = workspace.datasets / free_name(workspace.datasets, name)
    write_whole(folder / "examples.jsonl", content)
    write_json(  # written last: its existence means that the data set is whole
        folder / "dataset.json",
        {
            "wish": name,
            "source": source,
            "sha256": sha256,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "rows": examples.rows,
            "examples": len(examples.conversations),
            "shapes": dict(examples.shapes),
            "splits": _count([line["split"] for line in lines]),
            "system": _usual_system(learnable),
            "unreadable_rows": examples.unreadable_rows,
            "unreadable": [{"line": u.line, "reason": u.reason, "text": u.text} for u in examples.unreadable[:1000]],
        },
    )
    return open_dataset(workspace, folder.name)


def place(conversations: Sequence[Conversation]) -> list[tuple[Conversation, str]]:
    """Each example with its split; what cannot be learned from is left out."""
    learnable = [c for c in conversations if is_learnable(c)]
    split_of = dict(zip((c.row for c in learnable), splits.assign_splits(learnable, SEED), strict=True))
    return [(c, split_of.get(c.row, "left_out")) for c in conversations]


def _count(names: Sequence[Any]) -> dict[str, int]:
    return {name: names.count(name) for name in ("train", "validation", "test", "left_out")}


def _usual_system(conversations: Sequence[Conversation]) -> str:
    prompts = [c.system for c in conversations]
    usual = max(set(prompts), key=prompts.count)
    return usual if prompts.count(usual) * 2 > len(prompts) else ""


def open_dataset(workspace: Workspace, name: str) -> Dataset:
    """Raises: DataError if there is none of that name."""
    folder = workspace.datasets / name
    description = read_json(folder / "dataset.json") if name.strip(".") else None
    if description is None or folder.parent != workspace.datasets:
        raise DataError(f"There is no data set {name!r}.", "Open Data and bring a file, or try the sample.")
    return Dataset(folder, description)


def list_datasets(workspace: Workspace) -> list[Dataset]:
    """Newest first. A folder without dataset.json is one that was never finished."""
    found = [
        Dataset(note.parent, description)
        for note in workspace.datasets.glob("*/dataset.json")
        if (description := read_json(note)) is not None
    ]
    return sorted(found, key=lambda dataset: str(dataset.description["created"]), reverse=True)


def is_learnable(conversation: Conversation) -> bool:
    """Has a question, ends with an answer, and neither is empty."""
    broken = (structure.empty_messages, structure.too_few_turns, structure.after_the_last_answer)
    return not any(list(objects(conversation)) for objects in broken)


def label_all(
    conversations: Sequence[Conversation], tokenizer: ChatTokenizer, max_length: int
) -> tuple[list[Conversation], list[Labelled]]:
    """The conversations that the template accepts, and their tokens, in step."""
    accepted, labelled = [], []
    for conversation in conversations:
        try:
            tokens = label_tokens(conversation, tokenizer, max_length)
        except TemplateError:
            continue
        accepted.append(conversation)
        labelled.append(tokens)
    return accepted, labelled
