"""Plain text and Markdown -> passages to go on learning from, cut at paragraphs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TextIO

from studio.data.rows import Row
from studio.data.text import read_line

# Where a paragraph that is too long is cut, the best place first, and what its parts are joined by again.
CUTS = (
    (re.compile(r"\n"), "\n"),
    (re.compile(r"(?<=[.!?。！？]) "), " "),  # noqa: RUF001 (Chinese and Japanese end sentences so)
    (re.compile(r" "), " "),
    (re.compile(r"(?<=.)(?=.)", re.DOTALL), ""),
)
_HEADING = re.compile(r"#{1,6} [^\n]*\Z")
Part = tuple[int, str, int]  # (line where it begins, text, length in tokens)
Count = Callable[[str], int]


def read_passages(text: TextIO, most_tokens: int, count: Count) -> Iterator[Row]:
    """Rows {"text": passage} of as many whole paragraphs as `most_tokens` holds; a longer one is cut at its lines.

    A heading goes with what it heads, and begins a new passage where the one before is half full.
    """
    passage: list[Part] = []
    for line, paragraph in _paragraphs(text):
        for piece in _fit(paragraph, most_tokens, count):
            part = (line, piece, count(piece))
            is_over = _size([*passage, part]) > most_tokens
            if is_over or (passage and _HEADING.match(piece) and _size(passage) * 2 > most_tokens):
                headings = _take_headings(passage)
                yield from _as_row(passage)
                passage = headings
            if _size([*passage, part]) > most_tokens:
                yield from _as_row(passage)
                passage = []
            passage.append(part)
    yield from _as_row(passage)


def _size(parts: list[Part]) -> int:
    return sum(length for _, _, length in parts)


def _take_headings(passage: list[Part]) -> list[Part]:
    """The headings that a passage ends with, taken out of it: they belong to what follows."""
    start = len(passage)
    while start > 0 and _HEADING.match(passage[start - 1][1]):
        start -= 1
    headings = passage[start:]
    del passage[start:]
    return headings


def _as_row(parts: list[Part]) -> Iterator[Row]:
    if parts:
        yield Row(parts[0][0], {"text": "\n\n".join(text for _, text, _ in parts)})


def _paragraphs(text: TextIO) -> Iterator[tuple[int, str]]:
    """(line where it begins, paragraph); blank lines lie between."""
    number, began, lines = 0, 0, list[str]()
    while line := read_line(text)[0]:
        number += 1
        if line.strip():
            began = began if lines else number
            lines.append(line.rstrip())
        elif lines:
            yield began, "\n".join(lines)
            lines = []
    if lines:
        yield began, "\n".join(lines)


def _fit(paragraph: str, most_tokens: int, count: Count) -> Iterator[str]:
    """The paragraph, or parts of it that are short enough: of whole lines, else sentences, words, characters."""
    if count(paragraph) <= most_tokens:
        yield paragraph
        return
    for cut, joint in CUTS:
        pieces = cut.split(paragraph)
        if len(pieces) > 1:
            yield from _join(pieces, joint, most_tokens, count)
            return


def _join(pieces: list[str], joint: str, most_tokens: int, count: Count) -> Iterator[str]:
    group: list[str] = []
    size = 0
    for piece in pieces:
        length = count(piece) if joint else 1
        if group and size + length > most_tokens:
            yield from _whole_or_fit(group, joint, most_tokens, count)
            group, size = [], 0
        group.append(piece)
        size += length
    yield from _whole_or_fit(group, joint, most_tokens, count)


def _whole_or_fit(group: list[str], joint: str, most_tokens: int, count: Count) -> Iterator[str]:
    return _fit(group[0], most_tokens, count) if len(group) == 1 and joint else iter([joint.join(group)])
