"""What a person brought -> the files of rows in it: itself, unpacked if need be, or those of a folder or zip."""

from __future__ import annotations

import io
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

import pyarrow

from studio.errors import DataError

ROWS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".xlsx", ".parquet")
TEXTS = (".txt", ".md", ".markdown")
PACKED = {".gz": "gzip", ".zst": "zstd", ".zstd": "zstd"}
SUFFIXES = (*ROWS, *TEXTS, *PACKED, ".zip")
EXPECTED = (
    "Tunesmith reads JSONL, JSON, CSV, TSV, Excel (.xlsx), Parquet, text and Markdown, "
    "each also as .gz or .zst, and a folder or .zip of them."
)
LARGEST_FILE_BYTES = 2_000_000_000
LARGEST_UNPACKED_BYTES = 8_000_000_000
LARGEST_TABLE_BYTES = 300_000_000  # of an Excel file's unpacked parts, which are held in memory as a whole
MOST_FILES = 5_000
# Text packs to a fifth, endless repetition to a hundredth; what unpacks to more is made to fill the disk.
FREE_BYTES, MOST_TIMES = 25_000_000, 100
SPLIT_NAMES = {
    "train": "train", "training": "train",
    "validation": "validation", "valid": "validation", "val": "validation", "dev": "validation", "eval": "validation",
    "test": "test", "testing": "test", "held-out": "test", "heldout": "test",
}  # fmt: skip


# What Python's archives and disks say of a file that is broken.
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError)


@dataclass
class Meter:
    """How much of what was brought is read: `share`, 0 to 1, by bytes on the disk."""

    total_bytes: int = 0
    before_bytes: int = 0
    open_file: IO[bytes] | None = None

    @property
    def share(self) -> float:
        here = self.open_file.tell() if self.open_file and not self.open_file.closed else 0
        return min(1.0, (self.before_bytes + here) / max(1, self.total_bytes))


