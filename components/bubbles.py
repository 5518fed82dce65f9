"""Examples as people know conversations: bubbles. What a data set says is text here, never markup."""

from __future__ import annotations

from html import escape

from studio.data.conversation import Conversation

SPEAKERS = {"system": "Instruction", "user": "Question", "assistant": "Answer", "tool": "Tool"}


def show_conversation(conversation: Conversation, most_characters: int = 2000) -> str:
    bubbles = "".join(
        f'<div class="words {message.role}"><span class="who">{SPEAKERS[message.role]}</span>'
        f"<p>{_shorten(message.content, most_characters) or '<em>(empty)</em>'}</p></div>"
        for message in conversation.messages
    )
    return f'<section class="example" aria-label="Example {conversation.row + 1}">{bubbles}</section>'


def _shorten(text: str, most: int) -> str:
    if len(text) <= most:
        return escape(text)
    return f"{escape(text[:most])} <em>… and {len(text) - most:,} characters more</em>"
