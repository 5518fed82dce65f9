"""The questions that are asked after training, by whoever asks."""

from __future__ import annotations

from collections.abc import Sequence

from studio.data.conversation import Conversation
from studio.data.datasets import open_dataset
from studio.data.tokens import FolderTokenizer
from studio.errors import DataError
from studio.runs import Run, workspace_of

LONGEST_ANSWER = 1024


def held_out(run: Run) -> list[Conversation]:
    dataset = open_dataset(workspace_of(run.folder), run.recipe.data)
    asked = [conversation for conversation in dataset.conversations("test") if not conversation.is_passage]
    if not asked:
        raise DataError(
            f"{dataset.name} has no held-out part.", "Bring three different questions with answers, or more."
        )
    return asked


def longest_answer(asked: Sequence[Conversation], tokenizer: FolderTokenizer) -> int:
    """Room for the longest wanted answer and half as much again, in tokens."""
    longest = max(len(tokenizer.encode(conversation.wanted)[0]) for conversation in asked)
    return min(LONGEST_ANSWER, longest + longest // 2 + 8)
