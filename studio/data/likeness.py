"""When two texts are the same, and when nearly: folded words, and MinHash over runs of three of them."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from zlib import crc32

import numpy
import numpy.typing
import rensa

from studio.data.conversation import Message
from studio.data.scripts import UNSPACED, is_unspaced, split_terms

Keys = numpy.typing.NDArray[numpy.uint64]
Shingles = numpy.typing.NDArray[numpy.uint32]

LIKE = 0.8
BANDS, ROWS_A_BAND = 20, 6  # two texts of likeness 0.8 share a band in 998 of 1000 cases, of 0.5 in 270
SHINGLE_WORDS = 3
SEED = 7
WORD = re.compile(r"\w+")
_BETWEEN_LETTERS = re.compile(rf"(?<=[{UNSPACED}])[^\w{UNSPACED}]+(?=[{UNSPACED}])")
_MIX = numpy.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], numpy.uint64)


def fold(text: str) -> str:
    """Lower-case words with single blanks; equal for texts that differ in case, blanks and punctuation alone.

    Of a script without blanks each two letters that follow on, so that a run of three is as long as a few words.
    """
    words = split_terms(_BETWEEN_LETTERS.sub("", text)) if is_unspaced(text) else WORD.findall(text.casefold())
    return " ".join(words) or text.strip()


def fold_all(messages: Iterable[Message]) -> str:
    """Folded texts of messages in one; what ends one and begins the next stays apart."""
    return join_folded([fold(message.content) for message in messages])


def join_folded(texts: Iterable[str]) -> str:
    return " ¶ ".join(texts)


def key_of(text: str) -> int:
    """64 bits of a text that was folded."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


class ShingleFile:
    """The runs of many texts, on the disk: of a gigabyte of text they are as large, and few are looked at again."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 (as long as this is)
        self._ends = array("Q", [0])

    def extend(self, shingles: Iterable[Shingles]) -> None:
        self._file.seek(0, os.SEEK_END)
        for each in shingles:
            self._file.write(each.tobytes())
            self._ends.append(self._ends[-1] + each.nbytes)

    def __del__(self) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, place: int) -> Shingles:
        begin, end = self._ends[place], self._ends[place + 1]
        self._file.seek(begin)
        return numpy.frombuffer(self._file.read(end - begin), numpy.uint32)


@dataclass
class Sketches:
    """What is kept of many texts to find the alike: their band keys (n, 20), and the runs themselves to verify."""

    bands: list[Keys] = field(default_factory=list)
    shingles: list[Shingles] | ShingleFile = field(default_factory=list)

    def extend(self, other: Sketches) -> None:
        self.bands += other.bands
        self.shingles.extend(other.shingles)  # type: ignore[arg-type]


def sketch(folded: Sequence[str]) -> Sketches:
    """Sketch folded texts. Shapes: bands (n, BANDS) uint64; shingles n times (runs,), sorted, each once.

    Source: Broder, On the resemblance and containment of documents, 1997; MinHash by rensa.
    """
    runs = [_runs(text.split(" ")) for text in folded]
    offsets = numpy.concatenate([[0], numpy.cumsum([len(each) for each in runs])]).astype(numpy.uint64)
    flat = numpy.concatenate(runs) if runs else numpy.empty(0, numpy.uint64)
    matrix = rensa.RMinHash.digest_matrix_from_flat_token_hashes(flat, offsets, BANDS * ROWS_A_BAND, SEED)
    digests = numpy.array(matrix.to_rows(), dtype=numpy.uint64).reshape(len(runs), BANDS, ROWS_A_BAND)
    keys = numpy.zeros((len(runs), BANDS), numpy.uint64)
    for place in range(ROWS_A_BAND):
        keys = (keys ^ digests[:, :, place]) * _MIX[0]
        keys ^= keys >> numpy.uint64(29)
    return Sketches([keys], [numpy.unique(each.astype(numpy.uint32)) for each in runs])


def _runs(words: Sequence[str]) -> Keys:
    """A hash of each run of three words, mixed so that the order counts; of a shorter text, of all of it."""
    hashes = numpy.fromiter(map(_hash_word, words), numpy.uint64, len(words))
    if len(words) < SHINGLE_WORDS:
        return numpy.asarray((hashes * _MIX[: len(words)]).sum(keepdims=True, dtype=numpy.uint64))
    mixed: Keys = hashes[:-2] * _MIX[0] + hashes[1:-1] * _MIX[1] + hashes[2:] * _MIX[2]
    return numpy.asarray(mixed ^ (mixed >> numpy.uint64(31)))


@lru_cache(maxsize=1 << 17)  # texts of one field say the same words again and again
def _hash_word(word: str) -> int:
    return crc32(word.encode("utf-8", "surrogatepass"))


def jaccard(one: Shingles, other: Shingles) -> float:
    """Shared runs of all runs, 0 to 1."""
    shared = len(numpy.intersect1d(one, other, assume_unique=True))
    return shared / max(1, len(one) + len(other) - shared)


def find_clusters(sketches: Sketches, least: float = LIKE) -> list[list[int]]:
    """Places of texts that are alike, in groups of two and more, each in order.

    Two are in one group if a chain of verified pairs leads from one to the other.
    """
    if not len(sketches.shingles):
        return []
    clusters = Clusters(len(sketches.shingles))
    for one, other in _candidates(numpy.concatenate(sketches.bands)):
        if clusters.root(one) != clusters.root(other) and (
            jaccard(sketches.shingles[one], sketches.shingles[other]) >= least
        ):
            clusters.join(one, other)
    return clusters.groups()


def _candidates(bands: Keys) -> Iterable[tuple[int, int]]:
    """Pairs that share a band: each text with the first and with the one before it of those that share it."""
    pairs = []
    for band in bands.T:
        order = numpy.argsort(band, kind="stable")
        ordered = band[order]
        same = numpy.flatnonzero(ordered[1:] == ordered[:-1]) + 1
        starts = numpy.concatenate([[0], numpy.flatnonzero(ordered[1:] != ordered[:-1]) + 1])
        first = order[starts[numpy.searchsorted(starts, same, side="right") - 1]]
        pairs += [numpy.stack([order[same - 1], order[same]], axis=1), numpy.stack([first, order[same]], axis=1)]
    found = numpy.unique(numpy.concatenate(pairs), axis=0)
    return map(tuple, found.tolist())


class Clusters:
    """Disjoint groups of places 0 to count - 1 (union and find)."""

    def __init__(self, count: int) -> None:
        self._above = list(range(count))

    def root(self, place: int) -> int:
        above = self._above
        while above[place] != place:
            above[place] = above[above[place]]
            place = above[place]
        return place

    def join(self, one: int, other: int) -> None:
        low, high = sorted((self.root(one), self.root(other)))
        self._above[high] = low

    def groups(self) -> list[list[int]]:
        """Groups of two and more; the first of each is its lowest place."""
        found: dict[int, list[int]] = {}
        for place in range(len(self._above)):
            root = self.root(place)
            if root != place:
                found.setdefault(root, [root]).append(place)
        return list(found.values())
