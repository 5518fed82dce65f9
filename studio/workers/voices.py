"""The models of those who are to answer, in memory."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence

import torch

from studio.compare.sampling import Sampling
from studio.compare.voices import Voice, file_of, folder_of, title_of_voice
from studio.data.tokens import Labelled
from studio.runs import base_of, open_run
from studio.tasks import Progress
from studio.train.tokenizing import tokenizer_of
from studio.workers.filed import Filed
from studio.workers.generate import Answer
from studio.workers.heldout import Manner, manner_of
from studio.workers.known import marks_of
from studio.workers.load import load_bare, load_base, wants_four_bit
from studio.workers.room import require_memory
from studio.workers.shared import Answers, Asked, Prompts, Shared, Watch
from studio.workspace import Workspace

NOTHING = Answer("", [], False)
FEWER = "Ask fewer at once, or close other programs."


class Voices:
    """Who share a base stand in one group, and answer in one pass; the groups answer one after the other."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._groups: dict[str, Shared | Filed] = {}
        self._manners: dict[str, Manner] = {}  # by the data set

    @property
    def in_turn(self) -> bool:
        """Not all of them answer in one pass."""
        return len(self._groups) > 1 or any(group.in_turn for group in self._groups.values())

    def open(self, voices: Sequence[Voice]) -> Iterator[Progress]:
        """Load who is not there yet, and let go of who is no longer asked.

        Raises: ModelError where somebody has nothing to answer with, or does not fit in.
        """
        wanted: dict[str, list[Voice]] = {}
        for voice in voices:
            wanted.setdefault(self._group_of(voice), []).append(voice)
        for name in self._groups.keys() - wanted.keys():
            del self._groups[name]
        _give_back()
        for place, (name, members) in enumerate(wanted.items()):
            if name not in self._groups:
                share = 0.4 + 0.6 * place / len(wanted)
                yield Progress(f"Loading {title_of_voice(self.workspace, members[0])}", share)
                self._groups[name] = self._load(members[0])
            group = self._groups[name]
            if isinstance(group, Shared):
                group.manners = {voice: self._manner_of(voice) for voice in members}
                for voice in members:
                    if self._has_adapter(voice):
                        group.hold(open_run(self.workspace, voice.of), voice)
                group.keep_only(members)

    def answer(
        self, prompts: Prompts, most_tokens: int, sampling: Sampling, strength: float, watch: Watch
    ) -> Answers:  # fmt: skip
        """`strength`: what adapters are multiplied by. `watch` sees all answers so far, and returns True to stop."""
        answers: Answers = dict.fromkeys(prompts, NOTHING)
        stopped = False

        def take_in(given: Answers) -> bool:
            nonlocal stopped
            answers.update(given)
            stopped = watch(answers)
            return stopped

        for name, group in self._groups.items():
            asked = {voice: said for voice, said in prompts.items() if self._group_of(voice) == name}
            if asked and not stopped:
                answers.update(group.answer(asked, most_tokens, sampling, strength, take_in))
        return answers

    def answer_all(self, voice: Voice, asked: Sequence[Asked], most_tokens: int, sampling: Sampling) -> list[Answer]:
        """One who is open answers many questions."""
        return self._groups[self._group_of(voice)].answer_all(voice, asked, most_tokens, sampling)

    def losses(self, voice: Voice, labelled: Sequence[Labelled]) -> Iterator[tuple[int, float]]:
        """How likely one who is open holds answers, as they come: (place, mean loss a learned token in nats).

        NaN where nothing is learned, or more is to be read than it can see.
        """
        return self._groups[self._group_of(voice)].losses(voice, labelled)

    def _manner_of(self, voice: Voice) -> Manner:
        run = open_run(self.workspace, voice.of)
        if run.recipe.data not in self._manners:
            self._manners[run.recipe.data] = manner_of(run)
        return self._manners[run.recipe.data]

    def _has_adapter(self, voice: Voice) -> bool:
        return voice.kind in ("run", "checkpoint") and not open_run(self.workspace, voice.of).learned_whole

    def _group_of(self, voice: Voice) -> str:
        if voice.kind == "gguf":
            return voice.at
        run = open_run(self.workspace, voice.of)
        if voice.kind != "base" and run.learned_whole:
            return f"{voice.key} {marks_of(folder_of(run, voice))}"
        recipe, four_bit = run.recipe, wants_four_bit(run.recipe)
        # An adapter of LoftQ stands on a base that was rounded for it.
        rounded = run.id if recipe.use_loftq and not four_bit and voice.kind != "base" else ""
        return f"{recipe.base} {four_bit} {recipe.use_dora} {recipe.chat_template} {rounded}"

    def _load(self, voice: Voice) -> Shared | Filed:
        if voice.kind == "gguf":
            path = file_of(self.workspace, voice)
            require_memory(path.stat().st_size, path.name, FEWER, on_card=False)  # where llama.cpp reads it
            return Filed(path)
        run = open_run(self.workspace, voice.of)
        base = base_of(run)
        whole = folder_of(run, voice) if voice.kind != "base" and run.learned_whole else None
        files = sum(file.stat().st_size for file in (whole or base).glob("*.safetensors"))
        four_bit = wants_four_bit(run.recipe) and not whole
        require_memory(files // 3 if four_bit else files, title_of_voice(self.workspace, voice), FEWER)
        tokenizer = tokenizer_of(base, run.recipe)
        return Shared(load_base(whole, False) if whole else load_bare(base, run.recipe, four_bit), base, tokenizer)


def _give_back() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
