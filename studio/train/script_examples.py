"""The examples of a script, as rows of JSON that a few plain lines of it make into the tokens that a run learns from.

{"messages": [...]}                  a chat; with "tools", and with "only_read": numbers of answers that are not learned
{"text": "..."}                      plain text, all of it learned
{"text": "...", "learned": [[9, 31]]}  a chat as the template has it, and the characters that are learned
{"ids": [...], "learned": [[9, 31]]}   a chat as tokens that text alone would not become, and those that are learned
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from studio.data.answers import answer_spans
from studio.data.conversation import Conversation
from studio.data.datasets import Dataset
from studio.data.tokens import NOT_LEARNED, FolderTokenizer, Learn, label_tokens
from studio.errors import DataError, TemplateError
from studio.train.recipe import HELDOUT_MOST, Recipe

Row = dict[str, Any]


@dataclass(frozen=True)
class Examples:
    """What a run learns from and what it watches, in its order; those that the template refuses are left out."""

    train: list[Row]
    validation: list[Row]

    def have(self, key: str) -> bool:
        """Whether any row has it."""
        return any(key in row for row in (*self.train, *self.validation))


def read_rows(dataset: Dataset, tokenizer: FolderTokenizer, recipe: Recipe) -> Examples:
    """Raises: DataError if nothing of the data set can be learned from."""
    learn = learn_of(recipe)
    parts = [
        [one for one in conversations if _is_taken(one, tokenizer, learn)]
        for conversations in (dataset.conversations("train"), dataset.conversations("validation")[:HELDOUT_MOST])
    ]
    train, validation = parts
    if not any(_learned(train, tokenizer, recipe)):
        raise DataError(
            f"No example of {dataset.name} can be learned from with this model.",
            "Raise 'Longest example', or see the findings in Data.",
        )
    if not any(_learned(validation, tokenizer, recipe)):
        validation = []
    alone = learn == "text" or tokenizer.adds_nothing
    plain = alone and (learn != "answers" or all(_is_plain(one, tokenizer) for part in parts for one in part))
    as_row = _as_row if plain else _as_marked_row
    if not plain and not all(_is_read_alike(one, tokenizer, learn) for part in parts for one in part):
        as_row = _as_token_row
    return Examples(
        [as_row(one, tokenizer, learn) for one in train], [as_row(one, tokenizer, learn) for one in validation]
    )


def learn_of(recipe: Recipe) -> Learn:
    return "text" if recipe.task == "text" else "answers" if recipe.answers_only else "all"


def _learned(conversations: Sequence[Conversation], tokenizer: FolderTokenizer, recipe: Recipe) -> Iterator[int]:
    """Tokens that are learned of each."""
    for conversation in conversations:
        yield label_tokens(conversation, tokenizer, recipe.max_length, learn_of(recipe)).learned_tokens


def _is_taken(conversation: Conversation, tokenizer: FolderTokenizer, learn: Learn) -> bool:
    """The template accepts it, and says where its answers are."""
    if learn == "text" or conversation.is_passage:
        return True
    try:
        full = tokenizer.render(conversation.messages, tools=conversation.tools)
        if learn == "answers":
            answer_spans(conversation, full, tokenizer)
    except TemplateError:
        return False
    return True


def _is_plain(conversation: Conversation, tokenizer: FolderTokenizer) -> bool:
    """Each answer begins where the conversation up to it ends, so that the script's plain rule finds it."""
    if conversation.is_passage:
        return True
    messages, tools = conversation.messages, conversation.tools
    full = tokenizer.render(messages, tools=tools)
    for place, message in enumerate(messages):
        if message.role == "assistant":
            if place == 0 or not tokenizer.eos_token:
                return False
            before = tokenizer.render(messages[:place], add_generation_prompt=True, tools=tools)
            through = tokenizer.render(messages[: place + 1], tools=tools)
            if not (full.startswith(through) and through.startswith(before)):
                return False
    return True


def _is_read_alike(conversation: Conversation, tokenizer: FolderTokenizer, learn: Learn) -> bool:
    """Its text, read in one go by the script's rule, becomes the tokens that a run learns from."""
    row = _as_marked_row(conversation, tokenizer, learn)
    ids, offsets = tokenizer.encode(row["text"])
    labels = [
        token if any(first <= begin and first < end <= last for first, last in row["learned"]) else NOT_LEARNED
        for token, (begin, end) in zip(ids, offsets, strict=True)
    ]
    labelled = label_tokens(conversation, tokenizer, sys.maxsize, learn)
    return (ids, labels) == (labelled.input_ids, labelled.labels)


def _as_row(conversation: Conversation, tokenizer: FolderTokenizer, learn: Learn) -> Row:
    messages = conversation.messages
    if learn == "text" or conversation.is_passage:
        return {"text": "\n\n".join(message.content for message in messages)}
    only_read = [place for place, message in enumerate(messages) if message.role == "assistant" and not message.learned]
    return (
        {"messages": [tokenizer.as_taken(message) for message in messages]}
        | ({"tools": list(conversation.tools)} if conversation.tools else {})
        | ({"only_read": only_read} if only_read and learn == "answers" else {})
    )


def _as_marked_row(conversation: Conversation, tokenizer: FolderTokenizer, learn: Learn) -> Row:
    if conversation.is_passage:
        full = conversation.wanted + tokenizer.eos_token
        return {"text": full, "learned": [(0, len(full))]}
    full = tokenizer.render(conversation.messages, tools=conversation.tools)
    learned = answer_spans(conversation, full, tokenizer) if learn == "answers" else [(0, len(full))]
    return {"text": full, "learned": learned}


def _as_token_row(conversation: Conversation, tokenizer: FolderTokenizer, learn: Learn) -> Row:
    labelled = label_tokens(conversation, tokenizer, sys.maxsize, learn)
    learned, begin = [], 0
    for is_learned, run in groupby(label != NOT_LEARNED for label in labelled.labels):
        end = begin + sum(1 for _ in run)
        if is_learned:
            learned.append((begin, end))
        begin = end
    return {"ids": labelled.input_ids, "learned": learned}
