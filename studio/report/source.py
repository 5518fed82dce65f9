"""A data set's fingerprint: what makes it this one and no other, part by part."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from studio.data.conversation import Conversation
from studio.data.datasets import ORIGINAL, Dataset, open_dataset
from studio.data.examples import SPLITS
from studio.data.versions import list_versions
from studio.scores.expected import Expected, learn_expected
from studio.workspace import Workspace

PARTS = {"train": "training", "validation": "watched while training", "test": "held out", "left_out": "left out"}


@dataclass(frozen=True)
class Data:
    """`parts`: split -> (examples, sha256); `did`: what was mended, oldest first; `expected` is as scoring has it."""

    dataset: Dataset
    parts: dict[str, tuple[int, str]]
    did: tuple[str, ...]
    expected: Expected


def read_data(workspace: Workspace, ref: str) -> Data:
    """Raises: DataError if the data set is gone."""
    dataset = open_dataset(workspace, ref)
    digests: dict[str, list[bytes]] = {name: [] for name in SPLITS}
    wanted = []
    for conversation, split in dataset.placed():
        digests[split].append(_digest(conversation))
        if split != "left_out" and not conversation.is_passage:
            wanted.append(conversation.wanted)
    parts = {name: (len(found), fingerprint(found)) for name, found in digests.items() if found}
    return Data(dataset, parts, tuple(_history(workspace, dataset)), learn_expected(wanted))


def fingerprint(digests: Iterable[bytes]) -> str:
    """sha256 of all examples, whatever their order."""
    whole = hashlib.sha256()
    for digest in sorted(digests):
        whole.update(digest)
    return whole.hexdigest()


def _digest(conversation: Conversation) -> bytes:
    """Of what is learned: not of the row or the tags, and not of blanks or of how a letter is composed."""
    record = {name: value for name, value in conversation.as_record().items() if name not in ("row", "tags")}
    return hashlib.sha256(orjson.dumps(_normal(record), option=orjson.OPT_SORT_KEYS)).digest()


def _normal(value: Any) -> Any:
    if isinstance(value, str):
        plain = value.encode("utf-8", "replace").decode()
        return " ".join(unicodedata.normalize("NFC", plain).split())
    if isinstance(value, dict):
        return {str(name): _normal(each) for name, each in value.items()}
    return [_normal(each) for each in value] if isinstance(value, list | tuple) else value


def _history(workspace: Workspace, dataset: Dataset) -> list[str]:
    """What was done to come from the original to this version."""
    versions = {each.version: each for each in list_versions(workspace, dataset.name)}
    did: list[str] = []
    current = dataset.version
    while current != ORIGINAL and current in versions:
        known = versions.pop(current).description
        did = [f"{current}: {'; '.join(known['did'])}", *did]
        current = known["from"]
    return did
