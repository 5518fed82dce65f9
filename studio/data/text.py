"""Bytes -> text, in whatever encoding; lines of bounded length."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, TextIO

HEAD_BYTES = 4_000
LONGEST_LINE = 20_000_000  # characters; a single example is a thousand times shorter


def _as_windows_1252(error: UnicodeError) -> tuple[str, int]:
    """What is no UTF-8 is taken byte by byte for Windows-1252: in a file of either, or of both, no letter is lost."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    # Five bytes have no meaning in Windows-1252; Latin-1 gives them one.
    letters = (bytes([b]).decode("latin-1" if b in b"\x81\x8d\x8f\x90\x9d" else "windows-1252") for b in wrong)
    return "".join(letters), error.end


codecs.register_error("windows-1252", _as_windows_1252)


@contextmanager
def open_text(file: BinaryIO) -> Iterator[TextIO]:
    """The text of a file in UTF-8, UTF-8 with mark, UTF-16 or Windows-1252. Line ends stay as they are."""
    buffered = file if isinstance(file, io.BufferedReader) else io.BufferedReader(file)  # type: ignore[type-var]
    encoding = detect_encoding(buffered.peek(HEAD_BYTES)[:HEAD_BYTES])
    text = io.TextIOWrapper(
        buffered, encoding, errors="windows-1252" if encoding.startswith("utf-8") else "replace", newline=""
    )
    try:
        yield text
    finally:
        text.detach()


def detect_encoding(head: bytes) -> str:
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if head.count(0) > len(head) // 4:  # Latin letters in UTF-16 have a zero for every other byte
        return "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"
    return "utf-8"


def read_line(text: TextIO) -> tuple[str, bool]:
    """(the next line, "" at the end; whether all of it is there). Of a longer one the rest is passed over."""
    line = text.readline(LONGEST_LINE)
    if len(line) < LONGEST_LINE or line.endswith("\n"):
        return line, True
    while (rest := text.readline(LONGEST_LINE)) and not rest.endswith("\n"):
        pass
    return line, False
