"""Versions of a data set: each is written whole, none is changed, and the person picks the one to work with."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from studio.data import examples
from studio.data.conversation import Conversation
from studio.data.datasets import Dataset, is_learnable, now, open_dataset, read_choices
from studio.data.examples import Placed
from studio.disk import move
from studio.errors import DataError
from studio.store import read_json, require_space, write_json
from studio.tasks import Progress, Report
from studio.workspace import Workspace

REPORT_EVERY = 2_000  # examples
DRAFTS = "drafts.json"


@dataclass(frozen=True)
class Difference:
    """An example in two versions; None where one does not have it."""

    row: int
    before: Placed | None
    after: Placed | None


def make_version(
    workspace: Workspace,
    dataset: Dataset,
    change: Callable[[Placed], Placed | None],
    did: Callable[[], Sequence[str]],
    added: Sequence[Placed] = (),
    report: Report = lambda progress: None,
) -> Dataset:
    """Write a version of a data set in which each example is changed, or left out where the change gives None.

    It becomes the current one. `did` is asked in the end for what was done, in sentences.
    Raises: DataError if nothing to learn from would be left; then there is no new version.
    """
    require_space(dataset.root, (dataset.folder / examples.FILE).stat().st_size + 1_000_000, "A new version")
    version = f"v{max([0, *(int(each.version[1:]) for each in list_versions(workspace, dataset.name))]) + 1}"
    folder = dataset.root / f".{version}"
    shutil.rmtree(folder, ignore_errors=True)
    total = max(1, int(dataset.description["examples"]))
    with examples.Writer(folder) as writer:
        for count, placed in enumerate(dataset.placed(), start=1):
            if after := change(placed):
                writer.add(*_on_its_side(*after))
            if count % REPORT_EVERY == 0:
                report(Progress(f"Writing {version}: {count:,} of {total:,}", count / total))
        for placed in added:
            writer.add(*_on_its_side(*placed))
    if not writer.counts["train"]:
        shutil.rmtree(folder)
        raise DataError("No example to learn from would be left.", "Mend less at once, or bring more examples.")
    move(folder, dataset.root / version)
    write_json(
        dataset.root / version / "version.json",
        {
            "from": dataset.version,
            "did": list(did()),
            "made": now(),
            "sha256": writer.sha256,
            "examples": sum(writer.counts.values()),
            "splits": dict(writer.counts),
            "unreadable": [],
            "unreadable_rows": [],
        },
    )
    use_version(dataset, version)
    return open_dataset(workspace, f"{dataset.name}@{version}")


def _on_its_side(conversation: Conversation, split: str) -> Placed:
    """What cannot be learned from is on no side; what was mended so that it can goes to training."""
    if not is_learnable(conversation):
        return conversation, "left_out"
    return conversation, "train" if split == "left_out" else split


def list_versions(workspace: Workspace, name: str) -> list[Dataset]:
    """The original and all versions made of it, in order."""
    root = open_dataset(workspace, name).root
    later = sorted(int(note.parent.name[1:]) for note in root.glob("v*/version.json"))
    return [open_dataset(workspace, f"{name}@v{number}") for number in (0, *later)]


def use_version(dataset: Dataset, version: str) -> None:
    """Work with this version from now on; to take up the one before is to undo."""
    write_json(dataset.root / "choices.json", {**read_choices(dataset.root), "current": version})


def wave_through(dataset: Dataset, check: str, rows: Sequence[int] | None = None) -> None:
    """Keep that a finding is fine here: for these rows, or for the whole data set."""
    choices = read_choices(dataset.root)
    before = choices["fine"].get(check, [])
    fine = "all" if rows is None or before == "all" else sorted({*before, *rows})
    write_json(dataset.root / "choices.json", {**choices, "fine": {**choices["fine"], check: fine}})


def object_again(dataset: Dataset, check: str) -> None:
    """Take back that a finding is fine."""
    choices = read_choices(dataset.root)
    fine = {name: rows for name, rows in choices["fine"].items() if name != check}
    write_json(dataset.root / "choices.json", {**choices, "fine": fine})


def differences(old: Dataset, new: Dataset) -> Iterator[Difference]:
    """Examples that are not the same in both, in the order of their rows."""
    before, after = iter(old.placed()), iter(new.placed())
    one, other = next(before, None), next(after, None)
    while one or other:
        if other is None or (one and one[0].row < other[0].row):
            yield Difference(_row(one), one, None)
            one = next(before, None)
        elif one is None or other[0].row < one[0].row:
            yield Difference(_row(other), None, other)
            other = next(after, None)
        else:
            if one != other:
                yield Difference(_row(one), one, other)
            one, other = next(before, None), next(after, None)


def _row(placed: Placed | None) -> int:
    return placed[0].row if placed else -1


# Changes by hand are drafts until they are kept, all at once, as a version.


@dataclass(frozen=True)
class Drafts:
    """What was changed by hand and not kept yet: a row's new example, or None where it is dropped."""

    changed: dict[int, Conversation | None]

    def __len__(self) -> int:
        return len(self.changed)


