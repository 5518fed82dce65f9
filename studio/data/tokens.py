"""Token ids, and which of them are learned. The screen, the counts and the trainer all call `label_tokens`."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer

from studio.data.conversation import Conversation, Message
from studio.errors import ModelError, TemplateError
from studio.store import read_json

NOT_LEARNED = -100


class ChatTokenizer(Protocol):
    """What this module needs of a tokenizer with a chat template."""

    @property
    def eos_token(self) -> str: ...

    def render(self, messages: Sequence[Message], add_generation_prompt: bool = False) -> str: ...

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
        return sum(label != NOT_LEARNED for label in self.labels)


def label_tokens(conversation: Conversation, tokenizer: ChatTokenizer, max_length: int) -> Labelled:
    """Turn a conversation into token ids and mark the ones that are learned: the answers with their end mark.

    Shapes: input_ids (seq,), labels (seq,); a label is -100 outside the answers. seq <= max_length tokens.
    Raises: TemplateError if the template does not say where an answer begins.
    Source: QLoRA, https://arxiv.org/abs/2305.14314, trains on answers only.
    """
    full = tokenizer.render(conversation.messages)
    spans = _answer_spans(conversation.messages, full, tokenizer)
    ids, offsets = tokenizer.encode(full)
    labels = [NOT_LEARNED] * len(ids)
    begins, ends = [begin for begin, _ in offsets], [end for _, end in offsets]
    for first, last in spans:
        # Some tokenizers leave blanks out of the offsets: a token of blanks alone is (end, end) of where it stands.
        start = max(bisect_left(begins, first), bisect_right(ends, first))
        stop = bisect_right(ends, last)
        labels[start:stop] = ids[start:stop]
    cut = labels[max_length:]
    return Labelled(ids[:max_length], labels[:max_length], len(cut), sum(label != NOT_LEARNED for label in cut))


def _answer_spans(messages: Sequence[Message], full: str, tokenizer: ChatTokenizer) -> list[tuple[int, int]]:
    """(begin, end) characters of each answer in the rendered conversation."""
    spans: list[tuple[int, int]] = []
    for index, message in enumerate(messages):
        if message.role != "assistant":
            continue
        before = tokenizer.render(messages[:index], add_generation_prompt=True)
        through = tokenizer.render(messages[: index + 1]) if index + 1 < len(messages) else full
        if not (full.startswith(through) and through.startswith(before)):
            raise TemplateError(
                f"This model's chat template does not say where answer {len(spans) + 1} begins.",
                "Pick the instruct version of the model, or split the conversation into single turns.",
            )
        mark = through.rfind(tokenizer.eos_token, len(before)) if tokenizer.eos_token else -1
        end = mark + len(tokenizer.eos_token) if mark >= 0 else len(through.rstrip())
        spans.append((len(before), end))
    return spans


@dataclass(frozen=True)
class FolderTokenizer:
    """The tokenizer of a Hugging Face folder, without torch or transformers."""

    tokenizer: Tokenizer
    template: jinja2.Template
    bos_token: str
    eos_token: str

    @property
    def special_tokens(self) -> list[str]:
        added = self.tokenizer.get_added_tokens_decoder().values()
        return sorted(token.content for token in added if token.special)

    def render(self, messages: Sequence[Message], add_generation_prompt: bool = False) -> str:
        try:
            return self.template.render(
                messages=[{"role": m.role, "content": m.content} for m in messages],
                tools=None,
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

    def encode(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        encoding = self.tokenizer.encode(text, add_special_tokens=False)  # the template brings them
        return encoding.ids, encoding.offsets

    def prompt_ids(self, messages: Sequence[Message]) -> list[int]:
        return self.encode(self.render(messages, add_generation_prompt=True))[0]


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
    )


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
