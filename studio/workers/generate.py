"""Answers of base and tuned, from one batched pass where they can share one."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from peft.tuners.lora.layer import ParamWrapper
from transformers import StoppingCriteria, StoppingCriteriaList

from studio.compare.sampling import GREEDY, Sampling
from studio.data.conversation import Message
from studio.data.tokens import FolderTokenizer
from studio.workers.dice import Sureness, processors_of
from studio.workers.heldout import is_begun
from studio.workers.mixed import mix

# "base", "tuned", or the name of one adapter of several.
Side = str
# PEFT's own names: what its forward calls the bare weights, and the adapter that was loaded first.
ADAPTERS: dict[Side, str] = {"base": "__base__", "tuned": "default"}


def adapter_of(side: Side) -> str:
    return ADAPTERS.get(side, side)


@dataclass(frozen=True)
class Prompt:
    """`tools`: what may be called; `thinks`: thoughts before the answer were learned; `seed`: of dice of its own."""

    side: Side
    messages: Sequence[Message]
    tools: Sequence[Any] = ()
    thinks: bool = False
    seed: int | None = None

    def ids(self, tokenizer: FolderTokenizer) -> list[int]:
        if is_begun(self.messages):
            return tokenizer.encode(self.messages[0].content)[0]
        return tokenizer.prompt_ids(self.messages, self.tools, self.thinks)


@dataclass(frozen=True)
class Answer:
    """`ids` are those of all it wrote, with the end mark's where it ended by itself; else a limit or Stop cut it.

    `text` is what it said; what it thought before stands in `thoughts`. `read_tokens`: of the prompt.

    `first_s` and `seconds`: from the question to the first token and to the last. `sure`: the mean probability of its
    tokens, 0 to 1; None while it is being written.
    """

    text: str
    ids: list[int]
    finished: bool
    first_s: float = 0.0
    seconds: float = 0.0
    sure: float | None = None
    thoughts: str = ""
    read_tokens: int = 0

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


@contextmanager
def without_router_loss(model: Any) -> Iterator[None]:
    """A mixture of experts that answers; TRL has it count how evenly its experts are used.

    While it decodes token by token, that count meets a mask as long as the whole text, and fails.
    """
    configs = [c for c in (model.config, model.config.get_text_config()) if getattr(c, "output_router_logits", False)]
    for config in configs:
        config.output_router_logits = False
    try:
        yield
    finally:
        for config in configs:
            config.output_router_logits = True


Watch = Callable[[list[Answer]], bool]
Count = Callable[[int], None]


def can_share_a_batch(model: Any) -> bool:
    """PEFT refuses batches of base and tuned where DoRA is used, or where experts lie in one block."""
    return (
        isinstance(model, PeftModel)
        and not any(getattr(config, "use_dora", False) for config in model.peft_config.values())
        and not any(isinstance(module, ParamWrapper) for module in model.modules())
    )


class Generator:
    """A tuned model with its tokenizer; every prompt says whether base or tuned is asked.

    `before` is a base of its own where the tuned model is not the base with an adapter. `in_turn`: base and tuned
    answer one after the other.
    """

    def __init__(self, model: Any, tokenizer: FolderTokenizer, end_ids: set[int], before: Any = None) -> None:
        self.model = model
        self.before = before
        self.tokenizer = tokenizer
        self.end_ids = end_ids
        self.in_turn = not can_share_a_batch(model)
        if not self.in_turn:
            mix(model)

    def answer(
        self,
        prompts: Sequence[Prompt],
        *,
        most_tokens: int,
        sampling: Sampling = GREEDY,
        watch: Watch | None = None,
        count: Count | None = None,
    ) -> list[Answer]:
        """All prompts in one batch, or in turn one for each side, the base first.

        `watch` sees all answers after each token, and returns True to stop. `count` is told how many tokens each has by
        now, which costs nothing.
        """
        if not self.in_turn:
            # Source: PEFT, mixed adapter batches by `adapter_names`.
            names = {"adapter_names": [adapter_of(prompt.side) for prompt in prompts]}
            return self._answer(self.model, prompts, most_tokens, sampling, watch, count, **names)
        answers = [Answer("", [], False) for _ in prompts]
        stopped = False

        def take_in(given: list[Answer]) -> bool:
            nonlocal stopped
            for place, answer in zip(places, given, strict=True):
                answers[place] = answer
            stopped = bool(watch and watch(list(answers)))
            return stopped

        for side in sorted({prompt.side: None for prompt in prompts}, key=lambda side: side != "base"):
            places = [place for place, prompt in enumerate(prompts) if prompt.side == side]
            if not stopped:
                with self.speaking_as(side) as model:
                    asked = [prompts[place] for place in places]
                    take_in(self._answer(model, asked, most_tokens, sampling, take_in if watch else None, count))
        return answers

    @contextmanager
    def speaking_as(self, side: Side) -> Iterator[Any]:
        if side == "base" and self.before is not None:
            yield self.before
        elif not isinstance(self.model, PeftModel):
            yield self.model
        elif side == "base":
            with self.model.disable_adapter():
                yield self.model
        else:
            self.model.set_adapter(adapter_of(side), inference_mode=True)
            yield self.model

    def _answer(
        self, model: Any, prompts: Sequence[Prompt], most_tokens: int, sampling: Sampling, watch: Watch | None,
        count: Count | None, **more: Any,
    ) -> list[Answer]:  # fmt: skip
        """Shapes: input_ids (prompts, longest prompt), padded on the left."""
        ids = [prompt.ids(self.tokenizer) for prompt in prompts]
        longest = max(map(len, ids))
        pad = min(self.end_ids)
        input_ids = torch.tensor([[pad] * (longest - len(row)) + row for row in ids], device=model.device)
        mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in ids], device=model.device)
        thinks = [prompt.thinks for prompt in prompts]
        watcher, sureness = _Watcher(self, longest, thinks, watch, count), Sureness()
        with without_router_loss(model):
            output = model.generate(
                input_ids=input_ids,
                attention_mask=mask,
                max_new_tokens=most_tokens,
                do_sample=False,  # the dice are processors of ours: Transformers' own would give each row another luck
                temperature=None,
                top_p=None,
                top_k=None,
                eos_token_id=sorted(self.end_ids),
                pad_token_id=pad,
                logits_processor=processors_of(sampling, [prompt.seed for prompt in prompts], sureness),
                stopping_criteria=StoppingCriteriaList([watcher]),
                **more,
            )
        answers = self.read(output[:, longest:].tolist(), thinks)
        return [
            replace(
                answer,
                first_s=watcher.first_s,
                seconds=watcher.seconds_of(answer),
                sure=_mean(row, answer.tokens),
                read_tokens=len(asked),
            )
            for answer, row, asked in zip(answers, sureness.of(output), ids, strict=True)
        ]

    def read(self, rows: list[list[int]], thinks: Sequence[bool]) -> list[Answer]:
        return [self._read_one(row, own) for row, own in zip(rows, thinks, strict=True)]

    def _read_one(self, row: list[int], thinks: bool) -> Answer:
        end = next((i for i, token in enumerate(row) if token in self.end_ids), None)
        thoughts, text = self.tokenizer.read_answer(row[:end], thinks)
        ids = row if end is None else row[: end + 1]
        return Answer(text, ids, end is not None, thoughts=thoughts)


def _mean(row: list[float], count: int) -> float | None:
    return sum(row[:count]) / count if count else None


class _Watcher(StoppingCriteria):  # type: ignore[misc]
    """Looks on after each token, and knows how long each took."""

    def __init__(
        self, generator: Generator, start: int, thinks: Sequence[bool], watch: Watch | None, count: Count | None
    ) -> None:
        self.generator = generator
        self.start = start
        self.thinks = thinks
        self.watch = watch
        self.count = count
        self.began_s = time.monotonic()
        self.told_s: list[float] = []

    def __call__(self, input_ids: torch.Tensor, scores: Any, **more: Any) -> torch.Tensor:
        self.told_s.append(time.monotonic() - self.began_s)
        stop = False
        if self.count:
            self.count(len(self.told_s))
        if self.watch:
            stop = self.watch(self.generator.read(input_ids[:, self.start :].tolist(), self.thinks))
        return torch.full((input_ids.shape[0],), stop, dtype=torch.bool, device=input_ids.device)

    @property
    def first_s(self) -> float:
        return self.told_s[0] if self.told_s else 0.0

    def seconds_of(self, answer: Answer) -> float:
        return self.told_s[answer.tokens - 1] if answer.tokens else 0.0
