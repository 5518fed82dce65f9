"""What is kept of each example for the checks that look over all: a few numbers, not its text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy
import pandas

from studio.data.audit.finding import Example
from studio.data.audit.form import form_of, kind_of_task, label_of
from studio.data.audit.language import language_of, speaks_of_language
from studio.data.audit.wording import FIRST_SENTENCE
from studio.data.conversation import Message
from studio.data.likeness import Sketches, fold, join_folded, key_of, sketch

COLUMNS = {
    "row": "int64",  # as read
    "split": "category",
    "example_key": "uint64",  # equal for the same words
    "prompt_key": "uint64",  # 0 without a question
    "answer_key": "uint64",
    "opening_key": "uint64",  # of the first sentence of a longer answer, else 0
    "answer_length": "int64",  # characters of the last answer
    "fresh_share": "float32",  # of the last answer's runs of words, those that are different; 1 for a few words
    "copied_share": "float32",  # of the last answer's runs of words, those that stand in the question
    "prompt_language": "category",
    "answer_language": "category",
    "speaks_of_language": "bool",
    "form": "category",
    "signature": "category",
    "label": "category",
    "task": "category",
    "tokens": "int64",  # 0 where the template refuses the example
    "learned_tokens": "int64",
    "cut_tokens": "int64",
    "cut_learned_tokens": "int64",
    "has_system": "bool",
}
SHORTEST_COPY_WORDS = 8
FEWEST_TO_REPEAT_WORDS = 20


def describe(examples: Sequence[Example], splits: Sequence[str]) -> tuple[pandas.DataFrame, Sketches]:
    """The facts of examples, a row each in their order, and their sketches."""
    folded: list[str] = []
    facts = []
    for example, split in zip(examples, splits, strict=True):
        conversation = example.conversation
        texts = [fold(message.content) for message in conversation.messages]
        last = len(conversation.prompt)
        prompt, answer = join_folded(texts[:last]), texts[last] if last < len(texts) else ""
        roles = [message.role for message in conversation.messages]
        folded.append(join_folded([text for text, role in zip(texts, roles, strict=True) if role != "system"]))
        facts.append((conversation.row, split, key_of(folded[-1]), *_facts_of(example, prompt, answer)))
    table = pandas.DataFrame(facts, columns=list(COLUMNS)).astype(COLUMNS)
    return table, sketch(folded)


def _facts_of(example: Example, prompt: str, answer: str) -> tuple[object, ...]:
    conversation, tokens = example.conversation, example.tokens
    wanted = conversation.wanted
    asked = next((m.content for m in reversed(conversation.prompt) if m.role == "user"), "")
    form, signature = form_of(wanted)
    opening = FIRST_SENTENCE.match(wanted[:200]) if form == "text" else None
    spoken = language_of(asked), language_of(wanted)
    return (
        key_of(prompt) if prompt else 0,
        key_of(answer),
        key_of(fold(opening[1])) if opening else 0,
        len(wanted.strip()),
        fresh_share(answer),
        _copied_share(prompt, answer),
        *spoken,
        spoken[1] != "" and spoken[0] != spoken[1] and speaks_of_language(_text_of(conversation.prompt)),
        form,
        signature,
        label_of(wanted) if form == "text" else "",
        kind_of_task(asked, wanted),
        len(tokens.input_ids) + tokens.cut_tokens if tokens else 0,
        tokens.learned_tokens if tokens else 0,
        tokens.cut_tokens if tokens else 0,
        tokens.cut_learned_tokens if tokens else 0,
        bool(conversation.system),
    )


def _text_of(messages: Sequence[Message]) -> str:
    return "\n".join(message.content for message in messages)


def fresh_share(answer: str) -> float:
    words = answer.split(" ")
    runs = list(zip(words, words[1:], words[2:], strict=False))
    return len(set(runs)) / len(runs) if len(words) >= FEWEST_TO_REPEAT_WORDS else 1.0


def _copied_share(prompt: str, answer: str) -> float:
    words = answer.split(" ")
    if len(words) < SHORTEST_COPY_WORDS:
        return 0.0
    if answer in prompt:
        return 1.0
    asked = prompt.split(" ")
    if len(asked) < SHORTEST_COPY_WORDS:
        return 0.0
    known = set(zip(asked, asked[1:], asked[2:], strict=False))
    runs = list(zip(words, words[1:], words[2:], strict=False))
    return float(numpy.mean([run in known for run in runs]))
