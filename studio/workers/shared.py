"""One base in memory and the adapters that are on it: all of them answer in one pass, where PEFT can do so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from peft import PeftModel
from peft.tuners.lora import LoraLayer

from studio.compare.sampling import Sampling
from studio.compare.voices import Voice, folder_of
from studio.data.conversation import Message
from studio.data.tokens import FolderTokenizer, Labelled
from studio.errors import ModelError
from studio.runs import Run
from studio.workers.generate import Answer, Generator, Prompt, end_ids_of
from studio.workers.heldout import Manner
from studio.workers.known import marks_of
from studio.workers.likelihood import losses_as
from studio.workers.load import put_on, wants_four_bit
from studio.workers.room import require_context

Prompts = Mapping[Voice, Sequence[Message]]
Answers = dict[Voice, Answer]
Watch = Callable[[Answers], bool]
Asked = tuple[Sequence[Message], int]  # a question, and the seed of its dice


class Shared:
    """Everybody who answers with these weights; `base` is where they lie, `tokenizer` what all of them read by."""

    def __init__(self, model: Any, base: Path, tokenizer: FolderTokenizer) -> None:
        self.generator = Generator(model, tokenizer, end_ids_of(base, tokenizer))
        self.manners: dict[Voice, Manner] = {}
        self._names: dict[Voice, str] = {}  # of the adapters, as PEFT calls them
        self._written: dict[Voice, list[str]] = {}
        self._count = 0

    @property
    def in_turn(self) -> bool:
        return bool(self._names) and self.generator.in_turn

    def hold(self, run: Run, voice: Voice) -> None:
        """Put an adapter on, unless it is there as it was last written. Raises: ModelError if there is none."""
        folder = folder_of(run, voice)
        written = marks_of(folder)
        if self._written.get(voice) == written:
            return
        self._count += 1
        name, old = f"adapter{self._count}", self._names.get(voice)
        model = put_on(self.generator.model, folder, run.recipe, wants_four_bit(run.recipe), name)
        self._names[voice], self._written[voice] = name, written
        if old:
            model.delete_adapter(old)
        self.generator = Generator(model.eval(), self.generator.tokenizer, self.generator.end_ids)

    def keep_only(self, voices: Sequence[Voice]) -> None:
        """Let go of the other adapters; the last one stays, since PEFT wants one."""
        for voice in [voice for voice in self._names if voice not in voices][: len(self._names) - 1]:
            self.generator.model.delete_adapter(self._names.pop(voice))
            del self._written[voice]

    def answer(
        self, prompts: Prompts, most_tokens: int, sampling: Sampling, strength: float, watch: Watch
    ) -> Answers:  # fmt: skip
        """In one batch, or in turn. `strength`: what the adapters are multiplied by.

        Raises: ModelError where an adapter has one strength alone, or where it is more than the model reads at once.
        """
        self._set_strength(strength)
        asked = [self._prompt(voice, said) for voice, said in prompts.items()]
        self._require_context(asked, most_tokens)
        answers = self.generator.answer(
            asked,
            most_tokens=most_tokens,
            sampling=sampling,
            watch=lambda given: watch(dict(zip(prompts, given, strict=True))),
        )
        return dict(zip(prompts, answers, strict=True))

    def answer_all(self, voice: Voice, asked: Sequence[Asked], most_tokens: int, sampling: Sampling) -> list[Answer]:
        """One voice, many questions, in one batch. Raises: ModelError if one is more than the model reads at once."""
        self._set_strength(1.0)
        prompts = [replace(self._prompt(voice, said), seed=seed) for said, seed in asked]
        self._require_context(prompts, most_tokens)
        return self.generator.answer(prompts, most_tokens=most_tokens, sampling=sampling)

    def losses(self, voice: Voice, labelled: Sequence[Labelled]) -> Iterator[tuple[int, float]]:
        """(place, mean loss a learned token in nats) of one voice; NaN where nothing is learned."""
        self._set_strength(1.0)
        return losses_as(self.generator, self._side_of(voice), labelled)

    def _require_context(self, prompts: Sequence[Prompt], most_tokens: int) -> None:
        for prompt in prompts:
            require_context(self.generator.model, len(prompt.ids(self.generator.tokenizer)), most_tokens)

    def _prompt(self, voice: Voice, said: Sequence[Message]) -> Prompt:
        manner = self.manners.get(voice, Manner())
        return Prompt(self._side_of(voice), said, manner.tools, manner.thinks)

    def _side_of(self, voice: Voice) -> str:
        """Of weights without an adapter: those of the base, or those that a run made of all of it."""
        return self._names.get(voice, "base" if voice.kind == "base" else "tuned")

    def _set_strength(self, strength: float) -> None:
        model = self.generator.model
        if not isinstance(model, PeftModel):
            return
        if strength != 1 and any(config.use_dora or config.modules_to_save for config in model.peft_config.values()):
            raise ModelError(
                "An adapter with DoRA, or with word tables of its own, has one strength alone.",
                "Set the strength back to 100 %, then ask again.",
            )
        for layer in model.modules():
            if isinstance(layer, LoraLayer):
                for name in self._names.values():
                    layer.set_scale(name, strength)
