"""What is wanted where tools are called: the call in the words in which the run's model writes it."""

from __future__ import annotations

from collections.abc import Sequence

from studio.data.calls import calls_last, with_written_call
from studio.data.conversation import Conversation
from studio.runs import Run, base_of
from studio.train.tokenizing import tokenizer_of


def in_words(run: Run, asked: Sequence[Conversation]) -> list[Conversation]:
    """Raises: ModelError if there are calls and the run's base is not there; TemplateError if it cannot write them."""
    if not any(map(calls_last, asked)):
        return list(asked)
    tokenizer = tokenizer_of(base_of(run), run.recipe)
    return [with_written_call(each, tokenizer) for each in asked]
