"""Asks the base alone, the base with examples in its prompt, and the tuned model the same held-out questions.

`worth NOTE RUN_FOLDER`, or before training `worth NOTE WORKSPACE DATA_SET BASE`
"""

from __future__ import annotations

import math
import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, get_args

from studio.compare.chosen import read_choice
from studio.compare.recommend import Way
from studio.compare.shots import SEED, with_shots
from studio.compare.ways import Said, Spent, weigh_ways
from studio.compare.worth_again import weigh_worth_anew
from studio.compare.worth_job import Job, digest_of, job_before, job_of_run
from studio.data.conversation import Conversation
from studio.data.datasets import Dataset, open_dataset
from studio.data.splits import Split
from studio.data.calls import with_written_call
from studio.data.chat_templates import OWN
from studio.data.tokens import brings_template
from studio.errors import DataError
from studio.runs import Run, base_of, open_run, workspace_of
from studio.scores.choice import Choice
from studio.store import append_row, read_rows, write_json
from studio.tasks import Progress, Report, run_task
from studio.train.models import require_base
from studio.train.recipe import Recipe, make_recipe
from studio.train.tokenizing import tokenizer_of
from studio.workers.choose import Chooser, choose_once, questions_in
from studio.workers.generate import Answer, Generator, Prompt, end_ids_of
from studio.workers.heldout import held_out_of, learned_to_think, longest_answer
from studio.workers.known import marks_of
from studio.workers.load import load_base, load_both, wants_four_bit
from studio.workers.room import Halving, find_context
from studio.workspace import Workspace

MOST_ASKED = 200  # questions: enough for an interval of a few points, few enough to wait for
AT_ONCE = 8
FEWEST_BATCHES = 5  # or else nothing tells how steady the clock is
TOKENS_A_BATCH = 8192  # prompts and answers: more at once would not fit small cards
CHOOSING_SHARE = 0.3  # of the work, about


@dataclass(frozen=True)
class _Models:
    """`after` and `before` as `load_both` gives them; `marks` tell the tuned weights from others, None before them."""

    after: Any
    before: Any
    four_bit: bool
    marks: list[str] | None = None


def weigh_run(run: Run, report: Report) -> dict[str, Any]:
    """Writes worth.json, see `studio.compare.worth`. Begun and broken off, it goes on. Raises: DataError."""
    if known := weigh_worth_anew(run):
        return _told(known)
    workspace = workspace_of(run.folder)
    dataset = open_dataset(workspace, run.recipe.data)
    held_out_of(dataset)  # what cannot be asked is said before a model is loaded
    report(Progress("Loading the model", 0.0))
    after, before = load_both(base_of(run), run)
    four_bit = wants_four_bit(run.recipe) and not run.learned_whole
    models = _Models(after, before, four_bit, marks_of(run.adapter))
    return _weigh(job_of_run(run), dataset, run.recipe, models, report, lambda: read_choice(run))


def weigh_base(workspace: Workspace, dataset: Dataset, base: str, report: Report) -> dict[str, Any]:
    """The same before training, loaded as a training would: the base with and without examples. Raises: DataError."""
    held_out_of(dataset)
    report(Progress("Loading the model", 0.0))
    place = require_base(workspace, base)
    template = OWN if brings_template(place) else "chatml"
    recipe = make_recipe(data=dataset.ref, base=base, chat_template=template)
    model = load_base(place, four_bit := wants_four_bit(recipe)).eval()
    return _weigh(job_before(workspace, dataset, base), dataset, recipe, _Models(model, model, four_bit), report)


