"""The shapes that people's rows have, in one table; each turns a row into a conversation."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from studio.data.chatgpt import branch_of
from studio.data.conversation import Conversation, Message, Role, ToolCall, part_thoughts
from studio.data.json_rows import parse_json
from studio.data.rows import Unrecognised

ROLE_NAMES: dict[str, Role] = {
    "system": "system", "developer": "system",
    "user": "user", "human": "user", "prompter": "user", "customer": "user", "instruction": "user",
    "assistant": "assistant", "gpt": "assistant", "chatgpt": "assistant", "bing": "assistant", "bard": "assistant",
    "bot": "assistant", "model": "assistant", "ai": "assistant", "output": "assistant",
    "function_call": "assistant", "tool_call": "assistant",
    "tool": "tool", "function": "tool", "observation": "tool", "function_response": "tool", "ipython": "tool",
}  # fmt: skip

QUESTIONS = ("prompt", "question", "query", "input", "request", "user", "text_in")
ANSWERS = ("completion", "answer", "response", "output", "reply", "assistant", "text_out")
CONTEXTS = ("context", "passage", "document", "article", "background")
THOUGHTS = ("reasoning_content", "reasoning", "thinking")
ABOUT_A_TEXT = {"id", "url", "source", "title", "date", "timestamp", "meta", "metadata", "lang", "language", "license"}
_HUMAN = re.compile(r"\n\n(Human|Assistant): ?")
Fields = dict[str, Any]


@dataclass(frozen=True)
class Shape:
    """`uses` are the columns that become part of the conversation; the others are kept as tags."""

    name: str
    matches: Callable[[Fields], bool]
    convert: Callable[[Fields], Conversation]
    uses: frozenset[str] = frozenset()


def folded(row: Fields) -> Fields:
    """The row with the names of its columns as they are compared: no capitals, marks or blanks."""
    return {_folded(str(name)): cell for name, cell in row.items()}


@lru_cache(maxsize=1000)
def _folded(name: str) -> str:
    return re.sub(r"\W+", "_", name.casefold()).strip("_") or name


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


def build_message(role: Role, content: Any, thought: Any = None, **more: Any) -> Message:
    """A message whose thoughts are kept apart, whether they stand in a field of their own or in <think>."""
    words, reasoning = text(content), text(thought)
    if role == "assistant":
        before, words = part_thoughts(words)
        reasoning = reasoning or before
    return Message(role, words, reasoning, **more)


def build_pair(question: str, answer: Any, system: str = "", context: str = "", thought: Any = None) -> Conversation:
    head = [Message("system", system)] if system else []
    asked = "\n\n".join(part for part in (context, question) if part)
    return Conversation((*head, Message("user", asked), build_message("assistant", answer, thought)))


def _list(value: Any) -> list[Any] | None:
    """A list, also where a table kept it as JSON in a cell."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = parse_json(value)
        except json.JSONDecodeError:
            return None
    return value if isinstance(value, list) else None


def _turns(turns: Sequence[Any], role_key: str = "role", content_key: str = "content") -> list[Message]:
    messages = []
    for number, turn in enumerate(turns, start=1):
        if not isinstance(turn, dict) or role_key not in turn:
            raise Unrecognised(f"has a message {number} without {role_key!r}")
        name = str(turn[role_key]).strip().casefold()
        role = ROLE_NAMES.get(name)
        if role is None:
            raise Unrecognised(f"has a message from {str(turn[role_key])[:40]!r}, which is no role known here")
        messages.append(_turn(turn, role, turn.get(content_key), is_call=name.endswith("_call")))
    return messages


def _turn(turn: Fields, role: Role, content: Any, is_call: bool) -> Message:
    asked = turn.get("tool_calls") or ([turn["function_call"]] if turn.get("function_call") else [])
    if is_call and isinstance(content, str):
        asked, content = [_called(content)], ""
    try:
        calls = tuple(map(ToolCall.from_dict, asked))
    except (KeyError, TypeError, AttributeError):
        raise Unrecognised("has a tool call without a function's name") from None
    return build_message(
        role,
        content,
        next((turn[name] for name in THOUGHTS if turn.get(name)), None),
        tool_calls=calls if role == "assistant" else (),
        tool_call_id=str(turn.get("tool_call_id") or ""),
        learned=turn.get("weight") in (None, 1),
    )


def _called(content: str) -> Any:
    try:
        return parse_json(content)
    except json.JSONDecodeError:
        raise Unrecognised("has a tool call that is not JSON") from None


def _has_turns(key: str, role_key: str) -> Callable[[Fields], bool]:
    def matches(row: Fields) -> bool:
        turns = _list(row.get(key))
        return turns is not None and (not turns or (isinstance(turns[0], dict) and role_key in turns[0]))

    return matches


def _read_turns(key: str, role_key: str, content_key: str) -> Callable[[Fields], Conversation]:
    def convert(row: Fields) -> Conversation:
        turns = _turns(_list(row[key]) or [], role_key, content_key)
        turns = [turn for turn in turns if turn.role != "system" or turn.content.strip()]
        has_own = bool(turns) and turns[0].role == "system"
        system = text(row.get("system"))
        head = [] if has_own or not system else [Message("system", system)]
        return Conversation((*head, *turns), tools=_tools(row))

    return convert


def _tools(row: Fields) -> tuple[Fields, ...]:
    """Functions as chat templates take them; `functions` is OpenAI's older way."""
    tools = _list(row.get("tools")) or [
        {"type": "function", "function": each} for each in _list(row.get("functions")) or []
    ]
    return tuple(tool for tool in tools if isinstance(tool, dict))


