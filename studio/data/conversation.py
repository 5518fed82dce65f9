"""The one type for an example, from the reader to the trainer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast, get_args

Role = Literal["system", "user", "assistant", "tool"]
ROLES: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True, slots=True)
class Message:
    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """Messages in order; `row` is the 0-based number of the example in the file as read."""

    messages: tuple[Message, ...]
    row: int = 0

    @property
    def system(self) -> str:
        return "\n".join(message.content for message in self.messages if message.role == "system")

    @property
    def answers(self) -> list[str]:
        return [message.content for message in self.messages if message.role == "assistant"]

    @property
    def turns(self) -> list[Message]:
        """What was said after the system prompt."""
        return [message for message in self.messages if message.role != "system"]

    @property
    def prompt(self) -> tuple[Message, ...]:
        """All that stands before the last answer."""
        last = max((i for i, message in enumerate(self.messages) if message.role == "assistant"), default=None)
        return self.messages[:last]

    @property
    def wanted(self) -> str:
        """The last answer."""
        return self.answers[-1] if self.answers else ""

    def as_dicts(self) -> list[dict[str, str]]:
        return [{"role": message.role, "content": message.content} for message in self.messages]

    @classmethod
    def from_dicts(cls, messages: Sequence[Mapping[str, str]], row: int = 0) -> Conversation:
        return cls(tuple(Message(cast(Role, m["role"]), m["content"]) for m in messages), row)
