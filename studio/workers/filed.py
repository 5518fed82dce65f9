"""A GGUF that answers in a pane, under llama.cpp."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from studio.compare.sampling import GREEDY, Sampling
from studio.compare.voices import Voice
from studio.data.conversation import Message
from studio.workers.generate import Answer
from studio.workers.llamacpp import LlamaCpp
from studio.workers.shared import Answers, Prompts, Watch


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
            began_s = time.monotonic()
            for text, ids, chances, ended in self.model.stream(said, most_tokens, sampling):
                before = answers.get(voice, Answer("", [], False))
                now_s = time.monotonic() - began_s
                sure = (before.sure or 0.0) * before.tokens + sum(chances)
                ids = before.ids + ids
                answers[voice] = Answer(
                    before.text + text, ids, ended, before.first_s or now_s, now_s, sure / len(ids) if ids else None
                )
                if watch(answers):
                    return answers
        return answers

    def answer_all(self, voice: Voice, asked: Sequence[Sequence[Message]], most_tokens: int) -> list[Answer]:
        """One question after the other, greedily."""
        return [self.answer({voice: said}, most_tokens, GREEDY, 1.0, lambda answers: False)[voice] for said in asked]