def _alpaca(row: Fields) -> Conversation:
    messages = [Message("system", text(row["system"]))] if text(row.get("system")) else []
    for pair in _list(row.get("history")) or []:
        if not isinstance(pair, list) or len(pair) != 2:
            raise Unrecognised("has a history that is not pairs of question and answer")
        messages += [Message("user", text(pair[0])), build_message("assistant", pair[1])]
    last = build_pair("\n\n".join(filter(None, (text(row["instruction"]), text(row.get("input"))))), row["output"])
    return Conversation((*messages, *last.messages))


def _pair_columns(row: Fields) -> tuple[str, str] | None:
    question = next((name for name in QUESTIONS if name in row), None)
    answer = next((name for name in ANSWERS if name in row and name != question), None)
    return (question, answer) if question and answer else None


def _named_pair(row: Fields) -> Conversation:
    question, answer = _pair_columns(row) or ("", "")
    asked = _list(row[question])
    if asked and _has_turns(question, "role")(row):  # TRL's conversational prompt and completion
        said = _list(row[answer]) or [{"role": "assistant", "content": row[answer]}]
        return Conversation(tuple(_turns([*asked, *said])), tools=_tools(row))
    context = next((text(row[name]) for name in CONTEXTS if row.get(name)), "")
    thought = next((row[name] for name in THOUGHTS if row.get(name)), None)
    return build_pair(text(row[question]), row[answer], text(row.get("system")), context, thought)


def _is_liked(row: Fields) -> bool | None:
    label = row.get("label")
    return {"true": True, "1": True, "false": False, "0": False}.get(str(label).casefold())


def _thumbs(row: Fields) -> Conversation:
    return replace(_named_pair(row), liked=_is_liked(row))


def _preference(row: Fields) -> Conversation:
    chosen, rejected = _answer_turns(row["chosen"]), _answer_turns(row["rejected"])
    before: list[Message] = []
    if len(chosen) == 1:
        before = next(
            (_asked(row[name]) for name in ("prompt", "conversations", "messages", *QUESTIONS) if row.get(name)), []
        )
        if not before:
            raise Unrecognised("has a chosen answer but no prompt")
    system = text(row.get("system"))
    head = [Message("system", system)] if system and (before or chosen)[0].role != "system" else []
    answer = rejected[-1].content if rejected else ""
    return Conversation((*head, *before, *chosen), tools=_tools(row), rejected=answer)


def _asked(prompt: Any) -> list[Message]:
    turns = _list(prompt)
    return _any_turns(turns) if turns else [Message("user", text(prompt))]


def _answer_turns(answer: Any) -> list[Message]:
    """One answer, or a whole conversation that ends with it."""
    if isinstance(answer, dict):
        return _any_turns([answer])
    if turns := _list(answer):
        return _any_turns(turns)
    words = text(answer)
    if words.startswith("\n\nHuman:"):
        parts = _HUMAN.split(words)[1:]
        roles: dict[str, Role] = {"Human": "user", "Assistant": "assistant"}
        return [Message(roles[name], said.strip()) for name, said in zip(parts[::2], parts[1::2], strict=True)]
    return [build_message("assistant", words)]


def _any_turns(turns: Sequence[Any]) -> list[Message]:
    of_sharegpt = isinstance(turns[0], dict) and "from" in turns[0]
    return _turns(turns, "from", "value") if of_sharegpt else _turns(turns)


def _is_passage(row: Fields) -> bool:
    """A text, and beside it only what is said about it."""
    others = [name for name, cell in row.items() if isinstance(cell, str) and name not in ABOUT_A_TEXT]
    return others == ["text"]


_PAIR = frozenset({*QUESTIONS, *ANSWERS, *CONTEXTS, *THOUGHTS, "system", "history", "instruction"})
_TALK = frozenset({"messages", "conversations", "conversation", "system", "tools", "functions"})


def _talk(name: str, key: str, role_key: str, content_key: str) -> Shape:
    return Shape(name, _has_turns(key, role_key), _read_turns(key, role_key, content_key), _TALK)


SHAPES: tuple[Shape, ...] = (
    Shape(
        "ChatGPT export",
        lambda row: isinstance(row.get("mapping"), dict),
        branch_of,
        frozenset({"mapping", "current_node", "id", "conversation_id"}),
    ),
    Shape(
        "chosen and rejected",
        lambda row: "chosen" in row and "rejected" in row,
        _preference,
        _PAIR | _TALK | {"chosen", "rejected"},
    ),
    _talk("messages", "messages", "role", "content"),
    _talk("messages (from, value)", "messages", "from", "value"),
    _talk("ShareGPT", "conversations", "from", "value"),
    _talk("conversations", "conversations", "role", "content"),
    _talk("conversation", "conversation", "role", "content"),
    Shape(
        "thumbs up or down",
        lambda row: "prompt" in row and "completion" in row and _is_liked(row) is not None,
        _thumbs,
        _PAIR | {"label"},
    ),
    Shape("Alpaca", lambda row: "instruction" in row and "output" in row, _alpaca, _PAIR),
    Shape("question and answer", lambda row: _pair_columns(row) is not None, _named_pair, _PAIR),
    Shape(
        "text to go on from",
        _is_passage,
        lambda row: Conversation((Message("text", row["text"]),)),
        frozenset({"text"}),
    ),
)
BY_NAME = {shape.name: shape for shape in SHAPES}
