"""An Ollama Modelfile whose template renders as the model's own does, proven before it is written."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from studio.data.conversation import Message
from studio.data.tokens import ChatTokenizer
from studio.errors import TemplateError

SYSTEM, USER, ANSWER, AGAIN = (
    "\u2460system\u2460",
    "\u2461user\u2461",
    "\u2462answer\u2462",
    "\u2463again\u2463",
)


class MarkedTokenizer(ChatTokenizer, Protocol):
    """Knows also the mark that a text begins with; empty where there is none."""

    @property
    def bos_token(self) -> str: ...


@dataclass(frozen=True)
class Pieces:
    """What a chat template puts around each message."""

    before_system: str
    after_system: str
    before_user: str
    after_user: str
    before_answer: str
    after_answer: str

    def render(self, messages: list[Message]) -> str:
        """A conversation that ends with a question, up to where the answer begins."""
        around = {
            "system": (self.before_system, self.after_system),
            "user": (self.before_user, self.after_user),
            "assistant": (self.before_answer, self.after_answer),
        }
        text = "".join(around[m.role][0] + m.content + around[m.role][1] for m in messages)
        return text + self.before_answer


def find_pieces(tokenizer: MarkedTokenizer) -> Pieces:
    """Render conversations of marks, cut them at the marks, and prove the pieces on other conversations.

    Raises: TemplateError if the template is no simple sequence of messages.
    """
    said = [Message("system", SYSTEM), Message("user", USER), Message("assistant", ANSWER), Message("user", AGAIN)]
    before_system, system_to_user, user_to_answer, answer_to_user, _ = _cut(tokenizer, said, True)
    after_user = _cut(tokenizer, said[:2])[-1]
    after_answer = _cut(tokenizer, said[:3])[-1]
    before_user = answer_to_user.removeprefix(after_answer)
    pieces = Pieces(
        before_system=before_system,
        after_system=system_to_user.removesuffix(before_user),
        before_user=before_user,
        after_user=after_user,
        before_answer=user_to_answer.removeprefix(after_user),
        after_answer=after_answer,
    )
    system = [Message("system", "Be brief.")]
    turns = [*(Message("user", "One?"), Message("assistant", "1")) * 2, Message("user", "Three?")]
    default = _default_system(tokenizer, pieces)
    for given, expected in ((system + turns, system + turns), (turns, default + turns)):
        if pieces.render(expected) != _render(tokenizer, given, True):
            raise _too_clever()
    return pieces


def _render(tokenizer: MarkedTokenizer, messages: Sequence[Message], asks: bool = False) -> str:
    """Without the mark of a text's beginning: Ollama puts it there itself."""
    return tokenizer.render(messages, add_generation_prompt=asks).removeprefix(_begin_mark(tokenizer))


def _begin_mark(tokenizer: MarkedTokenizer) -> str:
    """What begins a text and nothing else: SmolLM2's begins every message, and belongs to it."""
    text = tokenizer.render([Message("user", USER), Message("assistant", ANSWER), Message("user", AGAIN)])
    return tokenizer.bos_token if text.count(tokenizer.bos_token) == 1 else ""


def _cut(tokenizer: MarkedTokenizer, messages: Sequence[Message], asks: bool = False) -> list[str]:
    """What stands before, between and after the messages."""
    rest = _render(tokenizer, messages, asks)
    parts = []
    for message in messages:
        if rest.count(message.content) != 1:
            raise _too_clever()
        part, rest = rest.split(message.content)
        parts.append(part)
    return [*parts, rest]


def _too_clever() -> TemplateError:
    return TemplateError(
        "This model's chat template does more than put marks around messages, so it cannot be written for Ollama.",
        "Ollama reads the template inside the GGUF itself: leave TEMPLATE out, and compare one answer.",
    )


def build_modelfile(gguf: str, tokenizer: MarkedTokenizer, system: str) -> str:
    """The Modelfile's text. A template that Ollama's language cannot say is left out, with a comment that says so."""
    lines = [f"FROM ./{gguf}"]
    try:
        pieces = find_pieces(tokenizer)
        lines.append(f'TEMPLATE """{go_template(pieces)}"""')
        system = system or "".join(message.content for message in _default_system(tokenizer, pieces))
    except TemplateError as error:
        lines.append("# No TEMPLATE: " + " ".join(f"{error.what} {error.do}".split()))
    lines += [f'PARAMETER stop "{mark}"' for mark in _end_marks(tokenizer)]
    lines.append("PARAMETER temperature 0.2")
    if system:
        lines.append('SYSTEM """' + system.replace('"""', '"" "') + '"""')
    return "\n".join(lines) + "\n"


def _end_marks(tokenizer: MarkedTokenizer) -> list[str]:
    """The token that ends a text, and what the template puts behind an answer: Gemma's are two."""
    marks = [tokenizer.eos_token]
    with contextlib.suppress(TemplateError):
        marks.append(_cut(tokenizer, [Message("user", USER), Message("assistant", ANSWER)])[-1].strip())
    return [mark for mark in dict.fromkeys(marks) if mark and mark.isprintable() and '"' not in mark]


def go_template(pieces: Pieces) -> str:
    """The pieces in Ollama's template language (Go's text/template over .Messages)."""
    return (
        "{{- range .Messages }}"
        '{{- if eq .Role "system" }}' + _go(pieces.before_system) + "{{ .Content }}" + _go(pieces.after_system) +
        '{{- else if eq .Role "user" }}' + _go(pieces.before_user) + "{{ .Content }}" + _go(pieces.after_user) +
        '{{- else if eq .Role "assistant" }}' + _go(pieces.before_answer) + "{{ .Content }}" + _go(pieces.after_answer)
        + "{{- end }}{{- end }}" + _go(pieces.before_answer)
    )  # fmt: skip


def _go(text: str) -> str:
    """As a quoted Go string: '{{-' would eat blanks and line ends that stand bare."""
    if not text:
        return ""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return '{{ "' + escaped + '" }}'


def _default_system(tokenizer: MarkedTokenizer, pieces: Pieces) -> list[Message]:
    """The system prompt that the template puts in by itself, so that Ollama says it too."""
    head = _cut(tokenizer, [Message("user", USER)], True)[0].removesuffix(pieces.before_user)
    if not head or not head.startswith(pieces.before_system) or not head.endswith(pieces.after_system):
        return []
    content = head[len(pieces.before_system) : len(head) - len(pieces.after_system)]
    return [Message("system", content)] if content else []
