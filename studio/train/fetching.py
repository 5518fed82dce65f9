"""One file of a model on a hub: whole, or a part of it that the next try goes on from."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path
from typing import Any

import huggingface_hub
from huggingface_hub.file_download import get_hf_file_metadata, http_get
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # public, though not listed

from studio.disk import move
from studio.errors import ModelError
from studio.store import read_if_whole, write_json

PARTS = ".fetching"  # beside the files: what is not whole yet, and the versions of those that are
WHOLE = "whole.json"
CHECKSUM = re.compile(r"[0-9a-f]{64}")


def fetch_file(name: str, file: str, revision: str, place: Path, bar: Any = None) -> Path:
    """Put `file` of the model `name` into the folder `place`; what is there of this version is not fetched again.

    The hub's own library gives up a file that broke off, and would leave what a killed process had of it.
    `bar`: a class like tqdm. Raises: ModelError if what arrived is damaged, and what huggingface_hub raises.
    """
    url = huggingface_hub.hf_hub_url(name, file, revision=revision)
    told = get_hf_file_metadata(url)
    version = told.etag or revision
    whole = read_if_whole(place / PARTS / WHOLE) or {}
    target = place / file
    if whole.get(file) == version and target.is_file():
        return target
    (place / PARTS).mkdir(parents=True, exist_ok=True)
    part = place / PARTS / f"{file}.{hashlib.sha256(version.encode()).hexdigest()[:16]}"
    is_known = told.size is not None and part.is_file() and part.stat().st_size <= told.size
    with part.open("ab" if is_known else "wb") as opened:
        http_get(
            url,
            opened,
            resume_size=opened.tell(),
            headers=build_hf_headers(),
            expected_size=told.size,
            displayed_filename=file,
            tqdm_class=bar,
        )
    if CHECKSUM.fullmatch(version) and _checksum(part) != version:  # the hub names large files by theirs
        part.unlink()
        raise ModelError(f"{file} of {name} arrived damaged.", "Try again: this file is fetched anew, the others stay.")
    move(part, target)
    write_json(place / PARTS / WHOLE, {**whole, file: version})
    return target


def fetched_bytes(place: Path) -> int:
    """What is there already of a download that is not finished."""
    parts = place / PARTS
    whole = [place / file for file in read_if_whole(parts / WHOLE) or {}]
    return sum(file.stat().st_size for file in [*whole, *parts.glob("*")] if file.is_file())


def forget_parts(place: Path) -> None:
    """All is there; only parts of older versions could be left."""
    shutil.rmtree(place / PARTS, ignore_errors=True)


def _checksum(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
