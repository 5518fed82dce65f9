"""An Ollama Modelfile whose template renders as the model's own does, proven before it is written."""

from __future__ import annotations

from dataclasses import dataclass

from studio.data.conversation import Message
from studio.data.tokens import ChatTokenizer
from studio.errors import TemplateError

SYSTEM, USER, ANSWER, AGAIN = (
    "\u2460system\u2460",
    "\u2461user\u2461",
    "\u2462answer\u2462",
    "\u2463again\u2463",
)


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


def find_pieces(tokenizer: ChatTokenizer) -> Pieces:
    """Render a conversation of marks, cut it at the marks, and prove the pieces on another conversation.

    Raises: TemplateError if the template is no simple sequence of messages.
    """
    marks = [
        Message("system", SYSTEM),
        Message("user", USER),
        Message("assistant", ANSWER),
        Message("user", AGAIN),
    ]
    text = tokenizer.render(marks, add_generation_prompt=True)
    if any(text.count(mark) != 1 for mark in (SYSTEM, USER, ANSWER, AGAIN)):
        raise _too_clever()
    before_system, rest = text.split(SYSTEM)
    system_to_user, rest = rest.split(USER)
    user_to_answer, rest = rest.split(ANSWER)
    answer_to_user, tail = rest.split(AGAIN)
    alone = tokenizer.render([Message("system", SYSTEM), Message("user", USER)], add_generation_prompt=True)
    end = alone.split(USER)[1]
    if end != tail or end != user_to_answer:
        raise _too_clever()
    before_user = _common_end(system_to_user, answer_to_user)
    pieces = Pieces(
        before_system=before_system,
        after_system=system_to_user.removesuffix(before_user),
        before_user=before_user,
        after_user="",
        before_answer=tail,
        after_answer=answer_to_user.removesuffix(before_user),
    )
    other = [Message("system", "Be brief."), *(Message("user", "One?"), Message("assistant", "1")) * 2]
    other.append(Message("user", "Three?"))
    if pieces.render(other) != tokenizer.render(other, add_generation_prompt=True):
        raise _too_clever()
    return pieces


def _common_end(one: str, other: str) -> str:
    size = 0
    while size < min(len(one), len(other)) and one[-size - 1] == other[-size - 1]:
        size += 1
    # What ends a message and what begins the next may share characters: a message begins with its mark.
    common = one[len(one) - size :]
    begin = max(common.rfind("<"), common.rfind("["))
    return common[begin:] if begin >= 0 and not common.startswith(("<", "[")) else common


def _too_clever() -> TemplateError:
    return TemplateError(
        "This model's chat template does more than put marks around messages, so it cannot be written for Ollama.",
        "Ollama reads the template inside the GGUF itself: leave TEMPLATE out, and compare one answer.",
    )


def build_modelfile(gguf: str, tokenizer: ChatTokenizer, system: str) -> str:
    """The Modelfile's text. A template that Ollama's language cannot say is left out, with a comment that says so."""
    lines = [f"FROM ./{gguf}"]
    try:
        pieces = find_pieces(tokenizer)
        lines.append(f'TEMPLATE """{go_template(pieces)}"""')
        system = system or _default_system(tokenizer, pieces)
    except TemplateError as error:
        lines.append(f"# No TEMPLATE: {error.what} {error.do}")
    if tokenizer.eos_token:
        lines.append(f'PARAMETER stop "{tokenizer.eos_token}"')
    lines.append("PARAMETER temperature 0.2")
    if system:
        lines.append('SYSTEM """' + system.replace('"""', '"" "') + '"""')
    return "\n".join(lines) + "\n"


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


def _default_system(tokenizer: ChatTokenizer, pieces: Pieces) -> str:
    """The system prompt that the template puts in by itself, so that Ollama says it too."""
    text = tokenizer.render([Message("user", USER)], add_generation_prompt=True)
    head = text.split(pieces.before_user + USER)[0]
    if head.startswith(pieces.before_system) and head.endswith(pieces.after_system) and pieces.before_system:
        return head[len(pieces.before_system) : len(head) - len(pieces.after_system)]
    return ""
