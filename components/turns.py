"""What stands in a pane of a chat: turns as Gradio keeps them, and the conversation that they are."""

from __future__ import annotations

from html import escape
from typing import Any

from studio.data.conversation import Conversation, Message

Turns = list[dict[str, Any]]


def turn_of(role: str, text: str) -> dict[str, Any]:
    # Gradio takes a chat's text for HTML even with render_markdown off: tags would vanish, pictures be fetched.
    return {"role": role, "content": escape(text, quote=False)}


def plain(shown: str) -> str:
    """The text of what a pane shows."""
    return shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def messages_of(turns: Turns, system: str) -> tuple[Message, ...]:
    """The instruction, if there is one, and what was said."""
    said = [{"role": turn["role"], "content": _text(turn["content"])} for turn in turns]
    head = [{"role": "system", "content": system}] if system.strip() else []
    return Conversation.from_dicts([*head, *said]).messages


def last_answer(turns: Turns) -> str:
    """Empty where nobody has answered yet."""
    return _text(turns[-1]["content"]) if turns and turns[-1]["role"] == "assistant" else ""


def before_question(turns: Turns, from_end: int) -> Turns:
    """What was said before a question, the last one counted as 1; nothing where so many were not asked."""
    asked = [place for place, turn in enumerate(turns) if turn["role"] == "user"]
    return turns[: asked[-from_end]] if from_end <= len(asked) else []


def _text(content: Any) -> str:
    """Gradio hands back each text as a list of parts."""
    return plain(content if isinstance(content, str) else "".join(part.get("text", "") for part in content))
