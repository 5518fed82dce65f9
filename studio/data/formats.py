"""Rows -> conversations. Each row is recognised by itself; one table names the shapes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from studio.data.conversation import Conversation, Message, Role
from studio.data.read import Row, UnreadableRow, parse_json

ROLE_NAMES: dict[str, Role] = {
    "system": "system", "developer": "system",
    "user": "user", "human": "user", "prompter": "user", "customer": "user", "instruction": "user",
    "assistant": "assistant", "gpt": "assistant", "chatgpt": "assistant", "bing": "assistant", "bard": "assistant",
    "bot": "assistant", "model": "assistant", "ai": "assistant", "output": "assistant",
    "tool": "tool", "function": "tool", "observation": "tool", "function_response": "tool", "ipython": "tool",
}  # fmt: skip

QUESTION_COLUMNS = ("prompt", "question", "query", "input", "request", "user", "text_in")
ANSWER_COLUMNS = ("completion", "answer", "response", "output", "reply", "assistant", "text_out")


class Unrecognised(Exception):
    """A row that has no shape of ours; its words are the reason shown."""


@dataclass(frozen=True)
class Mapping:
    """Which columns are what, for a table whose names say nothing."""

    question: str
    answer: str
    system: str = ""


@dataclass(frozen=True)
class Shape:
    name: str
    matches: Callable[[dict[str, Any]], bool]
    messages: Callable[[dict[str, Any]], list[Message]]


@dataclass
class Converted:
    """All that a file gave. `rows` counts readable and unreadable ones; `shapes` how many rows had which shape."""

    conversations: list[Conversation] = field(default_factory=list)
    unreadable: list[UnreadableRow] = field(default_factory=list)
    unreadable_rows: list[int] = field(default_factory=list)
    shapes: Counter[str] = field(default_factory=Counter)
    columns: list[str] = field(default_factory=list)
    unmapped: list[dict[str, Any]] = field(default_factory=list)
    rows: int = 0


def convert_rows(rows: Iterable[Row | UnreadableRow], mapping: Mapping | None = None) -> Converted:
    """Conversations of all rows that can be read; the rest listed with line and reason.

    Up to 50 rows of no known shape are kept in `unmapped`, for the preview of the mapping form.
    """
    result = Converted()
    for number, row in enumerate(rows):
        result.rows += 1
        if isinstance(row, UnreadableRow):
            result.unreadable.append(row)
            result.unreadable_rows.append(number)
            continue
        result.columns += [name for name in row.value if name not in result.columns]
        try:
            name, messages = _convert(row.value, mapping)
        except Unrecognised as reason:
            result.unreadable.append(UnreadableRow(row.line, str(reason), _show(row.value)))
            result.unreadable_rows.append(number)
            if len(result.unmapped) < 50:
                result.unmapped.append(row.value)
        else:
            result.shapes[name] += 1
            result.conversations.append(Conversation(tuple(messages), number))
    return result


def _convert(value: dict[str, Any], mapping: Mapping | None) -> tuple[str, list[Message]]:
    if mapping:
        return "your columns", _pair(value, mapping.question, mapping.answer, mapping.system)
    row = {str(key).strip().lstrip("\ufeff").casefold(): item for key, item in value.items()}
    for shape in SHAPES:
        if shape.matches(row):
            return shape.name, shape.messages(row)
    raise Unrecognised(
        f"has columns {', '.join(map(str, value)) or '(none)'}, which say nothing of question and answer"
    )


def suggest_mapping(rows: list[dict[str, Any]]) -> Mapping | None:
    """The question is the first column of text, the answer the next one. Never a system prompt: people choose that."""
    texts = Counter(name for row in rows for name, cell in row.items() if isinstance(cell, str) and cell.strip())
    order = list(rows[0]) if rows else []
    columns = [name for name in order if texts[name] >= max(1, len(rows) // 2)]
    return Mapping(columns[0], columns[1]) if len(columns) >= 2 else None


def _pair(value: dict[str, Any], question: str, answer: str, system: str = "") -> list[Message]:
    missing = [name for name in (question, answer) if name not in value]
    if missing:
        raise Unrecognised(f"has no column {missing[0]!r}")
    head = [Message("system", text(value[system]))] if system and text(value.get(system)) else []
    return [*head, Message("user", text(value[question])), Message("assistant", text(value[answer]))]


def text(content: Any) -> str:
    """A message's words: strings as they are, lists of parts joined, other values as JSON."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list) and all(isinstance(part, dict) for part in content):
        kinds = {str(part.get("type", "text")) for part in content} - {"text", "input_text", "output_text"}
        if kinds:
            raise Unrecognised(f"has a part of kind {sorted(kinds)[0]!r}; only text can be learned here")
        if not all("text" in part for part in content):
            raise Unrecognised("has a part without text")
        return "".join(text(part["text"]) for part in content)
    return json.dumps(content, ensure_ascii=False, default=str)


