"""Where each answer stands in a rendered conversation, whatever the template does with the turns before it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from studio.data.conversation import Conversation, Message
from studio.errors import TemplateError

if TYPE_CHECKING:
    from studio.data.tokens import ChatTokenizer

Span = tuple[int, int]  # (begin, end) characters
LANDMARK = "zq7landmark7qz"
SHORTEST_HEADER = 3
# How a turn that calls a tool ends, where it has no words of its own to look behind.
CALL_ENDS = ("<|call|>", "<|eom_id|>", "<|eot_id|>", "<|im_end|>", "<end_of_turn>", "</s>")


def answer_spans(conversation: Conversation, full: str, tokenizer: ChatTokenizer) -> list[Span]:
    """Spans of all answers that are learned, their end marks included, in order and apart from each other.

    Raises: TemplateError if the template does not say where one of them begins.
    """
    messages = conversation.messages
    spans: list[Span] = []
    for index, message in enumerate(messages):
        if message.role == "assistant":
            span = _by_beginning(conversation, index, full, tokenizer) or _by_landmarks(
                conversation, index, full, tokenizer
            )
            if span is None or span[0] >= span[1] or (spans and span[0] < spans[-1][1]):
                raise TemplateError(
                    f"This model's chat template does not say where answer {_number(messages, index)} begins.",
                    "Pick the instruct version of the model, or split the conversation into single turns.",
                )
            if message.tool_calls and not all(call.name in full[span[0] : span[1]] for call in message.tool_calls):
                raise TemplateError(
                    "This model's chat template leaves out what tools are called.",
                    "Pick a model that was made to call tools, or drop these examples.",
                )
            spans.append(span)
    learned = [message.learned for message in messages if message.role == "assistant"]
    return [span for span, is_learned in zip(spans, learned, strict=True) if is_learned]


def _number(messages: Sequence[Message], index: int) -> int:
    return sum(message.role == "assistant" for message in messages[: index + 1])


def _by_beginning(conversation: Conversation, index: int, full: str, tokenizer: ChatTokenizer) -> Span | None:
    """Where the conversation up to an answer is rendered as it is in the whole, as most templates do it."""
    messages, tools = conversation.messages, conversation.tools
    before = tokenizer.render(messages[:index], add_generation_prompt=True, tools=tools)
    through = tokenizer.render(messages[: index + 1], tools=tools) if index + 1 < len(messages) else full
    if not (full.startswith(through) and through.startswith(before)):
        return None
    said = "" if messages[index].tool_calls else messages[index].content.strip()
    if said and (place := through.rfind(said)) >= len(before):
        return len(before), _end_of_mark(full, place + len(said), tokenizer)
    mark = through.rfind(tokenizer.eos_token, len(before)) if tokenizer.eos_token else -1
    if mark >= 0:
        return len(before), mark + len(tokenizer.eos_token)
    end = len(through.rstrip())
    written = through[len(before) : end].endswith(tuple(filter(None, tokenizer.special_tokens)))
    return len(before), end if written else _end_of_mark(full, end, tokenizer)


def _by_landmarks(conversation: Conversation, index: int, full: str, tokenizer: ChatTokenizer) -> Span | None:
    """Templates such as Qwen3's and gpt-oss's leave thoughts out of earlier turns, and end the last one otherwise.

    The words of the answer and of the message before it are found by rendering a landmark in their place; between
    them stands the header of the answer, which is what the template writes for the model to go on from.
    """
    messages, tools = conversation.messages, conversation.tools
    previous = _content_span(conversation, index - 1, full, tokenizer) if index else (0, 0)
    so_far = tokenizer.render(messages[:index], tools=tools)
    asked = tokenizer.render(messages[:index], add_generation_prompt=True, tools=tools)
    header = asked[_common_length(so_far, asked) :]  # Phi-3's ends whatever asks nothing
    if previous is None or not header:
        return None
    content = _content_span(conversation, index, full, tokenizer) if messages[index].content else None
    gap = full[previous[1] : content[0] if content else len(full)]
    begin = _end_of_header(gap, header)
    if begin is None:
        return None
    begin += previous[1]
    if content:
        return begin, _end_of_mark(full, content[1], tokenizer)
    ends = [
        found + len(mark) for mark in {*CALL_ENDS, tokenizer.eos_token} - {""} if (found := full.find(mark, begin)) >= 0
    ]
    return (begin, min(ends)) if ends and messages[index].tool_calls else None


def _common_length(one: str, other: str) -> int:
    """Characters with which both begin."""
    differs = (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    return next(differs, min(len(one), len(other)))


def _content_span(conversation: Conversation, index: int, full: str, tokenizer: ChatTokenizer) -> Span | None:
    """Of the words of one message."""
    messages = list(conversation.messages)
    messages[index] = replace(messages[index], content=LANDMARK)
    before, landmark, after = tokenizer.render(messages, tools=conversation.tools).partition(LANDMARK)
    fits = full.startswith(before) and full.endswith(after) and len(before) + len(after) <= len(full)
    return (len(before), len(full) - len(after)) if landmark and LANDMARK not in after and fits else None


def _end_of_header(gap: str, header: str) -> int | None:
    """Behind as much of the header as stands in the gap: DeepSeek's goes on with <think>, earlier turns do not."""
    for length in range(len(header), 0, -1):
        if len(header[:length].strip()) >= SHORTEST_HEADER and (place := gap.find(header[:length])) >= 0:
            return place + length
    return None


def _end_of_mark(full: str, end: int, tokenizer: ChatTokenizer) -> int:
    """Behind the special token that follows the words, if one does."""
    tokens = {*tokenizer.special_tokens, tokenizer.eos_token} - {""}
    marks = "|".join(map(re.escape, sorted(tokens, key=len, reverse=True)))
    found = re.compile(rf"\s*(?:{marks})").match(full, end) if marks else None
    return found.end() if found else end
