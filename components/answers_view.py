"""What is told of answers: their figures, the words that differ, and the examples that they are near to."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from components.difference import MOST_WORDS, WORDS
from studio.compare.chat import Figures
from studio.compare.nearest import Near
from studio.data.scripts import find_terms
from studio.report.figures import percent

MOST_LETTERS = 600
SURE = "How sure: the chance that the model gave each of its words, on average. Being sure is not being right."


@dataclass(frozen=True)
class Said:
    """What one of them answered."""

    name: str
    text: str
    figures: Figures


def show_figures(answers: Sequence[Said]) -> str:
    parts = "".join(
        f'<p class="fine"><strong>{escape(each.name)}:</strong> {_say_figures(each.figures)} '
        f"{_copy(each.name, each.text)}</p>{_show_thoughts(each)}"
        for each in answers
    )
    return f'<div class="figures" title="{SURE}">{parts}</div>'


def _show_thoughts(said: Said) -> str:
    if not said.figures.thoughts:
        return ""
    title = "What it thought first" if said.text else "It still thought when it was cut off"
    return f"<details><summary>{title}</summary><p>{escape(said.figures.thoughts)}</p></details>"


def _copy(name: str, text: str) -> str:
    return (
        f'<button type="button" data-copy="{escape(text)}" aria-label="Copy the answer of {escape(name)}">Copy</button>'
    )


def _say_figures(figures: Figures) -> str:
    if not figures.tokens:
        return "no token"
    speed = f", {figures.tokens_per_s:.0f} tokens a second" if figures.tokens_per_s else ""
    sure = f", {percent(figures.sure)} sure of its words" if figures.sure is not None else ""
    plural = "" if figures.tokens == 1 else "s"
    read = f", {figures.read_tokens} tokens read" if figures.read_tokens else ""
    return f"{figures.tokens} token{plural}, the first after {figures.first_s:.1f} s{speed}{sure}{read}"


def show_apart(answers: Sequence[tuple[str, str]]) -> str:
    """(name, answer) of each; the first beside each other one, with what only one of the two says marked."""
    return "".join(_show_pair(answers[0], other) for other in answers[1:])


def _show_pair(first: tuple[str, str], second: tuple[str, str]) -> str:
    names, (one, other) = (first[0], second[0]), (WORDS.findall(text) for text in (first[1], second[1]))
    of = f"{escape(names[0])} and {escape(names[1])}"
    if first[1] == second[1]:
        return f'<p class="fine">{of} say the same, to the letter.</p>'
    if len(one) + len(other) > MOST_WORDS:
        return f'<p class="fine">The answers of {of} are too long to mark their words.</p>'
    blocks = difflib.SequenceMatcher(None, one, other, autojunk=False).get_opcodes()
    left = "".join(_marked("".join(one[i:j]), kind == "equal") for kind, i, j, _, _ in blocks)
    right = "".join(_marked("".join(other[k:m]), kind == "equal") for kind, _, _, k, m in blocks)
    return (
        f'<div class="apart" role="group" aria-label="Words that differ: {of}">'
        f"<p><strong>{escape(names[0])}</strong><br>{left}</p><p><strong>{escape(names[1])}</strong><br>{right}</p></div>"
    )


def _marked(text: str, same: bool) -> str:
    return escape(text) if same or not text.strip() else f"<mark>{escape(text)}</mark>"


def show_nearest(name: str, found: Sequence[Near]) -> str:
    """`name`: whose answer it is. Five training examples, with the words that they share with the answer marked."""
    if not found:
        return f'<p class="fine">{escape(name)}: no training example shares a word with this answer.</p>'
    rows = "".join(
        f'<li><p class="fine">Example {near.example.row + 1}, {percent(near.likeness)} alike</p>'
        f"<p>{escape(_cut(near.example.prompt[-1].content if near.example.prompt else ''))}</p>"
        f"<p><strong>Answer:</strong> {_with_marks(_cut(near.example.wanted), set(near.shared))}</p></li>"
        for near in found
    )
    return (
        '<section class="nearest" aria-label="Nearest training examples"><p><strong>'
        f"{escape(name)}:</strong> the examples it learned from whose answers are likest to this one; shared words are "
        "marked. Alike is measured by words that are rare among your answers "
        f"(tf-idf, cosine). It shows where it may have that from, and proves nothing.</p><ol>{rows}</ol></section>"
    )


def _cut(text: str) -> str:
    return text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]} …"


def _with_marks(text: str, shared: set[str]) -> str:
    parts, place = [], 0
    for begin, end in _joined((begin, end) for term, begin, end in find_terms(text) if term in shared):
        parts += [escape(text[place:begin]), f"<mark>{escape(text[begin:end])}</mark>"]
        place = end
    return "".join(parts) + escape(text[place:])


def _joined(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Pairs of letters overlap: those that do become one."""
    joined: list[tuple[int, int]] = []
    for begin, end in spans:
        if joined and begin < joined[-1][1]:
            begin = joined.pop()[0]
        joined.append((begin, end))
    return joined
