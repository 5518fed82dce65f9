"""Both answers in Compare from one batched pass, beside the two alone, one after the other.

Alone means what a person would do otherwise: the bare base without PEFT, then the model with the adapter, each with
Transformers' own streamer, as Compare streams too. All write equally many tokens.
`compare_speed.py [--workspace PATH [--run ID]]`; without a run, one of two steps on the sample is made first.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from measure import ENVIRONMENT, ROOT, say, show_table, verdict

from studio.data.datasets import open_dataset
from studio.data.tokens import load_tokenizer
from studio.process import worker_environment
from studio.runs import Run, open_run
from studio.train.models import require_base
from studio.workspace import SAMPLE, Workspace

TOKENS = 64
PROMPTS = 3
REPEATS = 3
MOST = 0.75


def make_run(workspace: Workspace) -> Run:
    settings = [
        part for setting in ("max_steps=2", "eval_steps=1000", "save_steps=1000") for part in ("--set", setting)
    ]
    done = subprocess.run(
        [sys.executable, "launch.py", "train", "--data", SAMPLE, *settings, "--json", "--workspace", workspace.root],
        cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    return open_run(workspace, json.loads(done.stdout.splitlines()[-1])["run"])


def seconds_of(work: Callable[[Any], object], prompts: list[Any]) -> float:
    """A question's, on average."""
    began_s = time.monotonic()
    for prompt in prompts:
        work(prompt)
    return (time.monotonic() - began_s) / len(prompts)


def measure(workspace: Workspace, run: Run) -> list[list[str]]:
    os.environ.update(worker_environment(workspace, "chat"))  # read when torch is imported
    import torch
    from transformers import AutoTokenizer, TextStreamer

    from studio.workers.generate import Generator, Prompt, end_ids_of
    from studio.workers.load import load_base, load_tuned, wants_four_bit

    class Stream(TextStreamer):
        def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
            """Nobody reads it."""

    folder = require_base(workspace, run.recipe.base)
    four_bit = wants_four_bit(run.recipe)
    tokenizer = load_tokenizer(folder)
    streamed = AutoTokenizer.from_pretrained(folder)
    bare, tuned = load_base(folder, four_bit).eval(), load_tuned(folder, run, four_bit)
    for model in (bare, tuned):
        model.generation_config.min_new_tokens = TOKENS
    generator = Generator(tuned, tokenizer, end_ids_of(folder, tokenizer))

    def ask_both(messages: Any) -> None:
        prompts = [Prompt("base", messages), Prompt("tuned", messages)]
        answers = generator.answer(prompts, most_tokens=TOKENS, watch=lambda answers: False)
        assert [answer.tokens for answer in answers] == [TOKENS, TOKENS]

    def ask_alone(model: Any, messages: Any) -> None:
        ids = torch.tensor([tokenizer.prompt_ids(messages)], device=model.device)
        mask, stream = torch.ones_like(ids), Stream(streamed, skip_prompt=True)
        output = model.generate(
            input_ids=ids, attention_mask=mask, max_new_tokens=TOKENS, do_sample=False, streamer=stream
        )
        assert output.shape[1] == ids.shape[1] + TOKENS

    ways: dict[str, Callable[[Any], None]] = {
        "base alone": lambda messages: ask_alone(bare, messages),
        "tuned alone": lambda messages: ask_alone(tuned, messages),
        "studio: both in one pass": ask_both,
    }
    prompts = [c.prompt for c in open_dataset(workspace, run.recipe.data).conversations("test")[:PROMPTS]]
    for ask in ways.values():
        ask(prompts[0])
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for repeat in range(REPEATS):
        say(f"Asking, {repeat + 1} of {REPEATS}")
        for name, ask in ways.items():
            taken[name].append(seconds_of(ask, prompts))
    base_s, tuned_s, both_s = (statistics.median(each) for each in taken.values())
    ratio = both_s / (base_s + tuned_s)
    return [
        *([name, f"{seconds:.2f} s", ""] for name, seconds in zip(ways, (base_s, tuned_s, both_s), strict=True)),
        ["**ratio to the two alone**", f"{ratio:.2f}", f"at most {MOST}: {verdict(ratio <= MOST)}"],
    ]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--workspace", help="one with the starter, or with a run")
    parser.add_argument("--run", help="a run with an adapter")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.open(given.workspace or folder)
        run = open_run(workspace, given.run) if given.run else make_run(workspace)
        rows = measure(workspace, run)
    show_table(f"Both answers of {TOKENS} tokens", ["how", "a question", ""], rows)


if __name__ == "__main__":
    main()
