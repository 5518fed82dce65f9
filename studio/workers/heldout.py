"""The questions that are asked after training, by whoever asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from studio.compare.wanted import in_words
from studio.data.conversation import Conversation, Message
from studio.data.datasets import Dataset, open_dataset
from studio.data.tokens import FolderTokenizer
from studio.errors import DataError
from studio.runs import Run, workspace_of

LONGEST_ANSWER = 1024


def held_out(run: Run) -> list[Conversation]:
    """The questions that no training saw. Raises: DataError if there are none."""
    return in_words(run, held_out_of(open_dataset(workspace_of(run.folder), run.recipe.data)))


def held_out_of(dataset: Dataset) -> list[Conversation]:
    """Raises: DataError if there are none."""
    kept = dataset.conversations("test")
    asked = [conversation for conversation in kept if not conversation.is_passage]
    if kept and not asked:
        raise DataError(
            f"{dataset.name} holds passages without questions, so there is nothing to ask.",
            "How well the model reads such text is told by the held-out loss, on the curve of the run.",
        )
    if not asked:
        raise DataError(
            f"{dataset.name} has no held-out part.", "Bring three different questions with answers, or more."
        )
    return asked


def held_out_or_begun(run: Run) -> list[Conversation]:
    """The questions that no training saw; of passages without questions, beginnings to go on from.

    Raises: DataError if there are neither.
    """
    kept = open_dataset(workspace_of(run.folder), run.recipe.data).conversations("test")
    begun = [_begin(conversation) for conversation in kept if conversation.is_passage]
    return begun if begun and len(begun) == len(kept) else held_out(run)


def _begin(passage: Conversation) -> Conversation:
    """Its first half as the prompt, its second as what is wanted."""
    text = passage.wanted
    middle = text.rfind(" ", 0, len(text) // 2 + 1)
    cut = middle if middle > 0 else len(text) // 2
    return replace(passage, messages=(Message("text", text[:cut]), Message("assistant", text[cut:])))


def is_begun(messages: Sequence[Message]) -> bool:
    """The beginning of a passage, which is read as it stands, without the chat template."""
    return [message.role for message in messages] == ["text"]


@dataclass(frozen=True)
class Manner:
    """How questions are put: `tools` that may be called, and whether thoughts come before the answer."""

    tools: tuple[Any, ...] = ()
    thinks: bool = False


def manner_of(run: Run) -> Manner:
    """As its held-out questions are put, with the tools that they all have; the plain way where the data is gone."""
    try:
        asked = open_dataset(workspace_of(run.folder), run.recipe.data).conversations("test")
    except DataError:
        return Manner()
    tools = asked[0].tools if asked and all(each.tools == asked[0].tools for each in asked) else ()
    return Manner(tuple(tools), learned_to_think(asked))


def learned_to_think(asked: Sequence[Conversation]) -> bool:
    """Thoughts stand before some of the wanted answers."""
    return any(conversation.thought for conversation in asked)


def longest_answer(asked: Sequence[Conversation], tokenizer: FolderTokenizer) -> int:
    """Room for the longest wanted answer with its thoughts and half as much again, in tokens."""
    longest = max(len(tokenizer.encode(each.thought + each.wanted)[0]) for each in asked)
    return min(LONGEST_ANSWER, longest + longest // 2 + 8)
