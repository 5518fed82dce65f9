"""Scoring 200 held-out examples for base and tuned, beside one `generate` call an example.

`score_speed.py --workspace PATH --run ID`, with a run that learned the sample: who learned to end an answer is what
batches gain by. Of the single calls every tenth is made, and counted ten times; both ask the same questions greedily.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from measure import say, show_table, verdict

from studio.data.conversation import Conversation
from studio.data.datasets import open_dataset
from studio.data.tokens import load_tokenizer
from studio.process import worker_environment
from studio.runs import Run, open_run
from studio.train.models import require_base
from studio.workspace import Workspace

EXAMPLES, EVERY = 200, 10
LEAST = 3.0


class Found:
    """Keeps answers as the worker's own keeper does, without a file."""

    def __init__(self) -> None:
        self.found: dict[int, dict[str, Any]] = {}

    def add(self, place: int, found: dict[str, Any]) -> None:
        self.found[place] = found

    def lacks(self, name: str, count: int) -> list[int]:
        return [place for place in range(count) if place not in self.found]


def measure(workspace: Workspace, run: Run) -> list[list[str]]:
    os.environ.update(worker_environment(workspace, "score"))  # read when torch is imported
    import torch

    from studio.workers.generate import Generator, end_ids_of
    from studio.workers.heldout import longest_answer
    from studio.workers.load import load_base, load_tuned, wants_four_bit
    from studio.workers.score import _ask_all

    folder, four_bit = require_base(workspace, run.recipe.base), wants_four_bit(run.recipe)
    tokenizer, ends = load_tokenizer(folder), end_ids_of(folder, load_tokenizer(folder))
    bare, tuned = load_base(folder, four_bit).eval(), load_tuned(folder, run, four_bit)
    dataset = open_dataset(workspace, run.recipe.data)
    asked = list(chain.from_iterable(dataset.conversations(part) for part in ("test", "validation", "train")))[
        :EXAMPLES
    ]
    most = longest_answer(asked, tokenizer)

    def ask_one(model: Any, conversation: Conversation) -> str:
        ids = torch.tensor([tokenizer.prompt_ids(conversation.prompt)], device=model.device)
        output = model.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=most, do_sample=False,
            eos_token_id=sorted(ends), pad_token_id=min(ends),
        )  # fmt: skip
        return str(tokenizer.tokenizer.decode(output[0, ids.shape[1] :].tolist(), skip_special_tokens=True))

    for model in (bare, tuned):
        ask_one(model, asked[0])
    few = range(0, len(asked), EVERY)
    began_s, single = time.monotonic(), {}
    for count, place in enumerate(few):
        say(f"One call an example: {count} of {len(few)}")
        single[place] = [ask_one(model, asked[place]) for model in (bare, tuned)]
    single_s = EVERY * (time.monotonic() - began_s)
    say("Batched, as the studio does")
    kept = Found()
    began_s = time.monotonic()
    _ask_all(Generator(tuned, tokenizer, ends), asked, kept, lambda progress: None)
    studio_s = time.monotonic() - began_s
    same = [_same(single, kept, side) for side in (0, 1)]
    ratio = single_s / studio_s
    return [
        ["one call an example", f"{single_s:.0f} s", f"{len(few)} of {len(asked)} measured"],
        ["studio, batched by length", f"{studio_s:.0f} s", ""],
        ["**times as fast**", f"{ratio:.1f}", f"at least {LEAST}: {verdict(ratio >= LEAST)}"],
        [
            "answers that are the same",
            f"base {same[0]:.0%}, tuned {same[1]:.0%}",
            "others part where two words are nearly as likely, at 16 bits",
        ],
    ]


def _same(single: dict[int, list[str]], kept: Found, side: int) -> float:
    name = ("base", "tuned")[side]
    return sum(kept.found[place][name].strip() == answers[side].strip() for place, answers in single.items()) / len(
        single
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--workspace", required=True)
    parser.add_argument("--run", required=True, help="one that learned the sample, as `launch.py demo` makes it")
    given = parser.parse_args(arguments)
    workspace = Workspace.open(given.workspace)
    rows = measure(workspace, open_run(workspace, given.run))
    show_table(f"{EXAMPLES} examples scored for base and tuned", ["how", "time", ""], rows)


if __name__ == "__main__":
    main()
