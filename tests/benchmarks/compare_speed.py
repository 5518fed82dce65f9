"""Two and four answers in Compare, first tokens, and how soon another adapter is at hand.

One after the other means what a person would do otherwise: the bare base without PEFT, and a model with one adapter,
each with Transformers' own streamer, as Compare streams too. All write equally many tokens.
`compare_speed.py [--workspace PATH [--run ID]]`; without a run, one of two steps on the sample is made first.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from measure import ENVIRONMENT, ROOT, say, show_table, verdict

from studio.compare.sampling import GREEDY
from studio.compare.voices import Voice
from studio.data.datasets import open_dataset
from studio.data.tokens import load_tokenizer
from studio.process import worker_environment
from studio.runs import Run, open_run
from studio.train.models import require_base
from studio.workspace import SAMPLE, Workspace

TOKENS = 64
PROMPTS = 3
REPEATS = 3
MOST = {2: 0.70, 4: 0.50}
MOST_FIRST = 1.5
MOST_SWITCH_S = 1.0


def make_run(workspace: Workspace) -> Run:
    settings = [
        part for setting in ("max_steps=2", "eval_steps=1000", "save_steps=1000") for part in ("--set", setting)
    ]
    done = subprocess.run(
        [sys.executable, "launch.py", "train", "--data", SAMPLE, *settings, "--json", "--workspace", workspace.root],
        cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    return open_run(workspace, json.loads(done.stdout.splitlines()[-1])["run"])


def vary(run: Run, steps: Sequence[int]) -> None:
    """Checkpoints that differ from what was kept in the end."""
    import torch
    from safetensors.torch import load_file, save_file

    for step in steps:
        place = run.checkpoints / f"checkpoint-{step}"
        shutil.copytree(run.adapter, place, dirs_exist_ok=True)
        weights = load_file(place / "adapter_model.safetensors")
        torch.manual_seed(step)
        more = {name: weight + 1e-3 * torch.randn_like(weight) for name, weight in weights.items()}
        save_file(more, place / "adapter_model.safetensors", metadata={"format": "pt"})


def measure(workspace: Workspace, run: Run) -> Iterator[list[str]]:
    os.environ.update(worker_environment(workspace, "chat"))  # read when torch is imported
    import torch
    from transformers import AutoTokenizer, TextStreamer

    from studio.workers.load import load_base, load_tuned, wants_four_bit
    from studio.workers.voices import Voices

    folder, four_bit = require_base(workspace, run.recipe.base), wants_four_bit(run.recipe)
    tokenizer, streamed = load_tokenizer(folder), AutoTokenizer.from_pretrained(folder)
    bare, tuned = load_base(folder, four_bit).eval(), load_tuned(folder, run, four_bit)
    checkpoints = [Voice("checkpoint", run.id, step) for step in ("101", "102")]
    four = [Voice("base", run.id), Voice("run", run.id), *checkpoints]
    studio = Voices(workspace)
    list(studio.open(four))
    (group,) = studio._groups.values()
    for model in (bare, tuned, group.generator.model):
        model.generation_config.min_new_tokens = TOKENS
    prompts = [c.prompt for c in open_dataset(workspace, run.recipe.data).conversations("test")[:PROMPTS]]

    class Stream(TextStreamer):
        """Knows when the first token came."""

        def __init__(self) -> None:
            super().__init__(streamed, skip_prompt=True)
            self.began_s, self.first_s = time.monotonic(), 0.0

        def put(self, value: Any) -> None:
            if not self.next_tokens_are_prompt and not self.first_s:
                self.first_s = time.monotonic() - self.began_s
            super().put(value)

        def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
            """Nobody reads it."""

    def alone(model: Any) -> Callable[[Any], float]:
        def ask(messages: Any) -> float:
            ids = torch.tensor([tokenizer.prompt_ids(messages)], device=model.device)
            mask, stream = torch.ones_like(ids), Stream()
            output = model.generate(
                input_ids=ids, attention_mask=mask, max_new_tokens=TOKENS, do_sample=False, streamer=stream
            )
            assert output.shape[1] == ids.shape[1] + TOKENS
            return stream.first_s

        return ask

    def together(voices: Sequence[Voice]) -> Callable[[Any], float]:
        def ask(messages: Any) -> float:
            asked = dict.fromkeys(voices, messages)
            answers = studio.answer(asked, TOKENS, GREEDY, 1.0, lambda answers: False)
            assert {answer.tokens for answer in answers.values()} == {TOKENS}
            return max(answer.first_s for answer in answers.values())

        return ask

    ways = {
        "base alone": alone(bare), "tuned alone": alone(tuned),
        "both in one pass": together(four[:2]), "four in one pass": together(four),
    }  # fmt: skip
    whole, first = _time(ways, prompts)
    for name in ways:
        yield [name, f"{whole[name]:.2f} s", f"first token after {first[name]:.2f} s"]
    for count, name in ((2, "both in one pass"), (4, "four in one pass")):
        ratio = whole[name] / (whole["base alone"] + (count - 1) * whole["tuned alone"])
        yield [
            f"**{count} beside one after the other**",
            f"{ratio:.2f}",
            f"at most {MOST[count]}: {_ok(ratio, MOST[count])}",
        ]
    for name in ("both in one pass", "four in one pass"):
        ratio = first[name] / first["tuned alone"]
        words = f"at most {MOST_FIRST}: {_ok(ratio, MOST_FIRST)}" if name.startswith("both") else ""
        yield [f"**first token, {name}, beside tuned alone**", f"{ratio:.2f}", words]
    switch_s = statistics.median(_switch(studio, four[0], voice) for voice in [*checkpoints, four[1]] * 2)
    yield [
        "**another adapter on the base**",
        f"{switch_s:.2f} s",
        f"at most {MOST_SWITCH_S}: {_ok(switch_s, MOST_SWITCH_S)}",
    ]


def _time(ways: dict[str, Callable[[Any], float]], prompts: list[Any]) -> tuple[dict[str, float], dict[str, float]]:
    """(seconds a question, seconds to the first token), medians of all rounds; the ways take turns."""
    for ask in ways.values():
        ask(prompts[0])
    whole: dict[str, list[float]] = {name: [] for name in ways}
    first: dict[str, list[float]] = {name: [] for name in ways}
    for repeat in range(REPEATS):
        say(f"Asking, {repeat + 1} of {REPEATS}")
        for prompt in prompts:
            for name, ask in ways.items():
                began_s = time.monotonic()
                first[name].append(ask(prompt))
                whole[name].append(time.monotonic() - began_s)
    return ({name: statistics.median(each) for name, each in found.items()} for found in (whole, first))  # type: ignore[return-value]


def _switch(studio: Any, base: Voice, voice: Voice) -> float:
    began_s = time.monotonic()
    list(studio.open([base, voice]))
    return time.monotonic() - began_s


def _ok(value: float, most: float) -> str:
    return verdict(value <= most)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--workspace", help="one with the starter, or with a run")
    parser.add_argument("--run", help="a run with an adapter")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.open(given.workspace or folder)
        run = open_run(workspace, given.run) if given.run else make_run(workspace)
        vary(run, (101, 102))
        rows = list(measure(workspace, run))
    show_table(f"Answers of {TOKENS} tokens", ["how", "a question", ""], rows)


if __name__ == "__main__":
    main()