def read_drafts(dataset: Dataset) -> Drafts:
    """Those of this version; drafts of another are left alone."""
    known: dict[str, Any] = read_json(dataset.root / DRAFTS) or {}
    rows = known.get("rows", {}) if known.get("of") == dataset.version else {}
    return Drafts({int(row): Conversation.from_record(r) if r else None for row, r in rows.items()})


def write_draft(dataset: Dataset, row: int, conversation: Conversation | None) -> None:
    _write(dataset, {**read_drafts(dataset).changed, row: conversation})


def forget_draft(dataset: Dataset, row: int | None = None) -> None:
    """The draft of a row, or all."""
    changed = read_drafts(dataset).changed
    _write(dataset, {} if row is None else {n: c for n, c in changed.items() if n != row})


def carry_drafts(old: Dataset, new: Dataset) -> None:
    """Drafts of a version become those of another whose rows are the same, and those that were added."""
    if changed := read_drafts(old).changed:
        _write(new, changed)


def _write(dataset: Dataset, changed: dict[int, Conversation | None]) -> None:
    rows = {row: conversation.as_record() if conversation else None for row, conversation in changed.items()}
    write_json(dataset.root / DRAFTS, {"of": dataset.version, "rows": rows})


def new_row(dataset: Dataset) -> int:
    """A number that no example of this data set has had."""
    index = dataset.index
    last = int(index[-1, 0]) if len(index) else -1
    return max([last, int(dataset.description["rows"]) - 1, *read_drafts(dataset).changed]) + 1


def keep_drafts(workspace: Workspace, dataset: Dataset) -> Dataset:
    """Make a version of what was changed by hand."""
    changed = read_drafts(dataset).changed
    if not changed:
        raise DataError("Nothing was changed by hand.", "Edit, add or drop an example first.")
    known = set(dataset.index[:, 0].tolist())

    def change(placed: Placed) -> Placed | None:
        row = placed[0].row
        after = changed.get(row, placed[0])
        return (after, placed[1]) if after else None

    added = [
        (conversation, "train") for row, conversation in sorted(changed.items()) if conversation and row not in known
    ]
    counts = {
        "edited": sum(row in known and conversation is not None for row, conversation in changed.items()),
        "added": len(added),
        "dropped": sum(row in known and conversation is None for row, conversation in changed.items()),
    }
    did = ["by hand: " + ", ".join(f"{count} {what}" for what, count in counts.items() if count)]
    made = make_version(workspace, dataset, change, lambda: did, added)
    forget_draft(dataset)
    return made


def find_rows(dataset: Dataset, words: str = "", split: str = "", tag: str = "") -> Iterable[int]:
    """Rows whose text holds the words, on that side of the split, with that tag as "name: value"."""
    if not words and not tag:
        wanted = examples.SPLITS.index(split) if split else None
        return [int(row) for row, _, side in dataset.index if wanted is None or side == wanted]
    words, (name, _, value) = words.casefold(), tag.partition(": ")
    return [
        conversation.row
        for conversation, side in dataset.placed()
        if (not split or side == split)
        and (not tag or conversation.tags.get(name) == value)
        and any(words in message.content.casefold() for message in conversation.messages)
    ]
