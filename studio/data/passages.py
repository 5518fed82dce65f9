"""Plain text and Markdown -> passages to go on learning from, cut at paragraphs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TextIO

from studio.data.rows import Row
from studio.data.text import read_line

_SENTENCE_END = re.compile(r"(?<=[.!?。！？])\s+")  # noqa: RUF001 (Chinese and Japanese end sentences so)
_HEADING = re.compile(r"#{1,6} ")


def read_passages(text: TextIO, most_tokens: int, count: Callable[[str], int]) -> Iterator[Row]:
    """Rows {"text": passage} of as many whole paragraphs as `most_tokens` holds; a longer one is cut at sentences.

    A heading begins a new passage where the one before is half full.
    """
    passage, size, began = "", 0, 1
    for line, paragraph in _paragraphs(text):
        for part in _fit(paragraph, most_tokens, count):
            length = count(part)
            is_over = size + length > most_tokens or (_HEADING.match(part) and size * 2 > most_tokens)
            if passage and is_over:
                yield Row(began, {"text": passage})
                passage, size = "", 0
            if not passage:
                began = line
            passage = f"{passage}\n\n{part}" if passage else part
            size += length
    if passage:
        yield Row(began, {"text": passage})


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


def _fit(paragraph: str, most_tokens: int, count: Callable[[str], int]) -> Iterator[str]:
    """The paragraph, or parts of it that are short enough: of whole sentences, else words, else characters."""
    if count(paragraph) <= most_tokens:
        yield paragraph
        return
    for pieces, joint in ((_SENTENCE_END.split(paragraph), " "), (paragraph.split(), " "), (list(paragraph), "")):
        if len(pieces) > 1:
            yield from _join(pieces, joint, most_tokens, count)
            return


def _join(pieces: list[str], joint: str, most_tokens: int, count: Callable[[str], int]) -> Iterator[str]:
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


def _whole_or_fit(group: list[str], joint: str, most_tokens: int, count: Callable[[str], int]) -> Iterator[str]:
    return _fit(group[0], most_tokens, count) if len(group) == 1 and joint else iter([joint.join(group)])
