"""A GGUF that answers in a pane, under llama.cpp."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from studio.compare.sampling import Sampling
from studio.compare.voices import Voice
from studio.data.thoughts import part_answer
from studio.data.tokens import NOT_LEARNED, Labelled
from studio.workers.generate import Answer
from studio.workers.llamacpp import LlamaCpp
from studio.workers.shared import Answers, Asked, Prompts, Watch


class Filed:
    """One file. It has dice of its own, and no strength."""

    in_turn = False

    def __init__(self, path: Path) -> None:
        self.model = LlamaCpp(path, slots=1)

    def answer(
        self, prompts: Prompts, most_tokens: int, sampling: Sampling, strength: float, watch: Watch
    ) -> Answers:  # fmt: skip
        answers: Answers = {}
        for voice, said in prompts.items():
            began_s, written = time.monotonic(), self.model.opens_thought(said)
            for more, ids, chances, ended in self.model.stream(said, most_tokens, sampling):
                before = answers.get(voice, Answer("", [], False))
                now_s = time.monotonic() - began_s
                sure = (before.sure or 0.0) * before.tokens + sum(chances)
                ids = before.ids + ids
                written += more
                thoughts, text = part_answer(written)
                sureness = sure / len(ids) if ids else None
                answers[voice] = Answer(text, ids, ended, before.first_s or now_s, now_s, sureness, thoughts)
                if watch(answers):
                    return answers
        return answers

    def answer_all(self, voice: Voice, asked: Sequence[Asked], most_tokens: int, sampling: Sampling) -> list[Answer]:
        """One question after the other."""
        return [
            self.answer({voice: said}, most_tokens, replace(sampling, seed=seed), 1.0, lambda answers: False)[voice]
            for said, seed in asked
        ]

    def losses(self, voice: Voice, labelled: Sequence[Labelled]) -> Iterator[tuple[int, float]]:
        """(place, mean loss a learned token in nats), token by token: about as long as answering takes.

        NaN where nothing is learned, or where it is longer than the file's view.
        """
        for place, tokens in enumerate(labelled):
            ids, lost = tokens.input_ids, list[float]()
            if len(ids) < self.model.context_tokens:
                learned = (at for at in range(1, len(ids)) if tokens.labels[at] != NOT_LEARNED)
                lost = [-self.model.log_chance(ids[:at], ids[at]) for at in learned]
            yield place, math.fsum(lost) / len(lost) if lost else math.nan
