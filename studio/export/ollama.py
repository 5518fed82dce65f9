"""An Ollama Modelfile whose template renders as the model's own does, proven before it is written.

Ollama renders prompts with Go's text/template. It joins messages that follow each other from one side, gives the
template `.System` and `.Messages`, and puts the mark that begins a text there itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from studio.data.conversation import Message
from studio.data.thoughts import CHANNEL
from studio.data.tokens import ChatTokenizer, date_written_by
from studio.errors import TemplateError

SYSTEM, DATE = "\u2460system\u2460", "\u2461"
USERS, ANSWERS = [f"\u2462user{n}\u2462" for n in range(3)], [f"\u2463answer{n}\u2463" for n in range(2)]
DATED = re.compile(f"{DATE}(.*?){DATE}")
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
# Of the day as Ollama's `currentDate` writes it, 2026-11-30.
GO_DATE = {"%Y": "slice currentDate 0 4", "%y": "slice currentDate 2 4", "%m": "slice currentDate 5 7",
           "%d": "slice currentDate 8 10"}  # fmt: skip


class MarkedTokenizer(ChatTokenizer, Protocol):
    """Knows also the mark that a text begins with; empty where there is none."""

    @property
    def bos_token(self) -> str: ...


@dataclass(frozen=True)
class Pieces:
    """What a chat template writes beside what was said, up to where an answer begins.

    `opening`: before the first question where no system prompt is given; `before_system` and `after_system`: around one
    that is, the second up to the first question. Between two dates marks stands how a day is written.
    """

    opening: str
    before_system: str
    after_system: str
    question_to_answer: str
    answer_to_question: str
    asking: str

    def render(self, messages: Sequence[Message]) -> str:
        """A conversation that ends with a question: what `go_template` says, in Python."""
        system = "\n\n".join(message.content for message in messages if message.role == "system")
        text = f"{self.before_system}{system}{self.after_system}" if system else self.opening
        asked = 0
        for message in messages:
            if message.role == "user":
                text += self.answer_to_question * (asked > 0) + message.content
                asked += 1
            elif message.role == "assistant":
                text += self.question_to_answer + message.content
        return text + self.asking


def find_pieces(tokenizer: MarkedTokenizer) -> Pieces:
    """Render conversations of marks, cut them at the marks, and prove the pieces on other conversations.

    Raises: TemplateError if the template is no simple sequence of messages.
    """
    talk = [Message("user", USERS[0]), Message("assistant", ANSWERS[0]), Message("user", USERS[1])]
    talk += [Message("assistant", ANSWERS[1]), Message("user", USERS[2])]
    with date_written_by(lambda form: f"{DATE}{form}{DATE}"):
        opening, to_answer, to_question, again, more, asking = _cut(tokenizer, talk)
        if (to_answer, to_question) != (again, more):
            raise _too_clever()
        try:
            before, after, *_ = _cut(tokenizer, [Message("system", SYSTEM), *talk])
        except TemplateError:  # it takes no system prompt: one is put before the first question
            before, after = opening, "\n\n"
        pieces = Pieces(opening, before, after, to_answer, to_question, asking)
        for given in _conversations():
            if pieces.render(given) != _render(tokenizer, given):
                raise _too_clever()
    for form in DATED.findall("".join(vars(pieces).values())):
        _go_date(form)  # raises where the day is written in a way that Ollama cannot
    return pieces


def _conversations() -> Iterator[list[Message]]:
    """With and without a system prompt, of one turn and of several."""
    turns = [*(Message("user", "One?"), Message("assistant", "1\n2")) * 2, Message("user", "Three?")]
    for said in (turns, turns[:1]):
        yield said
        yield [Message("system", "Be brief.\nAlways."), *said]


def _render(tokenizer: MarkedTokenizer, messages: Sequence[Message]) -> str:
    """Without the mark of a text's beginning: Ollama puts it there itself."""
    return tokenizer.render(messages, add_generation_prompt=True).removeprefix(_begin_mark(tokenizer))


def _begin_mark(tokenizer: MarkedTokenizer) -> str:
    """What begins a text and nothing else: SmolLM2's begins every message, and belongs to it."""
    text = tokenizer.render([Message("user", USERS[0]), Message("assistant", ANSWERS[0]), Message("user", USERS[1])])
    return tokenizer.bos_token if text.count(tokenizer.bos_token) == 1 else ""


def _cut(tokenizer: MarkedTokenizer, messages: Sequence[Message]) -> list[str]:
    """What stands before, between and after the messages."""
    rest = _render(tokenizer, messages)
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
        "Ollama takes one of its own templates that looks like it, or none: compare an answer before you rely on it.",
    )


def build_modelfile(gguf: str, tokenizer: MarkedTokenizer, system: str, ends: Sequence[str] = ()) -> str:
    """The Modelfile's text; `ends` are tokens that end an answer beside the tokenizer's own.

    A template that Ollama's language cannot say is left out, with a comment that says so.
    """
    lines = [f"FROM ./{gguf}"]
    stops = [tokenizer.eos_token, *ends]
    try:
        pieces = find_pieces(tokenizer)
        lines.append(f'TEMPLATE """{go_template(pieces)}"""')
        stops.append(_end_mark(pieces, tokenizer.special_tokens))
    except TemplateError as error:
        lines.append("# No TEMPLATE: " + " ".join(f"{error.what} {error.do}".split()))
    marks = dict.fromkeys(mark for mark in stops if mark and mark.isprintable() and '"' not in mark)
    lines += [f'PARAMETER stop "{mark}"' for mark in marks]
    lines.append("PARAMETER temperature 0.2")
    if system:
        lines.append('SYSTEM """' + system.replace('"""', '"" "') + '"""')
    return "\n".join(lines) + "\n"


def _end_mark(pieces: Pieces, special_tokens: Sequence[str]) -> str:
    """The mark behind an answer: Gemma's and Phi-3's are others than the one that ends a text.

    gpt-oss's ends its thoughts as well, and would cut off what it says after them.
    """
    if CHANNEL in special_tokens:
        return ""
    after = pieces.answer_to_question.lstrip()
    return next((mark for mark in sorted(special_tokens, key=len, reverse=True) if after.startswith(mark)), "")


def go_template(pieces: Pieces) -> str:
    """The pieces in Ollama's template language (Go's text/template over .System and .Messages)."""
    return (
        "{{- if .System }}" + _go(pieces.before_system) + "{{ .System }}" + _go(pieces.after_system)
        + "{{- else }}" + _go(pieces.opening) + "{{- end }}{{- $asked := 0 }}{{- range .Messages }}"
        '{{- if eq .Role "user" }}{{- if $asked }}' + _go(pieces.answer_to_question)
        + "{{- end }}{{ .Content }}{{- $asked = 1 }}"
        '{{- else if eq .Role "assistant" }}' + _go(pieces.question_to_answer) + "{{ .Content }}"
        "{{- end }}{{- end }}" + _go(pieces.asking)
    )  # fmt: skip


def _go(text: str) -> str:
    """As quoted Go strings: '{{-' would eat blanks and line ends that stand bare."""
    parts = DATED.split(text)  # text and forms of a date by turns
    return "".join(_go_date(part) if place % 2 else _go_text(part) for place, part in enumerate(parts))


def _go_text(text: str) -> str:
    if not text:
        return ""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return '{{ "' + escaped + '" }}'


def _go_date(form: str) -> str:
    """Today in a form of strftime. Raises: TemplateError for a part that Ollama cannot write."""
    parts = re.split(r"(%-?\w)", form)
    return "".join(_go_date_part(part) if place % 2 else _go_text(part) for place, part in enumerate(parts))


def _go_date_part(part: str) -> str:
    if part in GO_DATE:
        return "{{ " + GO_DATE[part] + " }}"
    if part not in ("%B", "%b"):
        raise _too_clever()
    names: Callable[[str], str] = (lambda name: name[:3]) if part == "%b" else str
    cases = [f'eq (slice currentDate 5 7) "{n:02}" }}}}{names(month)}' for n, month in enumerate(MONTHS, start=1)]
    return "{{ if " + "{{ else if ".join(cases) + "{{ end }}"
