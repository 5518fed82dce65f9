"""Tokens a second of a studio run, without padding, beside other ways to train on the same rows, and what they learn.

Beside a bare Unsloth + TRL script with the same batches; with `--llamafactory VENV`, an environment with LLaMA-Factory
0.9.5, beside its command line too. The rows are docstrings of installed packages, 20 to 600 tokens long, as mixed as
what people bring, or `--data FILE`. All are trained in turn, REPEATS times.
`train_speed.py [--workspace PATH] [--data FILE] [--llamafactory VENV]`; the workspace keeps the starter.
"""

from __future__ import annotations

import argparse
import inspect
import json
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import llamafactory
import pandas
from measure import ROOT, say, show_table, verdict

from studio.data.conversation import Conversation
from studio.data.datasets import label_all, open_dataset, read_examples, save_dataset
from studio.data.tokens import Labelled, load_tokenizer
from studio.process import worker_environment
from studio.runs import create_run, live_run
from studio.store import read_rows
from studio.train.models import STARTER, ensure_base, require_base
from studio.train.recipe import count_steps, make_recipe
from studio.workers.sampler import StepSampler
from studio.workspace import Workspace

HERE = Path(__file__).resolve().parent
EXAMPLES = 120  # of which four fifths are learned from: 96, or 12 steps of 8
BATCH, MAX_LENGTH = 8, 1024
REPEATS = 2
LEAST_OF_BARE, LEAST_OF_LLAMAFACTORY, MOST_OF_A_STEP = 0.98, 1.3, 0.005
NO_WORSE = 1.01  # held-out loss: chance alone moves it by so much
STUDIO, BARE = "**studio**", "bare Unsloth + TRL, the same batches"


@dataclass(frozen=True)
class Trained:
    """`loss` is the mean of the steps' losses, as each says it."""

    seconds: float
    loss: float
    adapter: Path


def write_docstrings(path: Path) -> None:
    found = {}
    for owner in (pandas, pandas.DataFrame, pandas.Series, pandas.Timestamp):
        for name, member in inspect.getmembers(owner, callable):
            text = (inspect.getdoc(member) or "")[:1600]
            if not name.startswith("_") and len(text) > 60:
                found[f"{owner.__name__}.{name}"] = text
    names = random.Random(1).sample(sorted(found), EXAMPLES)
    rows = []
    for index, name in enumerate(names):
        most = (80, 250, 600, 1600)[index % 4]
        said = [{"role": "user", "content": f"What does {name} do?"}]
        rows.append({"messages": [*said, {"role": "assistant", "content": found[name][:most]}]})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


class Race:
    """The same rows and settings for all: one epoch of them, LoRA of rank 16, answers only."""

    def __init__(self, workspace: Workspace, data: Path, folder: Path, base: str = STARTER) -> None:
        self.workspace, self.folder = workspace, folder
        self.base = require_base(workspace, base)
        self.environment = worker_environment(workspace, "train")
        self.data = save_dataset(workspace, data.stem, data.name, read_examples(data)).name
        dataset = open_dataset(workspace, self.data)
        self.conversations = dataset.conversations("train")
        self.recipe = make_recipe(
            data=self.data, base=base, epochs=1, batch_size=BATCH, max_length=MAX_LENGTH, eval_steps=1000,
            save_steps=1000, keep_best=False,
        )  # fmt: skip
        learned, heldout = self._label(self.conversations), self._label(dataset.conversations("test"))
        order = list(StepSampler([len(row.input_ids) for row in learned], BATCH, self.recipe.seed))
        self.steps = count_steps(self.recipe, len(learned))
        self.tokens = sum(len(row.input_ids) for row in learned)
        self.rows = self._write("batches", [learned[place] for place in order])
        self.heldout = self._write("heldout", heldout)
        self.callbacks: list[float] = []  # share of a step
        self.callbacks_ms: list[float] = []

    def _label(self, conversations: Sequence[Conversation]) -> list[Labelled]:
        return label_all(conversations, load_tokenizer(self.base), MAX_LENGTH, "answers")[0]

    def _write(self, name: str, rows: Sequence[Labelled]) -> Path:
        path = self.folder / f"{name}.jsonl"
        lines = [json.dumps({"input_ids": list(row.input_ids), "labels": list(row.labels)}) for row in rows]
        path.write_text("\n".join(lines), encoding="utf-8")
        return path

    def train_studio(self) -> Trained:
        run = create_run(self.workspace, self.recipe)
        clock = self.folder / "studio.json"
        self._python("timed_train.py", run.folder, clock)
        read = json.loads(clock.read_text(encoding="utf-8"))
        self.callbacks.append(read["callbacks_s"] / read["seconds"])
        self.callbacks_ms.append(1000 * read["callbacks_s"] / read["steps"])
        say(f"{read['processor_s']:.0f} s of a processor")
        losses = [row["loss"] for row in read_rows(run.metrics) if "loss" in row]
        return Trained(read["seconds"], statistics.mean(losses), run.adapter)

    def train_bare(self) -> Trained:
        out = self.folder / "bare"
        self._python("bare_train.py", self.base, self.rows, str(BATCH), out)
        read = json.loads((out / "clock.json").read_text(encoding="utf-8"))
        say(f"{read['processor_s']:.0f} s of a processor")
        return Trained(read["seconds"], read["loss"], out)

    def train_llamafactory(self, venv: Path, name: str) -> Trained:
        folder = self.folder / str(list(llamafactory.WAYS).index(name))
        folder.mkdir(exist_ok=True)
        rows = [{"messages": conversation.as_dicts()} for conversation in self.conversations]
        config = llamafactory.write_config(folder, self.base, rows, BATCH, llamafactory.WAYS[name])
        return Trained(*llamafactory.train(venv, config, self.environment))

    def measure_losses(self, adapters: Sequence[Path]) -> list[float]:
        losses: list[float] = json.loads(self._python("heldout_loss.py", self.base, self.heldout, *adapters))
        return losses

    def _python(self, script: str, *arguments: object) -> str:
        command = [sys.executable, HERE / script, *arguments]
        done = subprocess.run(
            [str(part) for part in command], cwd=ROOT, env=self.environment, capture_output=True, text=True
        )
        if done.returncode:
            raise SystemExit(f"{script} failed:\n{done.stderr[-3000:]}")
        return done.stdout.splitlines()[-1] if done.stdout else ""


