"""Asks base and tuned every held-out question, and measures the answers. `score NOTE RUN_FOLDER`"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any, get_args

from studio.compare.weigh import weigh
from studio.data.conversation import Conversation
from studio.data.datasets import open_dataset
from studio.data.splits import Split
from studio.data.tokens import label_tokens, load_tokenizer
from studio.runs import Run, open_run, workspace_of
from studio.scores.plain import average, measure
from studio.store import append_row, read_rows, write_json
from studio.tasks import Progress, Report, run_task
from studio.train.models import require_base
from studio.workers.generate import Generator, Prompt, end_ids_of
from studio.workers.heldout import held_out, longest_answer
from studio.workers.likelihood import losses
from studio.workers.load import load_both

READING_SHARE = 0.15  # of the work, about: one pass beside one for each token of an answer
TOKENS_A_BATCH = 8192  # prompts and answers of both together: larger is faster, and this fits small cards


def score(run: Run, report: Report) -> dict[str, Any]:
    """Writes scores.json: examples, base, tuned (measure -> value), answers. Begun and broken off, it goes on.

    Raises: DataError without a held-out part.
    """
    workspace = workspace_of(run.folder)
    asked = held_out(run)
    known = _Known(run)
    report(Progress("Loading the model", 0.0))
    base = require_base(workspace, run.recipe.base)
    tokenizer = load_tokenizer(base)
    after, before = load_both(base, run)
    generator = Generator(after, tokenizer, end_ids_of(base, tokenizer), before)
    _read_all(generator, asked, known, run, report)
    _ask_all(generator, asked, known, report)
    rows = [known.row(place, conversation) for place, conversation in enumerate(asked)]
    dataset = open_dataset(workspace, run.recipe.data)
    everything = chain.from_iterable(dataset.conversations(part) for part in get_args(Split))
    wanted = [each.wanted for each in everything if not each.is_passage]
    result = {
        "examples": len(rows),
        "base": average([measure(row["wanted"], row["base"]) for row in rows]),
        "tuned": average([measure(row["wanted"], row["tuned"]) for row in rows]),
    }
    result |= weigh(wanted, rows)
    write_json(run.folder / "scores.json", {**result, "answers": rows})
    return result


class _Known:
    """What was found already, kept as it comes: work that was broken off goes on where it was."""

    def __init__(self, run: Run) -> None:
        self.path = run.folder / "score.jsonl"
        # Of these weights and this data alone: another adapter's answers are not this one's.
        weights = [file.stat() for file in sorted(run.adapter.glob("*.safetensors"))]
        self.of = [run.recipe.data, *(f"{stat.st_size} {stat.st_mtime_ns}" for stat in weights)]
        self.found: dict[int, dict[str, Any]] = {}
        for row in read_rows(self.path):
            if row.get("of") == self.of:
                self.found.setdefault(row["place"], {}).update(row["found"])

    def add(self, place: int, found: dict[str, Any]) -> None:
        self.found.setdefault(place, {}).update(found)
        append_row(self.path, {"of": self.of, "place": place, "found": found})

    def lacks(self, name: str, count: int) -> list[int]:
        return [place for place in range(count) if name not in self.found.get(place, {})]

    def row(self, place: int, conversation: Conversation) -> dict[str, Any]:
        asked = {"row": conversation.row, "prompt": conversation.prompt[-1].content, "wanted": conversation.wanted}
        return {**asked, **self.found[place]}


def _read_all(generator: Generator, asked: Sequence[Conversation], known: _Known, run: Run, report: Report) -> None:
    """How likely both hold each wanted answer."""
    places = known.lacks("base_loss", len(asked))
    labelled = [label_tokens(asked[place], generator.tokenizer, run.recipe.max_length) for place in places]
    for done, (index, found) in enumerate(losses(generator, labelled)):
        known.add(places[index], {f"{side}_loss": _finite(loss) for side, loss in found.items()})
        report(Progress("Reading the wanted answers", READING_SHARE * done / len(places)))


def _finite(loss: float) -> float | None:
    """None where all of the answer was cut off, or is beyond numbers: NaN is no JSON."""
    return round(loss, 6) if math.isfinite(loss) else None


def _ask_all(generator: Generator, asked: Sequence[Conversation], known: _Known, report: Report) -> None:
    """Asked by length, so that little is padded."""
    most = longest_answer(asked, generator.tokenizer)
    sizes = [len(generator.tokenizer.prompt_ids(conversation.prompt)) for conversation in asked]
    order = sorted(known.lacks("base", len(asked)), key=sizes.__getitem__)
    began, start = time.monotonic(), 0
    while start < len(order):
        part = _next_batch(order[start:], [most + size for size in sizes])
        left = (time.monotonic() - began) / start * (len(order) - start) if start else None
        done = len(asked) - len(order) + start
        share = READING_SHARE + (1 - READING_SHARE) * done / len(asked)
        report(Progress(f"Asking both {len(asked)} held-out questions: {done} done", share, left))
        prompts = [Prompt("base", asked[i].prompt) for i in part] + [Prompt("tuned", asked[i].prompt) for i in part]
        answers = generator.answer(prompts, most_tokens=most)
        for place, base, tuned in zip(part, answers[: len(part)], answers[len(part) :], strict=True):
            known.add(place, {"base": base.text, "tuned": tuned.text, "tuned_finished": tuned.finished})
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