def _list(value: Any) -> list[Any] | None:
    """A list, also where a table kept it as JSON in a cell."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = parse_json(value)
        except json.JSONDecodeError:
            return None
    return value if isinstance(value, list) else None


def _turns(turns: list[Any], role_key: str, content_key: str) -> list[Message]:
    messages = []
    for number, turn in enumerate(turns, start=1):
        if not isinstance(turn, dict) or role_key not in turn:
            raise Unrecognised(f"has a message {number} without {role_key!r}")
        role = ROLE_NAMES.get(str(turn[role_key]).strip().casefold())
        if role is None:
            raise Unrecognised(f"has a message from {str(turn[role_key])[:40]!r}, which is no role known here")
        messages.append(Message(role, text(turn.get(content_key))))
    return messages


def _has_turns(key: str, role_key: str) -> Callable[[dict[str, Any]], bool]:
    def matches(row: dict[str, Any]) -> bool:
        turns = _list(row.get(key))
        return turns is not None and (not turns or (isinstance(turns[0], dict) and role_key in turns[0]))

    return matches


def _read_turns(key: str, role_key: str, content_key: str) -> Callable[[dict[str, Any]], list[Message]]:
    def messages(row: dict[str, Any]) -> list[Message]:
        system = text(row.get("system"))
        turns = _turns(_list(row[key]) or [], role_key, content_key)
        turns = [turn for turn in turns if turn.role != "system" or turn.content.strip()]
        has_own = bool(turns) and turns[0].role == "system"
        return turns if has_own or not system else [Message("system", system), *turns]

    return messages


def _alpaca(row: dict[str, Any]) -> list[Message]:
    messages = [Message("system", text(row["system"]))] if text(row.get("system")) else []
    for pair in _list(row.get("history")) or []:
        if not isinstance(pair, list) or len(pair) != 2:
            raise Unrecognised("has a history that is not pairs of question and answer")
        messages += [Message("user", text(pair[0])), Message("assistant", text(pair[1]))]
    question = "\n\n".join(part for part in (text(row["instruction"]), text(row.get("input"))) if part)
    return [*messages, Message("user", question), Message("assistant", text(row["output"]))]


def _pair_columns(row: dict[str, Any]) -> tuple[str, str] | None:
    question = next((name for name in QUESTION_COLUMNS if name in row), None)
    answer = next((name for name in ANSWER_COLUMNS if name in row and name != question), None)
    return (question, answer) if question and answer else None


def _named_pair(row: dict[str, Any]) -> list[Message]:
    question, answer = _pair_columns(row) or ("", "")
    asked, answered = _list(row[question]), row[answer]
    if asked and _has_turns(question, "role")(row):  # TRL's conversational prompt and completion
        said = _list(answered) or [{"role": "assistant", "content": answered}]
        return _turns([*asked, *said], "role", "content")
    return _pair(row, question, answer, "system")


SHAPES: tuple[Shape, ...] = (
    Shape("messages", _has_turns("messages", "role"), _read_turns("messages", "role", "content")),
    Shape("messages (from, value)", _has_turns("messages", "from"), _read_turns("messages", "from", "value")),
    Shape("ShareGPT", _has_turns("conversations", "from"), _read_turns("conversations", "from", "value")),
    Shape("conversations", _has_turns("conversations", "role"), _read_turns("conversations", "role", "content")),
    Shape("conversation", _has_turns("conversation", "role"), _read_turns("conversation", "role", "content")),
    Shape("Alpaca", lambda row: "instruction" in row and "output" in row, _alpaca),
    Shape("question and answer", lambda row: _pair_columns(row) is not None, _named_pair),
)


def _show(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)[:200]
