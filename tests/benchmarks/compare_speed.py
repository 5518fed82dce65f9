"""Both answers in Compare from one batched pass, beside the two alone, one after the other.

Alone means what a person would do otherwise: the bare base without PEFT, then the model with the adapter.
`compare_speed.py [--workspace PATH --run ID]`; without them a run of two steps on the sample is made first.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch
from measure import ENVIRONMENT, ROOT, say, show_table, verdict

from studio.data.datasets import open_dataset
from studio.data.tokens import load_tokenizer
from studio.runs import Run, open_run
from studio.train.models import require_base
from studio.workers.generate import Generator, Prompt
from studio.workers.load import load_base, load_tuned
from studio.workspace import SAMPLE, Workspace

TOKENS = 64
PROMPTS = 3
REPEATS = 3
MOST = 0.75
NEVER = {0}  # an id that ends nothing here, so that all write equally much


def make_run(folder: str) -> Run:
    command = ["train", "--data", str(SAMPLE), "--set", "max_steps=2", "--set", "evaluations=1", "--json"]
    python = getattr(sys, "_base_executable", sys.executable)
    done = subprocess.run(
        [python, "launch.py", *command, "--workspace", folder],
        cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    return open_run(Workspace.open(folder), json.loads(done.stdout.splitlines()[-1])["run"])


def seconds_of(work: Callable[[], object]) -> float:
    began_s = time.monotonic()
    work()
    return time.monotonic() - began_s


def measure(workspace: Workspace, run: Run) -> None:
    base = require_base(workspace, run.recipe.base)
    tokenizer = load_tokenizer(base)
    both = Generator(load_tuned(base, run, four_bit=False), tokenizer, NEVER)
    bare = load_base(base, four_bit=False).eval()
    asked = open_dataset(workspace, run.recipe.data).conversations("test")[:PROMPTS]

    def alone(messages: list) -> None:
        ids = torch.tensor([tokenizer.prompt_ids(messages)])
        bare.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=TOKENS, min_new_tokens=TOKENS, do_sample=False
        )
        both.answer([Prompt("tuned", messages)], most_tokens=TOKENS)

    def together(messages: list) -> None:
        both.answer([Prompt("base", messages), Prompt("tuned", messages)], most_tokens=TOKENS)

    together(asked[0].prompt)
    alone(asked[0].prompt)
    apart_s, together_s = [], []
    for repeat in range(REPEATS):
        say(f"Asking, {repeat + 1} of {REPEATS}")
        together_s.append(sum(seconds_of(lambda c=c: together(c.prompt)) for c in asked))
        apart_s.append(sum(seconds_of(lambda c=c: alone(c.prompt)) for c in asked))
    ratio = statistics.median(together_s) / statistics.median(apart_s)
    count = len(asked)
    rows = [
        ["one after the other", f"{statistics.median(apart_s) / count:.2f} s", ""],
        ["studio: one batched pass", f"{statistics.median(together_s) / count:.2f} s", ""],
        ["**ratio**", f"{ratio:.2f}", f"at most {MOST}: {verdict(ratio <= MOST)}"],
    ]
    show_table(f"Both answers of {TOKENS} tokens", ["how", "a question", ""], rows)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--workspace")
    parser.add_argument("--run")
    given = parser.parse_args()
    if given.run:
        workspace = Workspace.open(given.workspace)
        measure(workspace, open_run(workspace, given.run))
        return
    with tempfile.TemporaryDirectory() as folder:
        run = make_run(given.workspace or folder)
        measure(Workspace.open(given.workspace or folder), run)


if __name__ == "__main__":
    main()
