"""The examples of a data set on disk: examples.jsonl, a line each, and index.npy, which finds a line at once."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy
import numpy.typing
import orjson

from studio.data.conversation import Conversation

Placed = tuple[Conversation, str]  # with its split
SPLITS = ("train", "validation", "test", "left_out")
Index = numpy.typing.NDArray[numpy.int64]
FILE, INDEX = "examples.jsonl", "index.npy"


class Writer:
    """Writes examples in the order of their rows. After the end `sha256` and `counts` tell what was written."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.counts: Counter[str] = Counter(dict.fromkeys(SPLITS, 0))
        self._folder = folder
        self._file: BinaryIO = (folder / FILE).open("wb")
        self._hash = hashlib.sha256()
        self._index: list[tuple[int, int, int]] = []
        self._place = 0

    def add(self, conversation: Conversation, split: str) -> None:
        self.add_record(conversation.row, orjson.dumps(conversation.as_record()), split)

    def add_record(self, row: int, record: bytes, split: str) -> None:
        """`record` is an object in JSON, on one line."""
        line = b'{"split":"%b",%b\n' % (split.encode(), record[1:])
        self._file.write(line)
        self._hash.update(line)
        self._index.append((row, self._place, SPLITS.index(split)))
        self._place += len(line)
        self.counts[split] += 1

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        numpy.save(self._folder / INDEX, numpy.array(self._index, numpy.int64).reshape(-1, 3))


def read_all(folder: Path) -> Iterator[Placed]:
    """Each example with its split, in the order of their rows."""
    with (folder / FILE).open("rb") as file:
        yield from map(_placed, file)


def read_index(folder: Path) -> Index:
    """Shape (examples, 3): row, where its line begins, and the number of its split in SPLITS."""
    if (folder / INDEX).exists():
        found: Index = numpy.load(folder / INDEX, mmap_mode="r")
        return found
    entries, place = [], 0  # a data set of before there was an index
    with (folder / FILE).open("rb") as file:
        for line in file:
            record = orjson.loads(line)
            entries.append((record["row"], place, SPLITS.index(record["split"])))
            place += len(line)
    return numpy.array(entries, numpy.int64).reshape(-1, 3)


def read_rows(folder: Path, rows: Iterable[int]) -> list[Placed]:
    """The examples of these rows, in that order, without reading the rest; rows that there are not are left out."""
    index = read_index(folder)
    known: Sequence[int] = index[:, 0]  # type: ignore[assignment]
    found = []
    with (folder / FILE).open("rb") as file:
        for row in rows:
            place = int(numpy.searchsorted(known, row))
            if place < len(known) and known[place] == row:
                file.seek(int(index[place, 1]))
                found.append(_placed(file.readline()))
    return found


def _placed(line: bytes) -> Placed:
    record = orjson.loads(line)
    return Conversation.from_record(record), record["split"]