def run_race(race: Race, venv: Path | None) -> dict[str, list[Trained]]:
    runners = {BARE: race.train_bare, STUDIO: race.train_studio}
    for name in llamafactory.WAYS if venv else ():
        runners[name] = lambda name=name: race.train_llamafactory(venv, name)
    trained: dict[str, list[Trained]] = {name: [] for name in runners}
    for repeat in range(REPEATS):
        for name, train in runners.items():
            say(f"Training, {repeat + 1} of {REPEATS}: {name}")
            trained[name].append(train())
            say(f"{race.tokens / trained[name][-1].seconds:.0f} tokens/s")
    return trained


def show(race: Race, trained: dict[str, list[Trained]]) -> None:
    say("Measuring what was learned")
    base, *heldout = race.measure_losses([each[-1].adapter for each in trained.values()])
    loss_of = dict(zip(trained, heldout, strict=True))
    speeds = {name: race.tokens / min(one.seconds for one in each) for name, each in trained.items()}
    rows = [["the base", "", "", f"{base:.3f}", "", ""]]
    for name, speed in speeds.items():
        ratio = speeds[STUDIO] / speed
        least = LEAST_OF_BARE if name == BARE else LEAST_OF_LLAMAFACTORY
        kept = ratio >= least and loss_of[STUDIO] <= NO_WORSE * loss_of[name]
        said = "" if name == STUDIO else f"at least {least} at no worse loss: {verdict(kept)}"
        losses = [f"{trained[name][-1].loss:.3f}", f"{loss_of[name]:.3f}"]
        rows.append([name, f"{speed:.0f}", *losses, f"{ratio:.2f}", said])
    title = f"{race.tokens:,} tokens in {race.steps} steps of {BATCH}, best of {REPEATS}"
    show_table(title, ["how", "tokens/s", "train loss", "held-out loss", "studio: times as fast", ""], rows)
    share = statistics.median(race.callbacks)
    said = f"at most {MOST_OF_A_STEP:.1%}: {verdict(share <= MOST_OF_A_STEP)}"
    head = ["callbacks outside evaluation", "a step", ""]
    show_table("What the studio adds", head, [[f"{share:.2%}", f"{statistics.median(race.callbacks_ms):.1f} ms", said]])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--workspace", help="one with the starter")
    parser.add_argument("--data", type=Path, help="examples to train on instead of the docstrings")
    parser.add_argument("--llamafactory", type=Path, metavar="VENV", help="an environment with LLaMA-Factory 0.9.5")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        workspace = Workspace.open(given.workspace or folder / "workspace")
        if live_run(workspace):
            raise SystemExit("A run is live in this workspace: wait for its end, or name another.")
        for progress in ensure_base(workspace, STARTER):
            say(progress.message)
        data = given.data or folder / "docstrings.jsonl"
        if not given.data:
            write_docstrings(data)
        race = Race(workspace, data, folder)
        show(race, run_race(race, given.llamafactory))


if __name__ == "__main__":
    main()
