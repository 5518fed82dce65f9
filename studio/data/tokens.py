"""Token ids, and which of them are learned. The screen, the counts and the trainer all call `label_tokens`."""

from __future__ import annotations

import json
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, Protocol, cast

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer
from tokenizers.models import BPE

from studio.data.answers import LANDMARK, answer_spans
from studio.data.chat_templates import OWN, fill_in
from studio.data.conversation import Conversation, Message
from studio.data.read import PassageLength
from studio.data.thoughts import CHANNEL, part_answer, part_channels
from studio.errors import ModelError, TemplateError
from studio.store import read_json

NOT_LEARNED = -100
NO_SYSTEM_ROLE = "This model's chat template has no place for a system prompt: it stands before the first question."
THINK = "<think>"
_SHORT = (Message("user", "?"), Message("assistant", LANDMARK))
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

    def encode(self, text: str, continues: bool = False) -> tuple[list[int], list[tuple[int, int]]]:
        """Ids, and for each the (begin, end) characters that it stands for; `continues`: text stands before it."""
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
    ids, offsets = _encode(full, tokenizer, [first for first, _ in spans])
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
    spans = [] if conversation.is_passage else answer_spans(conversation, full, tokenizer)
    _, offsets = _encode(full, tokenizer, [first for first, _ in spans])
    pieces, shown = [], 0
    for place, ((_, end), label) in enumerate(zip(offsets, labelled.labels, strict=True)):
        state = "cut" if place >= max_length else "read" if label == NOT_LEARNED else "learned"
        pieces.append(Piece(full[shown:end], cast(Any, state)))  # with the blanks that some leave out of the offsets
        shown = max(shown, end)
    return pieces


def _encode(text: str, tokenizer: ChatTokenizer, begins: Sequence[int]) -> tuple[list[int], list[tuple[int, int]]]:
    """Ids and offsets, with a cut where an answer would begin within a token.

    A model is asked with a prompt that ends there, so it must learn to go on from there: Qwen3.5's prompt ends in one
    line end, and its tokenizer would make one token of that and of the next.
    """
    ids, offsets = tokenizer.encode(text)
    cuts = [begin for begin in begins if 0 < begin < len(text) and _is_within_token(text, begin, offsets)]
    if not cuts:
        return ids, offsets
    ids, offsets = [], []
    for first, last in pairwise([0, *cuts, len(text)]):
        more, places = tokenizer.encode(text[first:last], continues=first > 0)
        ids += more
        offsets += [(first + begin, first + end) for begin, end in places]
    return ids, offsets