def _weigh(
    job: Job,
    dataset: Dataset,
    recipe: Recipe,
    models: _Models,
    report: Report,
    chosen: Callable[[], Choice] = Choice,
) -> dict[str, Any]:
    """`chosen` is looked up once all is answered: somebody may choose a measure meanwhile."""
    place = require_base(job.workspace, recipe.base)
    tokenizer = tokenizer_of(place, recipe)
    generator = Generator(models.after, tokenizer, end_ids_of(place, tokenizer), models.before)
    generator.in_turn = True  # also where base and tuned could share a pass: each way is timed as it would be alone
    everything = [with_written_call(each, tokenizer) for each in held_out_of(dataset)]
    asked = random.Random(SEED).sample(everything, min(MOST_ASKED, len(everything)))
    asked.sort(key=lambda each: len(tokenizer.prompt_ids(each.prompt)))  # so that little is padded
    most = longest_answer(asked, tokenizer)
    digest = digest_of(job.workspace, recipe.base)
    context, drawn = context_of(models.after), len(asked)
    asked = [each for each in asked if len(tokenizer.prompt_ids(each.prompt)) + most <= context]
    if not asked:
        raise DataError(
            f"Not one held-out question, with the longest answer, is within the {context:,} tokens that this base "
            "reads at once.",
            "Bring shorter examples, or pick a base that reads more.",
        )
    room = context - most - len(tokenizer.prompt_ids(asked[-1].prompt))
    with generator.speaking_as("base") as bare:
        choice = choose_once(
            Chooser(bare, tokenizer, dataset, context, room),
            dataset.folder / f"shots-{digest}.json",
            {"four_bit": models.four_bit},
            lambda told: report(Progress(told.message, CHOOSING_SHARE * (told.share or 0.0))),
        )
    thinks = learned_to_think(asked)
    shots = choice.shots.examples
    prompts: dict[Way, list[Prompt]] = {
        "base": [Prompt("base", each.prompt, each.tools, thinks) for each in asked],
        "prompt": [Prompt("base", with_shots(each.prompt, shots), each.tools, thinks) for each in asked],
    }
    if models.marks is not None:
        prompts["tuned"] = [replace(prompt, side="tuned") for prompt in prompts["base"]]
    longest = most + len(prompts["prompt"][-1].ids(tokenizer))
    at_once = max(1, min(AT_ONCE, TOKENS_A_BATCH // longest, math.ceil(len(asked) / FEWEST_BATCHES)))
    kept = _Kept(
        job.rows, [dataset.ref, digest, models.four_bit, models.marks, choice.shots.rows, at_once, most, len(asked)]
    )
    _ask_all(generator, prompts, batches_of(len(asked), at_once), most, kept, report)
    said = {way: kept.said(way) for way in prompts}
    order = sorted(range(len(asked)), key=lambda place: asked[place].row)
    known = {
        "of": job.of,
        "examples": len(asked),
        "of_all": len(everything),
        "skipped": drawn - len(asked),
        "at_once": at_once,
        "most_tokens": most,
        "four_bit": models.four_bit,
        **weigh_ways(
            [each.wanted for part in get_args(Split) for each in questions_in(dataset, part)],
            [asked[place].wanted for place in order],
            {way: [answers[place] for place in order] for way, answers in said.items()},
            {way: kept.spent(way) for way in prompts},
            len(choice.shots.examples),
            chosen(),
        ),
        "chosen": choice.as_dict(),
    }
    write_json(job.result, {**known, "answers": [_row(asked[place], place, said) for place in order]})
    return _told(known)


def _told(known: dict[str, Any]) -> dict[str, Any]:
    return {key: known[key] for key in ("word", "recommendation", "do")}


def _row(asked: Conversation, place: int, said: Mapping[Way, Sequence[Said]]) -> dict[str, Any]:
    texts: dict[str, str] = {way: answers[place].text for way, answers in said.items()}
    return {"row": asked.row, "question": asked.prompt[-1].content, "wanted": asked.wanted, **texts}


def context_of(model: Any) -> int:
    """How many tokens a model reads at once, as its configuration says. Raises: DataError if it does not say."""
    context = find_context(model)
    if context is None:
        raise DataError(
            "This base does not say how many tokens it reads at once, so no prompt can be made to fit.",
            "Pick another base.",
        )
    return context


def batches_of(count: int, at_once: int) -> list[range]:
    """As even as can be: a small one at the end would take nearly as long, and look slow."""
    parts = -(-count // at_once)
    return [range(part * count // parts, (part + 1) * count // parts) for part in range(parts)]


@dataclass(frozen=True)
class _Batch:
    said: list[Said]
    spent: Spent


class _Kept:
    """What was asked already, kept as it comes: work that was broken off goes on where it was."""

    def __init__(self, path: Path, of: list[Any]) -> None:
        self.path = path
        self.of = of
        self.found: dict[tuple[Way, int], _Batch] = {}
        for row in read_rows(path):
            if row.get("of") == of:
                said = [Said(**each) for each in row["said"]]
                self.found[row["way"], row["batch"]] = _Batch(said, Spent(**row["spent"]))

    def add(self, way: Way, batch: int, found: _Batch) -> None:
        self.found[way, batch] = found
        said = [asdict(each) for each in found.said]
        append_row(self.path, {"of": self.of, "way": way, "batch": batch, "said": said, "spent": asdict(found.spent)})

    def of_way(self, way: Way) -> list[_Batch]:
        return [self.found[known] for known in sorted(self.found) if known[0] == way]

    def said(self, way: Way) -> list[Said]:
        return [said for batch in self.of_way(way) for said in batch.said]

    def spent(self, way: Way) -> list[Spent]:
        return [batch.spent for batch in self.of_way(way)]


def _ask_all(
    generator: Generator,
    prompts: Mapping[Way, Sequence[Prompt]],
    batches: Sequence[range],
    most_tokens: int,
    kept: _Kept,
    report: Report,
) -> None:
    """Each batch is asked in one way after the other, beginning with another one each time: a slow minute of the
    machine meets all of them.
    """
    ways = list(prompts)
    turns = [ways[number % len(ways) :] + ways[: number % len(ways)] for number in range(len(batches))]
    left = [(way, number) for number, turn in enumerate(turns) for way in turn if (way, number) not in kept.found]
    total = len(ways) * len(batches)
    room = Halving(generator)

    def ask(some: Sequence[Prompt]) -> tuple[list[Answer], float]:
        start = time.monotonic()
        return generator.answer(some, most_tokens=most_tokens), time.monotonic() - start

    if left:
        _warm_up(generator, prompts)
    began = time.monotonic()
    for done, (way, number) in enumerate(left):
        ready = total - len(left) + done
        report(
            Progress(
                f"Asking {sum(map(len, batches))} held-out questions in {len(ways)} ways: {ready} of {total} batches",
                CHOOSING_SHARE + (1 - CHOOSING_SHARE) * ready / total,
                (time.monotonic() - began) / done * (len(left) - done) if done >= len(ways) else None,
            )
        )
        asked = [prompts[way][place] for place in batches[number]]
        parts = [found for _, found in room.each(asked, ask)]
        answers = [answer for part, _ in parts for answer in part]
        said = [
            Said(answer.text, len(prompt.ids(generator.tokenizer)), answer.tokens, answer.finished)
            for prompt, answer in zip(asked, answers, strict=True)
        ]
        seconds = sum(seconds for _, seconds in parts)
        kept.add(way, number, _Batch(said, Spent(len(asked), seconds, answers[0].first_s)))


def _warm_up(generator: Generator, prompts: Mapping[Way, Sequence[Prompt]]) -> None:
    """The first answer of a process takes longer than any other, and is not counted."""
    for each in prompts.values():
        generator.answer([each[0]], most_tokens=2)


def main(note: str, *where: str) -> int:
    return run_task(Path(note), lambda report: _work(where, report))


def _work(where: Sequence[str], report: Report) -> dict[str, Any]:
    if len(where) == 1:
        folder = Path(where[0])
        return weigh_run(open_run(workspace_of(folder), folder.name), report)
    root, data, base = where
    workspace = Workspace(Path(root))
    return weigh_base(workspace, open_dataset(workspace, data), base, report)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
