"""What a change does to an example, word by word: what goes is struck out, what comes is underlined."""

from __future__ import annotations

import difflib
import re
from html import escape
from itertools import zip_longest

from components.bubbles import SPEAKERS, show_conversation
from studio.data.scripts import LETTER, UNSPACED
from studio.data.versions import Difference

WORDS = re.compile(rf"\s+|{LETTER}|[^\W{UNSPACED}]+|[^\w\s]")
MOST_WORDS = 3_000  # a comparison takes time by the square of them


def show_difference(difference: Difference) -> str:
    before, after = difference.before, difference.after
    if before is None and after is None:
        return ""
    if before is None or after is None:
        one = before or after
        assert one
        words = "This example goes." if after is None else "This example is new."
        kind = "gone" if after is None else "new"
        return f'<div class="{kind}"><p class="fine">{words}</p>{show_conversation(one[0], 600)}</div>'
    moved = f"<p>Moves from {before[1]} to {after[1]}.</p>" if before[1] != after[1] else ""
    if before[0] == after[0]:
        return f'<div class="moved">{moved}{show_conversation(after[0], 600)}</div>'
    bubbles = ""
    for old, new in zip_longest(before[0].messages, after[0].messages):
        role = (new or old).role
        words = difference_of(old.content if old else "", new.content if new else "")
        bubbles += f'<div class="words {role}"><span class="who">{SPEAKERS[role]}</span><p>{words}</p></div>'
    return f'<section class="example" aria-label="Example {difference.row + 1}">{moved}{bubbles}</section>'


def difference_of(old: str, new: str) -> str:
    if old == new:
        return escape(old if len(old) < 600 else f"{old[:600]} …")
    before, after = WORDS.findall(old), WORDS.findall(new)
    if len(before) + len(after) > MOST_WORDS:
        return f"<del>{escape(old[:1500])}</del> <ins>{escape(new[:1500])}</ins>"
    parts = []
    for kind, i, j, k, m in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        gone, come = escape("".join(before[i:j])), escape("".join(after[k:m]))
        if kind == "equal":
            parts.append(gone)
        else:
            parts.append((f"<del>{gone}</del>" if gone else "") + (f"<ins>{come}</ins>" if come else ""))
    return "".join(parts)