def _is_within_token(text: str, place: int, offsets: Sequence[tuple[int, int]]) -> bool:
    index = bisect_right(offsets, place, key=lambda span: span[1])  # the first token that ends behind it
    if index < len(offsets) and offsets[index][0] < place:
        return True
    # Some tokenizers leave blanks out of the offsets; whose they are cannot be seen, so the cut says it.
    covered = offsets[index - 1][1] if index else 0
    return covered < place and text[covered:place].isspace() and text[place - 1] == " "


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
    source: str = ""
    chosen: str = OWN
    values: Mapping[str, Any] = field(default_factory=dict)

    def with_values(self, **values: Any) -> FolderTokenizer:
        """The same, whose template is given more than Transformers gives it."""
        return replace(self, values=values)

    @property
    def takes_thoughts(self) -> bool:
        return "reasoning_content" in self.source or ".thinking" in self.source

    @cached_property
    def special_tokens(self) -> list[str]:
        added = self.tokenizer.get_added_tokens_decoder().values()
        return sorted(token.content for token in added if token.special)

    def render(
        self, messages: Sequence[Message], add_generation_prompt: bool = False, tools: Sequence[Any] = ()
    ) -> str:
        """As the template has it, with what some templates leave out: see `folded`, `_with_thought`, `ends_answers`."""
        messages = self.folded(messages)
        text = self._fill_in(messages, add_generation_prompt, tools)
        if not messages or messages[-1].role != "assistant" or add_generation_prompt:
            return text
        if self.opens_thought and not self._keeps_opening:
            text = self._with_thought(text, messages, tools)
        return text if self.ends_answers else text + self.eos_token

    def _fill_in(self, messages: Sequence[Message], add_generation_prompt: bool, tools: Sequence[Any]) -> str:
        try:
            return self.template.render(
                messages=[self.as_taken(message) for message in messages],
                tools=list(tools) or None,
                documents=None,
                add_generation_prompt=add_generation_prompt,
                bos_token=self.bos_token,
                eos_token=self.eos_token,
                **self.values,
            )
        except Exception as error:  # a stranger's program may fail in any way
            raise TemplateError(
                f"This model's chat template refuses the conversation: {error}",
                "Check the roles in Data, or pick another base model.",
            ) from error

    def folded(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Where the template has no system role, as Gemma 2's, a system prompt begins the first question."""
        count = next((place for place, message in enumerate(messages) if message.role != "system"), len(messages))
        if not 0 < count < len(messages) or messages[count].role != "user" or self.has_system_role:
            return messages
        system = "\n\n".join(message.content for message in messages[:count])
        return [replace(messages[count], content=f"{system}\n\n{messages[count].content}"), *messages[count + 1 :]]

    @cached_property
    def has_system_role(self) -> bool:
        """The template writes a system prompt; some refuse one, some leave it out."""
        try:
            return LANDMARK in self._fill_in([Message("system", LANDMARK), Message("user", "?")], False, ())
        except TemplateError:
            return False

    @cached_property
    def ends_answers(self) -> bool:
        """The template writes a mark behind the last answer; GLM-4's leaves it to whoever speaks next."""
        _, _, after = self._fill_in(_SHORT, False, ()).partition(LANDMARK)
        return any(mark in after for mark in self.special_tokens) or not self.eos_token or self.eos_token in after

    @cached_property
    def opens_thought(self) -> bool:
        """The template itself writes the <think> that an answer begins with, as DeepSeek-R1's and Qwen3.5's do."""
        return self._fill_in(_SHORT[:1], True, ()).rstrip().endswith(THINK)

    @property
    def adds_nothing(self) -> bool:
        """What is rendered is the model's own template alone, as any other tool would render it."""
        thought = self._keeps_opening or not self.opens_thought
        return self.chosen == OWN and self.has_system_role and self.ends_answers and thought

    @cached_property
    def _keeps_opening(self) -> bool:
        return self._fill_in(_SHORT, False, ()).startswith(self._fill_in(_SHORT[:1], True, ()))

    def _with_thought(self, text: str, messages: Sequence[Message], tools: Sequence[Any]) -> str:
        """DeepSeek-R1's template leaves the thoughts of an answer out, <think> and all, but asks with <think>."""
        asked = self._fill_in(messages[:-1], True, tools)
        kept = asked.rstrip().removesuffix(THINK)
        if not text.startswith(kept):
            return text
        thought = messages[-1].reasoning + "\n" if messages[-1].reasoning else "\n"
        return f"{asked}{thought}</think>\n\n{text[len(kept) :].lstrip()}"

    def as_taken(self, message: Message) -> dict[str, Any]:
        """Thoughts go where the template looks for them; where it looks nowhere, before the answer in <think>."""
        taken = message.as_dict()
        taken.pop("weight", None)
        if message.reasoning and self.takes_thoughts:
            taken["thinking"] = message.reasoning
        elif message.reasoning:
            taken["content"] = f"<think>\n{message.reasoning}\n</think>\n\n{message.content}"
        return taken

    def encode(self, text: str, continues: bool = False) -> tuple[list[int], list[tuple[int, int]]]:
        tokenizer = self._continuing if continues else self.tokenizer
        encoding = tokenizer.encode(text, add_special_tokens=False)  # the template brings them
        return encoding.ids, encoding.offsets

    @cached_property
    def _continuing(self) -> Tokenizer:
        """The same tokenizer without the blank that SentencePiece puts before the first word of a text."""
        parts = json.loads(self.tokenizer.to_str())
        for part in _parts_of(parts["normalizer"], "normalizers"):
            if part["type"] == "Prepend":
                part["prepend"] = ""
        for part in _parts_of(parts["pre_tokenizer"], "pretokenizers"):
            if part["type"] == "Metaspace":
                part["prepend_scheme"] = "never"
            if "add_prefix_space" in part:
                part["add_prefix_space"] = False
        return Tokenizer.from_str(json.dumps(parts))

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
        asked = self.render(messages, add_generation_prompt=True, tools=tools)
        return _encode(self.prompt_text(messages, tools, thinks), self, [len(asked)])[0]

    def read_answer(self, ids: Sequence[int], thinks: bool = False) -> tuple[str, str]:
        """(what was thought, what was said) of the tokens that a model wrote after a prompt; see `prompt_text`."""
        if CHANNEL in self.special_tokens:
            return part_channels(self.tokenizer.decode(list(ids), skip_special_tokens=False))
        written = self.tokenizer.decode(list(ids), skip_special_tokens=True).rstrip("\ufffd")
        return part_answer(THINK * (thinks and self.opens_thought) + written)


@lru_cache(maxsize=4)
def load_tokenizer(folder: Path, chat_template: str = OWN) -> FolderTokenizer:
    """`chat_template`: "own", or one of CHAT_TEMPLATES in its place.

    Raises: ModelError if the folder has no tokenizer.json, or no chat template and none was chosen.
    """
    if not (folder / "tokenizer.json").is_file():
        raise ModelError(
            f"{folder.name} has no tokenizer.json.",
            "Pick a model that carries one; nearly all newer models do.",
        )
    config = read_json(folder / "tokenizer_config.json") or {}
    source, end = _find_template(folder, config), _token(config.get("eos_token"))
    if not source and chat_template == OWN:
        raise ModelError(
            f"{folder.name} brings no chat template, so it does not know questions from answers.",
            "Choose chatml under 'Chat template' in Train, or pick the instruct version of the model.",
        )
    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # tokenizers raises nothing narrower
        raise _unreadable(folder, error) from error
    if chat_template != OWN:
        marks = [token.content for token in tokenizer.get_added_tokens_decoder().values() if token.special]
        source, end = fill_in(chat_template, folder.name, marks, end)
    try:
        template = _environment().from_string(source)
    except jinja2.TemplateError as error:
        raise _unreadable(folder, error) from error
    tokenizer.no_truncation()  # whoever saved it may have left a limit of theirs in it
    tokenizer.no_padding()
    return FolderTokenizer(
        tokenizer,
        template,
        _token(config.get("bos_token")),
        end,
        source,
        chat_template,
    )


def _unreadable(folder: Path, error: Exception) -> ModelError:
    return ModelError(
        f"The tokenizer of {folder.name} cannot be read: {error}.", "Fetch the model again, or pick another one."
    )


def brings_template(folder: Path) -> bool:
    return bool(_find_template(folder, read_json(folder / "tokenizer_config.json") or {}))


def has_system_role(folder: Path) -> bool:
    """As `FolderTokenizer.has_system_role`, of the model's own template, without reading its words."""
    config = read_json(folder / "tokenizer_config.json") or {}
    return _writes_system(
        _find_template(folder, config), _token(config.get("bos_token")), _token(config.get("eos_token"))
    )


@lru_cache(maxsize=8)
def _writes_system(source: str, bos_token: str, eos_token: str) -> bool:
    try:
        template = _environment().from_string(source)
    except jinja2.TemplateError:
        return False
    return FolderTokenizer(Tokenizer(BPE()), template, bos_token, eos_token, source).has_system_role


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


def _parts_of(part: dict[str, Any] | None, together: str) -> list[dict[str, Any]]:
    """The parts of a tokenizer's step, where it has several."""
    return [] if part is None else part[together] if part["type"] == "Sequence" else [part]


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
    environment.globals["strftime_now"] = lambda form: _write_date(form)
    return environment


def _write_today(form: str) -> str:
    return datetime.now().strftime(form)


_write_date: Callable[[str], str] = _write_today


@contextmanager
def date_written_by(write: Callable[[str], str]) -> Iterator[None]:
    """Templates write the day by `write`, which is given a form of strftime, instead of as today."""
    global _write_date
    _write_date = write
    try:
        yield
    finally:
        _write_date = _write_today


def _to_json(value: Any, ensure_ascii: bool = False, indent: int | None = None, **options: Any) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, **options)


def _raise(message: str) -> str:
    raise jinja2.TemplateError(message)
