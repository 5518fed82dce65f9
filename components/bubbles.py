"""Examples as people know conversations: bubbles. What a data set says is text here, never markup."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from studio.data.audit.finding import Mark
from studio.data.conversation import Conversation

SPEAKERS = {"system": "Instruction", "user": "Question", "assistant": "Answer", "tool": "Tool"}
BEFORE_A_MARK = 120


def show_conversation(conversation: Conversation, most_characters: int = 2000, marks: Sequence[Mark] = ()) -> str:
    """Bubbles, each cut to `most_characters`; where there are marks, around the first of them."""
    bubbles = "".join(
        f'<div class="words {message.role}"><span class="who">{SPEAKERS[message.role]}</span>'
        f"<p>{_show_text(message.content, most_characters, [m for m in marks if m.message == number])}</p></div>"
        for number, message in enumerate(conversation.messages)
    )
    return f'<section class="example" aria-label="Example {conversation.row + 1}">{bubbles}</section>'


def _show_text(text: str, most: int, marks: Sequence[Mark]) -> str:
    if not text:
        return "<em>(empty)</em>"
    first = min((mark.begin for mark in marks), default=0)
    start = max(0, first - BEFORE_A_MARK) if first > most - BEFORE_A_MARK else 0
    end = min(len(text), start + most)
    parts, place = [], start
    for mark in sorted(marks, key=lambda mark: mark.begin):
        if place <= mark.begin < mark.end <= end:
            parts += [escape(text[place : mark.begin]), f"<mark>{escape(text[mark.begin : mark.end])}</mark>"]
            place = mark.end
    parts.append(escape(text[place:end]))
    before = f"<em>{start:,} characters before …</em> " if start else ""
    after = f" <em>… and {len(text) - end:,} characters more</em>" if end < len(text) else ""
    return before + "".join(parts) + after
