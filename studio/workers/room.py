"""What fits: into the tokens that a model reads at once, and into the memory."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import torch
from peft.tuners.lora.model import _adapter_names_pre_forward_hook

from studio.errors import ModelError
from studio.hardware import read_machine
from studio.workers.generate import Generator
from studio.workers.memory import is_out_of_memory

Row = TypeVar("Row")
Found = TypeVar("Found")


def find_context(model: Any) -> int | None:
    """How many tokens it reads at once, prompt and answer together; None where its configuration does not say."""
    context = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    return int(context) if context else None


def require_context(model: Any, prompt_tokens: int, most_tokens: int) -> None:
    """Raises: ModelError if a prompt and the longest answer are more than the model reads at once."""
    context = find_context(model)
    if context and prompt_tokens + most_tokens > context:
        raise ModelError(
            f"The conversation has {prompt_tokens:,} tokens. With an answer of up to {most_tokens:,} that is more than "
            f"the {context:,} that this model reads at once.",
            "Clear the conversation, ask shorter, or lower the longest answer.",
        )


def require_memory(needed_bytes: int, title: str, do: str, on_card: bool = True) -> None:
    """Raises: ModelError if there is less: the system would end the whole process for it.

    `on_card`: it goes onto the card where there is one. `do`: what a person can do about it.
    """
    if on_card and torch.cuda.is_available():
        where, free_bytes = "the card", torch.cuda.mem_get_info()[0]
    else:
        where, free_bytes = "memory", read_machine().free_memory_bytes
    if needed_bytes > free_bytes:
        words = f"{title} needs {needed_bytes / 1e9:.1f} GB, and {where} has {free_bytes / 1e9:.1f} GB left."
        raise ModelError(words, do)


class Halving:
    """Rows in one batch as long as the memory holds them; from there on half as many, and half again.

    `generator`: whose rows they are; where not even one fits, its base and its tuned answer one after the other from
    then on.
    """

    def __init__(self, generator: Generator | None = None) -> None:
        self.generator = generator
        self.most: int | None = None

    def each(self, rows: Sequence[Row], act: Callable[[Sequence[Row]], Found]) -> Iterator[tuple[Sequence[Row], Found]]:
        """The rows of each batch that fitted, in their order, with what `act` found of them.

        Raises: ModelError where a single row does not fit.
        """
        start = 0
        while start < len(rows):
            part = rows[start : start + (self.most or len(rows))]
            try:
                found = act(part)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                self._take_less(len(part), error)
            else:
                yield part, found
                start += len(part)
                continue
            # Only now: the error held what the batch had laid out.
            if self.generator is not None:
                forget_names(self.generator.model)
            free_memory()

    def _take_less(self, rows: int, error: Exception) -> None:
        print(f"The memory does not hold {rows} at once: {error}")
        if rows > 1:
            self.most = rows // 2
        elif self.generator is not None and not self.generator.in_turn:
            self.generator.in_turn = True
        else:
            raise ModelError(
                "The memory does not hold the model and a single question with its answer.",
                "Close what else needs the memory, or train with shorter examples or with the base in 4 bits. What was "
                "answered is kept.",
            ) from error


def forget_names(model: Any) -> None:
    """PEFT tells each layer whose row is whose by hooks, and leaves them there where the pass breaks off.

    The next pass would take its rows for those of the one that broke off.
    """
    for module in model.modules():
        for number, hook in list(module._forward_pre_hooks.items()):
            if getattr(hook, "func", None) is _adapter_names_pre_forward_hook:
                del module._forward_pre_hooks[number]
                module._forward_pre_hooks_with_kwargs.pop(number, None)


def free_memory() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
