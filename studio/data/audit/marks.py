"""Marks of a chat template where only words should be."""

from __future__ import annotations

import re
from collections.abc import Iterable

from studio.data.audit.finding import Check, Example, Mark
from studio.data.tokens import NOT_LEARNED, FolderTokenizer

# Of ChatML, Llama 2 and 3, Gemma, Mistral, Phi, Zephyr, DeepSeek, gpt-oss, Alpaca.
TEMPLATE_MARKS = re.compile(
    r"<\|(?:im_start|im_end|im_sep|endoftext|begin_of_text|end_of_text|eot_id|eom_id|start_header_id|end_header_id"
    r"|python_tag|system|user|assistant|end|start|message|channel|return|call|endofprompt|pad)\|>"
    r"|</?(?:start_of_turn|end_of_turn|bos|eos|pad|unk)>|<(?:start_of_turn|end_of_turn)>"
    r"|\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\]|<</?SYS>>"
    r"|<[|｜](?:begin▁of▁sentence|end▁of▁sentence|User|Assistant)[|｜]>"
    r"|^#{2,3} ?(?:Instruction|Response|Input):\s*$|(?:^<s>|</s>$)",
    re.MULTILINE,
)


def template_marks(example: Example) -> Iterable[Mark]:
    for number, message in enumerate(example.conversation.messages):
        text = message.content
        if "<" not in text and "[" not in text and "#" not in text:
            continue
        for pattern in filter(None, (TEMPLATE_MARKS, example.special_marks)):
            for found in pattern.finditer(text):
                yield Mark(number, found.start(), found.end(), "MARK")
    yield from _missing_end(example)


def _missing_end(example: Example) -> Iterable[Mark]:
    """The last character of an answer behind which the template writes no mark: whoever learns it never stops."""
    tokens = example.tokens
    if not tokens or not example.end_ids or tokens.cut_tokens:
        return
    last = next((label for label in reversed(tokens.labels) if label != NOT_LEARNED), None)
    if last is not None and last not in example.end_ids:
        number = len(example.conversation.messages) - 1
        length = len(example.conversation.messages[number].content)
        yield Mark(number, max(0, length - 1), length, "END")


def special_pattern(tokenizer: FolderTokenizer) -> re.Pattern[str] | None:
    """The model's own special tokens of four characters and more, which no text should hold."""
    words = [word for word in tokenizer.special_tokens if len(word) > 3]
    return re.compile("|".join(map(re.escape, words))) if words else None


CHECKS = (
    Check(
        "template_marks",
        "{count} example{s} with marks of a chat template inside the text, or none at its end",
        "The model takes them for the end of a turn, and learns to stop, to go on, or to speak for the other side.",
        "warning",
        template_marks,
    ),
)
