"""Answers of base and tuned from one batched pass."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from transformers import StoppingCriteria, StoppingCriteriaList

from studio.data.conversation import Message
from studio.data.tokens import FolderTokenizer

Side = Literal["base", "tuned"]
# PEFT's own names: what its forward calls the bare weights, and the adapter that was loaded first.
ADAPTER_OF: dict[Side, str] = {"base": "__base__", "tuned": "default"}


@dataclass(frozen=True)
class Prompt:
    side: Side
    messages: Sequence[Message]


@dataclass(frozen=True)
class Answer:
    """`ids` are those of the text, with the end mark's where it ended by itself; else a limit or Stop cut it."""

    text: str
    ids: list[int]
    finished: bool

    @property
    def tokens(self) -> int:
        return len(self.ids)


def end_ids_of(base: Path, tokenizer: FolderTokenizer) -> set[int]:
    """Token ids that end an answer: the tokenizer's end mark and those of generation_config.json."""
    end = tokenizer.tokenizer.token_to_id(tokenizer.eos_token)
    ids = {end} if end is not None else set()
    config = base / "generation_config.json"
    if config.exists():
        more = json.loads(config.read_text(encoding="utf-8")).get("eos_token_id")
        ids |= set(more) if isinstance(more, list) else {more} if isinstance(more, int) else set()
    return ids


class Generator:
    """A tuned model with its tokenizer; every prompt says whether base or tuned is asked."""

    def __init__(self, model: Any, tokenizer: FolderTokenizer, end_ids: set[int]) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.end_ids = end_ids

    def answer(
        self,
        prompts: Sequence[Prompt],
        *,
        most_tokens: int,
        temperature: float = 0.0,
        watch: Callable[[list[Answer]], bool] | None = None,
    ) -> list[Answer]:
        """All prompts in one batch. `watch` sees the answers after each token and returns True to stop.

        Shapes: input_ids (prompts, longest prompt), padded on the left.
        Source: PEFT, mixed adapter batches by `adapter_names`.
        """
        ids = [self.tokenizer.prompt_ids(prompt.messages) for prompt in prompts]
        longest = max(map(len, ids))
        pad = min(self.end_ids)
        input_ids = torch.tensor([[pad] * (longest - len(row)) + row for row in ids], device=self.model.device)
        mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in ids], device=self.model.device)
        watcher = _Watcher(self, longest, watch)
        output = self.model.generate(
            input_ids=input_ids,
            attention_mask=mask,
            adapter_names=[ADAPTER_OF[prompt.side] for prompt in prompts],
            max_new_tokens=most_tokens,
            do_sample=temperature > 0,
            temperature=temperature if temperature > 0 else None,
            top_p=0.95 if temperature > 0 else None,
            top_k=None,
            eos_token_id=sorted(self.end_ids),
            pad_token_id=pad,
            stopping_criteria=StoppingCriteriaList([watcher]) if watch else None,
        )
        return self.read(output[:, longest:].tolist())

    def read(self, rows: list[list[int]]) -> list[Answer]:
        return [self._read_one(row) for row in rows]

    def _read_one(self, row: list[int]) -> Answer:
        end = next((i for i, token in enumerate(row) if token in self.end_ids), None)
        text = self.tokenizer.tokenizer.decode(row[:end], skip_special_tokens=True)
        ids = row if end is None else row[: end + 1]
        return Answer(text.rstrip("\ufffd"), ids, end is not None)


class _Watcher(StoppingCriteria):  # type: ignore[misc]
    def __init__(self, generator: Generator, start: int, watch: Callable[[list[Answer]], bool] | None) -> None:
        self.generator = generator
        self.start = start
        self.watch = watch

    def __call__(self, input_ids: torch.Tensor, scores: Any, **more: Any) -> torch.Tensor:
        answers = self.generator.read(input_ids[:, self.start :].tolist())
        stop = bool(self.watch and self.watch(answers))
        return torch.full((input_ids.shape[0],), stop, dtype=torch.bool, device=input_ids.device)
