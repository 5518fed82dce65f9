"""What base and tuned answer to held-out questions: from the run's scores, else asked for one by one."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from studio.compare.asking import asked_as
from studio.compare.chat import Chat
from studio.compare.proof import is_outdated, read_scores
from studio.compare.voices import base_and_tuned
from studio.compare.wanted import in_words
from studio.data.conversation import Conversation, Message
from studio.data.datasets import open_dataset
from studio.errors import DataError
from studio.runs import Run, workspace_of
from studio.store import append_row, read_rows
from studio.tasks import Progress

FILE = "vote_answers.jsonl"
ASKED_AT_ONCE = 20
LEAST_TOKENS, MOST_TOKENS = 64, 1024


@dataclass(frozen=True)
class Pair:
    """A held-out question with both answers; `source` is scores or chat, and `row` that of the example.

    `dice`: by what the words were drawn, see `Asking.dice`.
    """

    row: int
    prompt: tuple[Message, ...]
    wanted: str
    base: str
    tuned: str
    source: str
    dice: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_same(self) -> bool:
        return self.base.strip() == self.tuned.strip()


def step_of(run: Run) -> int:
    """Which of the run's weights answer."""
    return int(run.status.get("kept_step") or run.status.get("step") or 0)


def read_pairs(run: Run) -> list[Pair]:
    """All questions that both have answered. Raises: DataError if the run's data set is gone; DamagedError."""
    scored, dice = _scored(run)
    dataset = open_dataset(workspace_of(run.folder), run.recipe.data) if scored else None
    examples = {each.row: each for each, _ in dataset.rows(scored)} if dataset else {}
    pairs = {
        row: Pair(
            row, _prompt(answer, examples.get(row)), answer["wanted"], answer["base"], answer["tuned"], "scores", dice
        )
        for row, answer in scored.items()
    }
    for asked in read_rows(run.folder / FILE):
        if asked["step"] == step_of(run) and asked["row"] not in pairs:
            prompt = Conversation.from_dicts(asked["prompt"]).messages
            pairs[asked["row"]] = Pair(
                asked["row"], prompt, asked["wanted"], asked["base"], asked["tuned"], source="chat"
            )
    return list(pairs.values())


def _scored(run: Run) -> tuple[dict[int, dict[str, Any]], dict[str, float]]:
    """The scored answers by the row of their example, and their dice; none if the run has learned on since."""
    found = read_scores(run)
    if not found or is_outdated(run):
        return {}, {}
    return {answer["row"]: answer for answer in found["answers"]}, asked_as(found).dice


def _prompt(answer: dict[str, Any], example: Conversation | None) -> tuple[Message, ...]:
    """The scores keep only what was said last."""
    if example and example.prompt and example.prompt[-1].content == answer["prompt"]:
        return example.prompt
    return (Message("user", answer["prompt"]),)


def has_unasked(run: Run) -> bool:
    """Some held-out example was not answered by both yet."""
    held_out = open_dataset(workspace_of(run.folder), run.recipe.data).counts.get("test", 0)
    return held_out > len(read_pairs(run))


def ask_both(run: Run, chat: Chat, most: int = ASKED_AT_ONCE) -> Iterator[Progress]:
    """Ask base and tuned up to `most` more held-out questions, drawn at random; each pair is kept when it is whole.

    Raises: DataError if there is none that was not asked yet; TunesmithError if the model cannot be asked.
    """
    known = {pair.row for pair in read_pairs(run)}
    dataset = open_dataset(workspace_of(run.folder), run.recipe.data)
    held_out = in_words(run, [each for each in dataset.conversations("test") if not each.is_passage])
    waiting = [each for each in held_out if each.row not in known]
    if not waiting:
        what = "has no held-out question" + (" left" if held_out else "")
        raise DataError(f"{dataset.title} {what}.", "Bring more different questions with answers, then train again.")
    asked = random.SystemRandom().sample(waiting, min(most, len(waiting)))
    longest = max(len(each.wanted.encode()) for each in held_out)
    most_tokens = min(MOST_TOKENS, max(LEAST_TOKENS, longest // 2))  # a token is seldom less than two bytes
    base, tuned = base_and_tuned(run)
    yield from chat.open(workspace_of(run.folder), (base, tuned))
    began_s = time.monotonic()
    for count, each in enumerate(asked):
        left_s = (time.monotonic() - began_s) / count * (len(asked) - count) if count else None
        yield Progress(f"Asking both {len(asked)} held-out questions: {count} done", count / len(asked), left_s)
        *_, last = chat.ask({base: each.prompt, tuned: each.prompt}, most_tokens)
        prompt = Conversation(each.prompt).as_dicts()
        kept = {"row": each.row, "step": step_of(run), "prompt": prompt, "wanted": each.wanted}
        kept |= {"base": last.texts[base], "tuned": last.texts[tuned]}
        append_row(run.folder / FILE, kept)
