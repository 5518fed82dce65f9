"""Asks base and tuned every held-out question, and measures the answers. `score NOTE RUN_FOLDER`"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from studio.compare import proof
from studio.compare.chosen import weigh_as_kept
from studio.compare.others import weigh_anew
from studio.compare.worth_again import weigh_worth_anew
from studio.data.conversation import Conversation
from studio.data.tokens import label_tokens, load_tokenizer
from studio.errors import DataError
from studio.runs import Run, open_run, workspace_of
from studio.store import marks_of, old_marks_of, write_json
from studio.tasks import Progress, Report, run_task
from studio.train.models import require_base
from studio.workers.generate import Answer, Generator, Prompt, end_ids_of
from studio.workers.heldout import held_out, learned_to_think, longest_answer
from studio.workers.known import Known
from studio.workers.likelihood import finite, losses
from studio.workers.load import load_both
from studio.workers.room import Halving, find_context

READING_SHARE = 0.15  # of the work, about: one pass beside one for each token of an answer
SKIPPED = "skipped"  # too long for the model
TOKENS_A_BATCH = 8192  # prompts and answers of both together: larger is faster, and this fits small cards


def score(run: Run, report: Report) -> dict[str, Any]:
    """Writes scores.json as `chosen.weigh_run` gives it; gives it without the answers.

    Begun and broken off, it goes on; where all is answered, the model is not loaded.

    Raises: DataError without a held-out part.
    """
    asked = held_out(run)
    marks, formerly = marks_of(run.weights), old_marks_of(run.weights)
    known = Known(run.folder / "score.jsonl", [run.recipe.data, *marks], [run.recipe.data, *formerly])
    if any(known.lacks(name, len(asked)) for name in ("base_loss", "base")):
        _find_out(asked, known, run, report)
    report(Progress("Weighing the answers", 1.0))
    rows = [
        _row(known, place, conversation)
        for place, conversation in enumerate(asked)
        if not known.found[place].get(SKIPPED)
    ]
    if not rows:
        raise DataError(
            "Not one held-out question, with the longest answer, is within what this model reads at once.",
            "Bring shorter examples, or train a model that reads more.",
        )
    result = {**weigh_as_kept(run, rows), "of": marks, "skipped": len(asked) - len(rows)}
    write_json(run.folder / proof.SCORES, result)
    weigh_anew(run)
    weigh_worth_anew(run)
    return {name: value for name, value in result.items() if name != "answers"}


def _find_out(asked: Sequence[Conversation], known: Known, run: Run, report: Report) -> None:
    report(Progress("Loading the model", 0.0))
    base = require_base(workspace_of(run.folder), run.recipe.base)
    tokenizer = load_tokenizer(base)
    after, before = load_both(base, run)
    generator = Generator(after, tokenizer, end_ids_of(base, tokenizer), before)
    _skip_too_long(generator, asked, known)
    _read_all(generator, asked, known, run, report)
    _ask_all(generator, asked, known, report)


def _skip_too_long(generator: Generator, asked: Sequence[Conversation], known: Known) -> None:
    """What a model reads beyond its view it was never trained for, and what it says then is noise, or an error."""
    context, most = find_context(generator.model), longest_answer(asked, generator.tokenizer)
    for place, size in enumerate(_sizes(generator, asked)):
        if context and size + most > context:
            known.add(place, {SKIPPED: True, **dict.fromkeys(("base_loss", "tuned_loss", "base", "tuned"))})


def _sizes(generator: Generator, asked: Sequence[Conversation]) -> list[int]:
    """Of each prompt, in tokens."""
    thinks = learned_to_think(asked)
    return [len(generator.tokenizer.prompt_ids(each.prompt, each.tools, thinks)) for each in asked]


def _row(known: Known, place: int, conversation: Conversation) -> dict[str, Any]:
    asked = {"row": conversation.row, "prompt": conversation.prompt[-1].content, "wanted": conversation.wanted}
    return {**asked, **known.found[place]}


def _read_all(generator: Generator, asked: Sequence[Conversation], known: Known, run: Run, report: Report) -> None:
    """How likely both hold each wanted answer."""
    places = known.lacks("base_loss", len(asked))
    labelled = [label_tokens(asked[place], generator.tokenizer, run.recipe.max_length) for place in places]
    for done, (index, found) in enumerate(losses(generator, labelled)):
        known.add(places[index], {f"{side}_loss": finite(loss) for side, loss in found.items()})
        report(Progress("Reading the wanted answers", READING_SHARE * done / len(places)))


def _ask_all(generator: Generator, asked: Sequence[Conversation], known: Known, report: Report) -> None:
    """Asked by length, so that little is padded."""
    most = longest_answer(asked, generator.tokenizer)
    thinks = learned_to_think(asked)
    sizes, room = _sizes(generator, asked), Halving(generator)
    order = sorted(known.lacks("base", len(asked)), key=sizes.__getitem__)
    began, start = time.monotonic(), 0

    def ask(places: Sequence[int]) -> list[Answer]:
        prompts = [Prompt(side, asked[i].prompt, asked[i].tools, thinks) for side in ("base", "tuned") for i in places]
        return generator.answer(prompts, most_tokens=most)

    while start < len(order):
        part = _next_batch(order[start:], [most + size for size in sizes])
        left = (time.monotonic() - began) / start * (len(order) - start) if start else None
        done = len(asked) - len(order) + start
        share = READING_SHARE + (1 - READING_SHARE) * done / len(asked)
        report(Progress(f"Asking both {len(asked)} held-out questions: {done} done", share, left))
        for some, answers in room.each(part, ask):
            for place, base, tuned in zip(some, answers[: len(some)], answers[len(some) :], strict=True):
                ended = {"base_finished": base.finished, "tuned_finished": tuned.finished}
                known.add(place, {"base": base.text, "tuned": tuned.text, **ended})
        start += len(part)


def _next_batch(order: Sequence[int], sizes: Sequence[int]) -> list[int]:
    """As many of the next as fit; all are padded to the longest, the last of them."""
    part = [order[0]]
    for index in order[1:]:
        if 2 * (len(part) + 1) * sizes[index] > TOKENS_A_BATCH:
            break
        part.append(index)
    return part


def main(note: str, folder: str) -> int:
    run = open_run(workspace_of(Path(folder)), Path(folder).name)
    return run_task(Path(note), lambda report: score(run, report))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
