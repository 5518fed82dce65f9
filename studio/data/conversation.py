"""The one type for an example, from the reader to the trainer."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

Role = Literal["system", "user", "assistant", "tool", "text"]
ROLES: tuple[Role, ...] = get_args(Role)
LEARNED: frozenset[Role] = frozenset({"assistant", "text"})  # `text` is a passage that is learned as it stands
THINKING = re.compile(r"\A\s*<think>(.*?)</think>\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A function that the model calls; `arguments` is JSON."""

    name: str
    arguments: str
    id: str = ""

    def as_dict(self) -> dict[str, Any]:
        """As chat templates take it."""
        called = {"name": self.name, "arguments": _parsed(self.arguments)}
        return {"type": "function", "function": called} | ({"id": self.id} if self.id else {})

    @classmethod
    def from_dict(cls, call: Mapping[str, Any]) -> ToolCall:
        called = call.get("function", call)
        arguments = called.get("arguments", {})
        text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        return cls(str(called["name"]), text, str(call.get("id") or ""))


@dataclass(frozen=True, slots=True)
class Message:
    """`reasoning` is what a model thinks before it answers; an answer that is not `learned` is only read."""

    role: Role
    content: str
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""
    learned: bool = True

    def __reduce__(self) -> tuple[Any, ...]:
        # A frozen class with slots is otherwise pickled field by field in Python, for each example of an audit.
        return Message, (
            self.role,
            self.content,
            self.reasoning,
            self.tool_calls,
            self.tool_call_id,
            self.learned,
        )

    def as_dict(self) -> dict[str, Any]:
        return (
            {"role": self.role, "content": self.content}
            | ({"reasoning_content": self.reasoning} if self.reasoning else {})
            | ({"tool_calls": [call.as_dict() for call in self.tool_calls]} if self.tool_calls else {})
            | ({"tool_call_id": self.tool_call_id} if self.tool_call_id else {})
            | ({} if self.learned else {"weight": 0})
        )

    @classmethod
    def from_dict(cls, message: Mapping[str, Any]) -> Message:
        return cls(
            cast(Role, message["role"]),
            message["content"],
            message.get("reasoning_content", ""),
            tuple(map(ToolCall.from_dict, message.get("tool_calls", ()))),
            message.get("tool_call_id", ""),
            message.get("weight", 1) != 0,
        )


@dataclass(frozen=True, slots=True)
class Conversation:
    """Messages in order; `row` is the 0-based number of the example in the file as read.

    `rejected` is an answer that was found worse than the last one, `liked` what somebody thought of the last one;
    `split` is the side that the file itself puts the example on; `tags` are its other columns.
    """

    messages: tuple[Message, ...]
    row: int = 0
    tools: tuple[Mapping[str, Any], ...] = field(default=(), hash=False)
    rejected: str = ""
    liked: bool | None = None
    split: str = ""
    tags: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def system(self) -> str:
        return "\n".join(message.content for message in self.messages if message.role == "system")

    @property
    def answers(self) -> list[str]:
        return [message.content for message in self.messages if message.role in LEARNED]

    @property
    def turns(self) -> list[Message]:
        """What was said after the system prompt."""
        return [message for message in self.messages if message.role != "system"]

    @property
    def prompt(self) -> tuple[Message, ...]:
        """All that stands before the last answer."""
        last = max((i for i, message in enumerate(self.messages) if message.role in LEARNED), default=None)
        return self.messages[:last]

    @property
    def wanted(self) -> str:
        """The last answer."""
        return self.answers[-1] if self.answers else ""

    @property
    def thought(self) -> str:
        """What stands before the last answer as its thoughts."""
        return next((message.reasoning for message in reversed(self.messages) if message.role in LEARNED), "")

    @property
    def is_passage(self) -> bool:
        """A text to go on learning from, without question and answer."""
        return len(self.messages) == 1 and self.messages[0].role == "text"

    def as_dicts(self) -> list[dict[str, Any]]:
        return [message.as_dict() for message in self.messages]

    @classmethod
    def from_dicts(cls, messages: Sequence[Mapping[str, Any]], row: int = 0) -> Conversation:
        return cls(tuple(map(Message.from_dict, messages)), row)

    def as_record(self) -> dict[str, Any]:
        """As a data set keeps it; what is as usual is left out."""
        return (
            {"row": self.row, "messages": self.as_dicts()}
            | ({"tools": list(self.tools)} if self.tools else {})
            | ({"rejected": self.rejected} if self.rejected else {})
            | ({"liked": self.liked} if self.liked is not None else {})
            | ({"tags": dict(self.tags)} if self.tags else {})
        )

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Conversation:
        return cls(
            tuple(map(Message.from_dict, record["messages"])),
            record["row"],
            tuple(record.get("tools", ())),
            record.get("rejected", ""),
            record.get("liked"),
            "",
            record.get("tags", {}),
        )


def part_thoughts(content: str) -> tuple[str, str]:
    """(what was thought, what was said) of an answer that begins with <think> ... </think>."""
    thought = THINKING.match(content)
    return (thought[1].strip(), content[thought.end() :]) if thought else ("", content)


def _parsed(arguments: str) -> Any:
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments
