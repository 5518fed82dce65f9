"""Token ids, and which of them are learned. The screen, the counts and the trainer all call `label_tokens`."""

from __future__ import annotations

import json
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal, Protocol, cast

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer

from studio.data.answers import LANDMARK, answer_spans
from studio.data.conversation import Conversation, Message
from studio.data.read import PassageLength
from studio.data.thoughts import CHANNEL, part_answer, part_channels
from studio.errors import ModelError, TemplateError
from studio.store import read_json

NOT_LEARNED = -100
# The answers of a chat, all of a chat, or plain text without a template.
Learn = Literal["answers", "all", "text"]


class ChatTokenizer(Protocol):
    """What this module needs of a tokenizer with a chat template."""

    @property
    def eos_token(self) -> str: ...

    @property
    def special_tokens(self) -> list[str]: ...

    def render(
        self, messages: Sequence[Message], add_generation_prompt: bool = False, tools: Sequence[Any] = ()
    ) -> str: ...

    def encode(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """Ids, and for each the (begin, end) characters that it stands for."""
        ...


@dataclass(frozen=True, slots=True)
class Labelled:
    input_ids: list[int]
    labels: list[int]
    cut_tokens: int = 0
    cut_learned_tokens: int = 0

    @property
    def learned_tokens(self) -> int:
        return len(self.labels) - self.labels.count(NOT_LEARNED)


def label_tokens(
    conversation: Conversation, tokenizer: ChatTokenizer, max_length: int, learn: Learn = "answers"
) -> Labelled:
    """Turn a conversation into token ids and mark the ones that are learned: the answers with their end mark.

    With `learn` "all", the questions too; with "text", what was said, one after the other, without a template.

    Shapes: input_ids (seq,), labels (seq,); a label is -100 outside the answers. seq <= max_length tokens.
    Raises: TemplateError if the template does not say where an answer begins.
    Source: QLoRA, https://arxiv.org/abs/2305.14314, trains on answers only.
    """
    full = _plain_text(conversation, tokenizer) if learn == "text" else _full_text(conversation, tokenizer)
    whole = conversation.is_passage or learn != "answers"
    spans = [(0, len(full))] if whole else answer_spans(conversation, full, tokenizer)
    ids, offsets = tokenizer.encode(full)
    labels = [NOT_LEARNED] * len(ids)
    begins, ends = [begin for begin, _ in offsets], [end for _, end in offsets]
    for first, last in spans:
        # Some tokenizers leave blanks out of the offsets: a token of blanks alone is (end, end) of where it stands.
        start = max(bisect_left(begins, first), bisect_right(ends, first))
        stop = bisect_right(ends, last)
        labels[start:stop] = ids[start:stop]
    cut = labels[max_length:]
    return Labelled(ids[:max_length], labels[:max_length], len(cut), len(cut) - cut.count(NOT_LEARNED))


@dataclass(frozen=True, slots=True)
class Piece:
    """A token as it is read, and whether it is learned, only read, or cut off."""

    text: str
    state: Literal["learned", "read", "cut"]


def show_tokens(conversation: Conversation, tokenizer: ChatTokenizer, max_length: int) -> list[Piece]:
    """Every token of a conversation, those beyond the limit too. Raises: TemplateError as `label_tokens` does."""
    labelled = label_tokens(conversation, tokenizer, sys.maxsize)
    full = _full_text(conversation, tokenizer)
    _, offsets = tokenizer.encode(full)
    pieces, shown = [], 0
    for place, ((_, end), label) in enumerate(zip(offsets, labelled.labels, strict=True)):
        state = "cut" if place >= max_length else "read" if label == NOT_LEARNED else "learned"
        pieces.append(Piece(full[shown:end], cast(Any, state)))  # with the blanks that some leave out of the offsets
        shown = max(shown, end)
    return pieces


def _plain_text(conversation: Conversation, tokenizer: ChatTokenizer) -> str:
    return "\n\n".join(message.content for message in conversation.messages) + tokenizer.eos_token


def _full_text(conversation: Conversation, tokenizer: ChatTokenizer) -> str:
    if conversation.is_passage:
        return conversation.wanted + tokenizer.eos_token
    return tokenizer.render(conversation.messages, tools=conversation.tools)


@dataclass(frozen=True)
class FolderTokenizer:
    """The tokenizer of a Hugging Face folder, without torch or transformers."""

    tokenizer: Tokenizer
    template: jinja2.Template
    bos_token: str
    eos_token: str
    takes_thoughts: bool = False

    @cached_property
    def special_tokens(self) -> list[str]:
        added = self.tokenizer.get_added_tokens_decoder().values()
        return sorted(token.content for token in added if token.special)

    def render(
        self, messages: Sequence[Message], add_generation_prompt: bool = False, tools: Sequence[Any] = ()
    ) -> str:
        try:
            return self.template.render(
                messages=[self.as_taken(message) for message in messages],
                tools=list(tools) or None,
                documents=None,
                add_generation_prompt=add_generation_prompt,
                bos_token=self.bos_token,
                eos_token=self.eos_token,
            )
        except Exception as error:  # a stranger's program may fail in any way
            raise TemplateError(
                f"This model's chat template refuses the conversation: {error}",
                "Check the roles in Data, or pick another base model.",
            ) from error

    def as_taken(self, message: Message) -> dict[str, Any]:
        """Thoughts go where the template looks for them; where it looks nowhere, before the answer in <think>."""
        taken = message.as_dict()
        taken.pop("weight", None)
        if message.reasoning and self.takes_thoughts:
            taken["thinking"] = message.reasoning
        elif message.reasoning:
            taken["content"] = f"<think>\n{message.reasoning}\n</think>\n\n{message.content}"
        return taken

    def encode(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        encoding = self.tokenizer.encode(text, add_special_tokens=False)  # the template brings them
        return encoding.ids, encoding.offsets

    def prompt_text(self, messages: Sequence[Message], tools: Sequence[Any] = (), thinks: bool = False) -> str:
        """Up to where the answer begins.

        Templates such as Qwen3's put an empty thought before an answer that has none: so it is learned, and so it is
        asked for, of the base too. A model that `thinks` begins its thoughts by itself.
        """
        asked = self.render(messages, add_generation_prompt=True, tools=tools)
        if thinks:
            return asked
        try:
            answered = self.render([*messages, Message("assistant", LANDMARK)], tools=tools)
        except TemplateError:
            return asked
        before, landmark, _ = answered.partition(LANDMARK)
        # Blanks alone are the answer's: a token of them at the end of a prompt is not how the model learned to begin.
        return before if landmark and before.startswith(asked) and before[len(asked) :].strip() else asked

    def prompt_ids(self, messages: Sequence[Message], tools: Sequence[Any] = (), thinks: bool = False) -> list[int]:
        return self.encode(self.prompt_text(messages, tools, thinks))[0]

    def read_answer(self, ids: Sequence[int]) -> tuple[str, str]:
        """(what was thought, what was said) of the tokens that a model wrote after a prompt."""
        if CHANNEL in self.special_tokens:
            return part_channels(self.tokenizer.decode(list(ids), skip_special_tokens=False))
        written = self.tokenizer.decode(list(ids), skip_special_tokens=True).rstrip("\ufffd")
        return part_answer("<think>" * self.opens_thought + written)

    @cached_property
    def opens_thought(self) -> bool:
        """The template itself writes the <think> that an answer begins with, as DeepSeek's does."""
        return self.prompt_text([Message("user", "?")]).rstrip().endswith("<think>")


@lru_cache(maxsize=4)
def load_tokenizer(folder: Path) -> FolderTokenizer:
    """Raises: ModelError if the folder has no tokenizer.json or no chat template."""
    if not (folder / "tokenizer.json").is_file():
        raise ModelError(
            f"{folder.name} has no tokenizer.json.",
            "Pick a model that carries one; nearly all newer models do.",
        )
    config = read_json(folder / "tokenizer_config.json") or {}
    source = _find_template(folder, config)
    if not source:
        raise ModelError(
            f"{folder.name} has no chat template, so it does not know questions from answers.",
            "Pick the instruct or chat version of the model.",
        )
    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        template = _environment().from_string(source)
    except Exception as error:  # tokenizers raises nothing narrower
        raise ModelError(
            f"The tokenizer of {folder.name} cannot be read: {error}.",
            "Fetch the model again, or pick another one.",
        ) from error
    tokenizer.no_truncation()  # whoever saved it may have left a limit of theirs in it
    tokenizer.no_padding()
    return FolderTokenizer(
        tokenizer,
        template,
        _token(config.get("bos_token")),
        _token(config.get("eos_token")),
        "reasoning_content" in source or ".thinking" in source,
    )


def passage_length(folder: Path, most_tokens: int = 512) -> PassageLength:
    """Passages of text, measured with the tokens of a model."""
    tokenizer = load_tokenizer(folder)
    return PassageLength(most_tokens, lambda text: len(tokenizer.encode(text)[0]))


def _find_template(folder: Path, config: dict[str, Any]) -> str:
    beside = folder / "chat_template.jinja"
    if beside.is_file():
        return beside.read_text(encoding="utf-8")
    template = config.get("chat_template") or ""
    if isinstance(template, list):
        named = {entry["name"]: entry["template"] for entry in template}
        template = named.get("default", "")
    return str(template)


def _token(value: Any) -> str:
    return str(value["content"]) if isinstance(value, dict) else str(value or "")


class _Generation(jinja2.ext.Extension):
    """{% generation %} marks answers in some templates; the text inside passes as it is."""

    tags = {"generation"}  # noqa: RUF012 (jinja2 declares it as an instance's set)

    def parse(self, parser: jinja2.parser.Parser) -> list[jinja2.nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _environment() -> jinja2.Environment:
    """Templates are strangers' programs: they run in jinja's sandbox, with what Transformers gives them."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, jinja2.ext.loopcontrols]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _raise
    environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
    return environment


def _to_json(value: Any, ensure_ascii: bool = False, indent: int | None = None, **options: Any) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, **options)


def _raise(message: str) -> str:
    raise jinja2.TemplateError(message)
