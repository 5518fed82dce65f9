"""Examples as people know conversations: bubbles. What a data set says is text here, never markup."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from studio.data.audit.finding import Mark
from studio.data.conversation import Conversation, Message, Role

SPEAKERS: dict[Role, str] = {
    "system": "Instruction",
    "user": "Question",
    "assistant": "Answer",
    "tool": "Tool",
    "text": "Passage",
}
BEFORE_A_MARK = 120


def show_conversation(conversation: Conversation, most_characters: int = 2000, marks: Sequence[Mark] = ()) -> str:
    """Bubbles, each cut to `most_characters`; where there are marks, around the first of them."""
    bubbles = "".join(
        _show_message(message, most_characters, [mark for mark in marks if mark.message == number])
        for number, message in enumerate(conversation.messages)
    )
    if conversation.rejected:
        rejected = _show_text(conversation.rejected, most_characters, ())
        bubbles += (
            f'<div class="words assistant"><span class="who">Found worse, not learned</span><p>{rejected}</p></div>'
        )
    if conversation.liked is False:
        bubbles += '<p class="fine">Thumb down: not learned.</p>'
    return f'<section class="example" aria-label="Example {conversation.row + 1}">{bubbles}</section>'


def _show_message(message: Message, most: int, marks: Sequence[Mark]) -> str:
    speaker = SPEAKERS[message.role] + ("" if message.learned else ", only read")
    thought = f'<p class="thought">{_show_text(message.reasoning, most, ())}</p>' if message.reasoning else ""
    calls = "".join(f"<p><code>{escape(f'{call.name}({call.arguments})')}</code></p>" for call in message.tool_calls)
    words = f"<p>{_show_text(message.content, most, marks)}</p>" if message.content or not calls else ""
    return f'<div class="words {message.role}"><span class="who">{speaker}</span>{thought}{words}{calls}</div>'


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