@dataclass(frozen=True)
class Source:
    """One file of rows. `inside` is its name where several were brought; `reason` says why it is left out."""

    path: Path
    suffix: str
    inside: str = ""
    entry: str = ""  # its name within a zip
    packing: str = ""
    reason: str = ""
    meter: Meter = field(default_factory=Meter)

    @property
    def split(self) -> str:
        """The side of the split that a name such as train-00000-of-00002.parquet or test.csv tells."""
        words = re.split(r"[^a-z]+", PurePosixPath(self.inside).name.lower().partition(".")[0])
        return SPLIT_NAMES.get(words[0], "") if self.inside else ""

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Raises: DataError for a file that unpacks without end, is damaged, or asks for a password."""
        with ExitStack() as stack:
            try:
                stream = self._open(stack)
            except (*_DAMAGED, RuntimeError, ValueError, KeyError) as error:
                raise _damaged(self.name, error) from error
            try:
                yield stream
            except _DAMAGED as error:
                raise _damaged(self.name, error) from error
            finally:
                self.meter.open_file = None
        self.meter.before_bytes += self.path.stat().st_size if not self.entry else 0

    def _open(self, stack: ExitStack) -> BinaryIO:
        file = stack.enter_context(self.path.open("rb"))
        self.meter.open_file = file
        if not self.entry:
            return self._unpack(file, self.path.stat().st_size)
        archive = stack.enter_context(zipfile.ZipFile(file))
        packed = archive.getinfo(self.entry).compress_size
        return self._unpack(stack.enter_context(archive.open(self.entry)), packed)

    @contextmanager
    def open_seekable(self) -> Iterator[IO[bytes]]:
        """For tables that are not read from the front to the end."""
        with self.open() as file:
            if isinstance(file, io.BufferedReader) and not self.entry and not self.packing:
                yield file
                return
            with tempfile.TemporaryFile() as copy:
                shutil.copyfileobj(file, copy)
                copy.seek(0)
                yield copy

    @property
    def name(self) -> str:
        return self.inside or self.path.name

    def _unpack(self, file: IO[bytes], packed_bytes: int) -> BinaryIO:
        if not self.entry and not self.packing:
            return file  # type: ignore[return-value]
        stream = pyarrow.CompressedInputStream(file, self.packing) if self.packing else file
        return io.BufferedReader(_Bounded(stream.read, self.name, packed_bytes), 1 << 16)  # type: ignore[type-var]


class _Bounded(io.RawIOBase):
    """A stream that ends with a sentence where it unpacks to more than any text would."""

    def __init__(self, read: Callable[[int], bytes], name: str, packed_bytes: int) -> None:
        self._read, self._name = read, name
        self._left = min(LARGEST_UNPACKED_BYTES, FREE_BYTES + MOST_TIMES * packed_bytes)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        try:
            data = self._read(len(buffer))
        except OSError as error:  # pyarrow's word for a damaged file
            raise _damaged(self._name, error) from error
        self._left -= len(data)
        if self._left < 0:
            raise _too_large(self._name)
        buffer[: len(data)] = data
        return len(data)


def _damaged(name: str, error: Exception) -> DataError:
    return DataError(f"{name} cannot be read: {error}.", "Bring another copy of it; if it is packed, unpack it first.")


def _too_large(name: str) -> DataError:
    return DataError(
        f"{name} unpacks to more than {MOST_TIMES} times its size.", "Unpack it yourself and bring what is in it."
    )


def find_sources(path: Path, meter: Meter) -> list[Source]:
    """The files of rows in what was brought, in the order of their names; those left out carry the reason.

    Raises: DataError if there is nothing, or nothing that Tunesmith reads.
    """
    if path.is_dir():
        found = _in_folder(path, meter)
    elif not path.is_file():
        raise DataError(f"There is no file {path}.", "Check the path, or drop the file on the page.")
    elif path.stat().st_size > LARGEST_FILE_BYTES:
        limit = f"{LARGEST_FILE_BYTES / 1e9:.0f} GB"
        raise DataError(f"{path.name} is larger than {limit}.", "Split it, or take a part of it.")
    elif path.stat().st_size == 0:
        raise DataError(f"{path.name} is empty.", f"Bring a file with at least one example. {EXPECTED}")
    elif path.suffix.lower() == ".zip":
        found = _in_zip(path, meter)
    else:
        meter.total_bytes = path.stat().st_size
        return [_source(path, path.name, meter)]
    if any(not source.reason and source.suffix in ROWS for source in found):
        found = [_beside_rows(source) if source.suffix in TEXTS else source for source in found]
    if all(source.reason for source in found):
        raise DataError(f"{path.name} holds no file of examples.", EXPECTED)
    return found


def _beside_rows(source: Source) -> Source:
    """A README among tables is no text to learn from."""
    return Source(source.path, source.suffix, source.inside, source.entry, reason="is text beside tables, and left out")


def _source(path: Path, name: str, meter: Meter, inside: str = "", entry: str = "") -> Source:
    suffixes = [suffix.lower() for suffix in PurePosixPath(name).suffixes]
    packing = PACKED.get(suffixes[-1], "") if suffixes else ""
    suffix = (suffixes[-2] if len(suffixes) > 1 else "") if packing else (suffixes or [""])[-1]
    known = suffix in ROWS or suffix in TEXTS
    reason = "" if known else f"is no file of examples: its ending {suffix or '(none)'} is not one that is read"
    return Source(path, suffix, inside, entry, packing, reason if inside else "", meter)


def _in_folder(folder: Path, meter: Meter) -> list[Source]:
    found: list[Source] = []
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if any(part.startswith(".") for part in inside.parts) or not path.is_file():
            continue
        if not path.resolve().is_relative_to(folder.resolve()):  # a link that leads out of the folder
            continue
        if len(found) == MOST_FILES:
            raise _too_many(folder)
        meter.total_bytes += path.stat().st_size
        found.append(_source(path, path.name, meter, inside.as_posix()))
    return found


def _in_zip(path: Path, meter: Meter) -> list[Source]:
    """Entries are read where they are and never written by their names, so that `../` leads nowhere."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = sorted(archive.infolist(), key=lambda entry: entry.filename)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise _damaged(path.name, error) from error
    if len(entries) > MOST_FILES:
        raise _too_many(path)
    meter.total_bytes = path.stat().st_size
    found: list[Source] = []
    for entry in entries:
        parts = PurePosixPath(entry.filename.replace("\\", "/")).parts
        if entry.is_dir() or any(part.startswith((".", "__MACOSX")) and part != ".." for part in parts):
            continue
        if entry.flag_bits & 1:
            raise DataError(f"{path.name} is encrypted and asks for a password.", "Unpack it, and bring what is in it.")
        if entry.file_size > FREE_BYTES + MOST_TIMES * entry.compress_size:
            raise _too_large(entry.filename)
        inside = "/".join(part for part in parts if part not in ("..", "/"))
        found.append(_source(path, entry.filename, meter, inside, entry.filename))
    return found


def _too_many(path: Path) -> DataError:
    return DataError(f"{path.name} holds more than {MOST_FILES:,} files.", "Join them, or bring a part of them.")
