"""Asks base and tuned every held-out question, and measures the answers. `score NOTE RUN_FOLDER`"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from studio.compare import scores
from studio.data.conversation import Conversation
from studio.data.tokens import load_tokenizer
from studio.runs import Run, open_run, workspace_of
from studio.store import write_json
from studio.tasks import Progress, Report, run_task
from studio.train.models import require_base
from studio.workers.generate import Answer, Generator, Prompt, end_ids_of
from studio.workers.heldout import held_out, longest_answer
from studio.workers.load import load_both

TOKENS_A_BATCH = 8192  # prompts and answers of both together: larger is faster, and this fits small cards


def score(run: Run, report: Report) -> dict[str, Any]:
    """Writes scores.json: examples, base, tuned (measure -> value), answers.

    Raises: DataError without a held-out part.
    """
    workspace = workspace_of(run.folder)
    asked = held_out(run)
    report(Progress("Loading the model", 0.0))
    base = require_base(workspace, run.recipe.base)
    tokenizer = load_tokenizer(base)
    after, before = load_both(base, run)
    generator = Generator(after, tokenizer, end_ids_of(base, tokenizer), before)
    answers = _ask_all(generator, asked, report)
    rows: list[dict[str, Any]] = [
        {
            "row": conversation.row,
            "prompt": conversation.prompt[-1].content,
            "wanted": conversation.wanted,
            "base": base_answer.text,
            "tuned": tuned_answer.text,
            "tuned_finished": tuned_answer.finished,
        }
        for conversation, (base_answer, tuned_answer) in zip(asked, answers, strict=True)
    ]
    result = {
        "examples": len(rows),
        "base": scores.average([scores.measure(row["wanted"], row["base"]) for row in rows]),
        "tuned": scores.average([scores.measure(row["wanted"], row["tuned"]) for row in rows]),
    }
    write_json(run.folder / "scores.json", {**result, "answers": rows})
    return result


def _ask_all(generator: Generator, asked: Sequence[Conversation], report: Report) -> list[tuple[Answer, Answer]]:
    """(base, tuned) of each conversation, in order; asked by length so that little is padded."""
    most = longest_answer(asked, generator.tokenizer)
    sizes = [len(generator.tokenizer.prompt_ids(conversation.prompt)) for conversation in asked]
    order = sorted(range(len(asked)), key=sizes.__getitem__)
    found: dict[int, tuple[Answer, Answer]] = {}
    began = time.monotonic()
    start = 0
    while start < len(order):
        part = _next_batch(order[start:], [most + size for size in sizes])
        left = (time.monotonic() - began) / start * (len(order) - start) if start else None
        report(Progress(f"Asking both {len(order)} held-out questions: {start} done", start / len(order), left))
        prompts = [Prompt("base", asked[i].prompt) for i in part] + [Prompt("tuned", asked[i].prompt) for i in part]
        answers = generator.answer(prompts, most_tokens=most)
        start += len(part)
        found |= dict(zip(part, zip(answers[: len(part)], answers[len(part) :], strict=True), strict=True))
    return [found[index] for index in range(len(asked))]


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
