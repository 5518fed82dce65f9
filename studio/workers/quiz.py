"""Asks base and tuned about everything but what was trained, to see what was forgotten. `quiz NOTE RUN_FOLDER`

No system prompt is given: what is asked for is what the model is by itself, not what the data set's prompt makes of it.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers.cache_utils import DynamicLayer

from studio.data.conversation import Message
from studio.data.datasets import open_dataset
from studio.data.chat_templates import OWN
from studio.data.tokens import FolderTokenizer
from studio.quiz import forget
from studio.quiz.form import detect_form
from studio.quiz.marking import mean_score
from studio.quiz.reading import Item, Quiz, read_quiz
from studio.quiz.result import OffTopic, judge
from studio.runs import Run, base_of, open_run, workspace_of
from studio.store import read_if_whole, write_json
from studio.tasks import Progress, Report, run_task
from studio.train.tokenizing import tokenizer_of
from studio.workers.generate import Generator, Prompt, Side, end_ids_of
from studio.workers.load import load_base, load_tuned, wants_four_bit
from studio.workers.room import Halving

MOST_ROWS = 64
WORTH_KEEPING = 8  # tokens that all questions begin with
SCORES_BYTES = 500_000_000  # of one batch: a number of 32 bits for each of its words in view and each word of the table
MOST_TOKENS = 24  # of a written answer: what is asked for has fewer
READING_SHARE = 0.7  # of a side's time, about
MOST_EXAMPLES = 500  # whose answers are looked at for their form

Rows = Sequence[tuple[tuple[int, ...], int]]  # token ids, and the place of the item
Answers = dict[str, list[Any]]  # items: see studio.quiz.marking; off_topic: texts


def ask_quiz(run: Run, report: Report) -> dict[str, Any]:
    """Writes quiz.json, see `studio.quiz.result.judge`. The base is asked only if its answers are not known yet."""
    workspace, quiz = workspace_of(run.folder), read_quiz()
    base = base_of(run)
    four_bit = wants_four_bit(run.recipe) and not run.learned_whole
    how = {"four_bit": four_bit, "rounded": run.recipe.use_loftq, "torch": torch.__version__, "on": _device()}
    how |= {"chat_template": run.recipe.chat_template} if run.recipe.chat_template != OWN else {}
    kept = forget.place_of_base(workspace, base, how)
    before: Answers | None = read_if_whole(kept)
    report(Progress("Loading the model", 0.0))
    tokenizer = tokenizer_of(base, run.recipe)
    bare = load_base(base, four_bit=False).eval() if run.learned_whole and before is None else None
    generator = Generator(load_tuned(base, run, four_bit), tokenizer, end_ids_of(base, tokenizer), bare)
    began, part = (0.05, 0.475) if before is None else (0.05, 0.95)
    if before is None:
        before = _ask(generator, "base", quiz, lambda share: report(Progress("Asking the base", began + part * share)))
        write_json(kept, before)
        began += part
    after = _ask(generator, "tuned", quiz, lambda share: report(Progress("Asking yours", began + part * share)))
    answers = [c.wanted for c in open_dataset(workspace, run.recipe.data).conversations("train")[:MOST_EXAMPLES]]
    off_topic = OffTopic(detect_form(answers), quiz.off_topic, before["off_topic"], after["off_topic"])
    result = judge(quiz, before["items"], after["items"], off_topic, run.recipe, forget.epochs_learned(run))
    write_json(run.folder / "quiz.json", {"of": forget.state_of(run), **result})
    return {key: result[key] for key in ("light", "words", "do")}


def _device() -> str:
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "processor"


def _ask(generator: Generator, side: Side, quiz: Quiz, told: Callable[[float], None]) -> Answers:
    """The sides are asked apart, in batches of the same shape: what one of them answers, to the last bit, does not hang
    on whether the other was asked too.
    """
    items = quiz.items
    found: list[dict[str, Any]] = [{} for _ in items]
    options = [place for place, item in enumerate(items) if item.options]
    scored = _score_options(
        generator, side, [items[place] for place in options], lambda done: told(READING_SHARE * done)
    )
    for place, scores in zip(options, scored, strict=True):
        found[place] = {"scores": scores}
    written = [place for place, item in enumerate(items) if not item.options]
    asked = [*(items[place].ask for place in written), *quiz.off_topic]
    prompts = [Prompt(side, (Message("user", ask),)) for ask in asked]
    answered = Halving(generator).each(prompts, lambda some: generator.answer(some, most_tokens=MOST_TOKENS))
    texts = [answer.text for _, answers in answered for answer in answers]
    told(1.0)
    for place, text in zip(written, texts, strict=False):
        found[place] = {"text": text}
    return {"items": found, "off_topic": texts[len(written) :]}


@dataclass(frozen=True)
class Option:
    """`ids` of the prompt with the option; the option is what stands from `begin` on."""

    ids: tuple[int, ...]
    begin: int

    @property
    def read(self) -> tuple[int, ...]:
        """What the model must read to say how likely each token of it is: the last one is only foretold."""
        return self.ids[:-1]


def options_of(item: Item, tokenizer: FolderTokenizer) -> list[Option]:
    """The prompt is all that the options share, for a tokenizer may join its last letters with the option's first."""
    prompt = tokenizer.prompt_text([Message("user", item.ask)]) + item.begin
    texts = [prompt + (" " if item.begin else "") + option for option in item.options]
    ids = [tuple(tokenizer.encode(text)[0]) for text in texts]
    shortest = min(map(len, ids))
    begin = min(_length_in_common(ids), shortest - 1)
    return [Option(each, begin) for each in ids]


def _length_in_common(rows: Sequence[tuple[int, ...]]) -> int:
    differ = (place for place, tokens in enumerate(zip(*rows, strict=False)) if len(set(tokens)) > 1)
    return next(differ, min(map(len, rows)))


def rows_of(options: Sequence[Option]) -> list[tuple[int, ...]]:
    """What to read of an item: a row that another one begins with is read there. Often one row is enough for all."""
    reads = sorted({option.read for option in options})
    following = [*reads[1:], ()]
    return [row for row, after in zip(reads, following, strict=True) if after[: len(row)] != row]


def _score_options(
    generator: Generator, side: Side, items: Sequence[Item], told: Callable[[float], None]
) -> list[list[float | None]]:
    """Mean log-probability of each option of each item, in nats."""
    options = [options_of(item, generator.tokenizer) for item in items]
    found: list[list[float | None]] = [[None] * len(item.options) for item in items]
    rows = sorted(((row, place) for place in range(len(items)) for row in rows_of(options[place])), key=_by_length)
    done = 0
    begins = [each[0].begin for each in options]
    with generator.speaking_as(side) as model:
        head = _read_head(model, [row for row, _ in rows], min(begins) - 1)
        room = Halving(generator)

        def read(batch: Rows) -> list[tuple[int, int, float | None]]:
            wanted = [
                (number, place, which, option)
                for number, (row, place) in enumerate(batch)
                for which, option in enumerate(options[place])
                if row[: len(option.read)] == option.read
            ]
            asked = [(number, option) for number, _, _, option in wanted]
            scores = _read(model, head, [row for row, _ in batch], asked)
            return [
                (place, which, mean_score(score)) for (_, place, which, _), score in zip(wanted, scores, strict=True)
            ]

        for batch in _of_one_length(rows, begins, model.config.get_text_config().vocab_size):
            for part, scored in room.each(batch, read):
                for place, which, score in scored:
                    found[place][which] = score
                done += len(part)
                told(done / len(rows))
    return found


def _by_length(row: tuple[tuple[int, ...], int]) -> tuple[int, int]:
    return len(row[0]), row[1]


def _of_one_length(
    rows: Sequence[tuple[tuple[int, ...], int]], begins: Sequence[int], words: int
) -> Iterator[list[tuple[tuple[int, ...], int]]]:
    """Batches without padding, so that a row is read as it would be alone."""
    batch: list[tuple[tuple[int, ...], int]] = []
    view = 0
    for row in rows:
        needed = max(view, len(row[0]) - begins[row[1]] + 1)
        full = len(batch) == MOST_ROWS or (len(batch) + 1) * needed * words * 4 > SCORES_BYTES
        if batch and (full or len(batch[0][0]) != len(row[0])):
            yield batch
            batch, needed = [], len(row[0]) - begins[row[1]] + 1
        batch.append(row)
        view = needed
    if batch:
        yield batch


@dataclass(frozen=True)
class Head:
    """What all rows begin with, read once: the system prompt that a template brings is half of a short question."""

    length: int = 0
    cache: Any = None

    def inputs(self, rows: Sequence[tuple[int, ...]], device: Any) -> dict[str, Any]:
        read = {"input_ids": torch.tensor([row[self.length :] for row in rows], device=device)}
        if self.cache is None:
            return {**read, "use_cache": False}
        cache = copy.deepcopy(self.cache)  # reading on writes into it
        cache.batch_repeat_interleave(len(rows))
        return {**read, "past_key_values": cache, "use_cache": True}


def _read_head(model: Any, rows: Sequence[tuple[int, ...]], most: int) -> Head:
    """None where it is not worth it, or where the model remembers in a way that cannot simply be repeated."""
    length = min(_length_in_common(rows), most)
    if length < WORTH_KEEPING:
        return Head()
    with torch.no_grad():
        ids = torch.tensor([rows[0][:length]], device=model.device)
        cache = model(input_ids=ids, use_cache=True, logits_to_keep=1).past_key_values
    plain = all(type(layer) is DynamicLayer for layer in getattr(cache, "layers", [None]))
    return Head(length, cache) if plain else Head()


def _read(
    model: Any, head: Head, rows: Sequence[tuple[int, ...]], wanted: Sequence[tuple[int, Option]]
) -> list[list[float]]:
    """Log-probabilities of the tokens of each (row, option).

    Shapes: input_ids (rows, length); logits (rows, view, words) of the last places only.
    """
    length = len(rows[0])
    view = length + 1 - min(option.begin for _, option in wanted)
    with torch.no_grad():
        logits = model(**head.inputs(rows, model.device), logits_to_keep=view).logits
    foretold = [
        ((number, place - 1 - length), option.ids[place])
        for number, option in wanted
        for place in range(option.begin, len(option.ids))
    ]
    spots = {spot: number for number, spot in enumerate(dict.fromkeys(spot for spot, _ in foretold))}
    row, place = torch.tensor(list(spots), device=logits.device).unbind(-1)
    known = logits[row, place].float().log_softmax(-1)  # (spots, words): options often begin at the same one
    each = iter(known[[spots[spot] for spot, _ in foretold], [token for _, token in foretold]].tolist())
    return [[next(each) for _ in range(option.begin, len(option.ids))] for _, option in wanted]


def main(note: str, folder: str) -> int:
    run = open_run(workspace_of(Path(folder)), Path(folder).name)
    return run_task(Path(note), lambda report: ask_quiz(run, report))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
