"""Tokens a second of a studio run, beside the same job as a bare Unsloth + TRL script with random batches of 2 x 4.

The data are docstrings of installed packages, 20 to 400 tokens long, as mixed as what people bring.
`train_speed.py [--workspace PATH]`; the workspace keeps the starter for the next time.
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
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import pandas
from measure import ROOT, say, show_table, verdict

from studio.data.datasets import Dataset, read_examples, save_dataset
from studio.process import worker_environment
from studio.runs import live_run
from studio.train.models import STARTER, ensure_base, require_base
from studio.workspace import Workspace

STEPS = 12
EXAMPLES = 120  # of which four fifths are learned from: 96, or 12 steps of 8
REPEATS = 2
LEAST = 1.2


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


def run_studio(workspace: Workspace, dataset: Dataset) -> float:
    python = getattr(sys, "_base_executable", sys.executable)
    settings = ("epochs=100", f"max_steps={STEPS}", "max_length=1024", "eval_steps=1000", "save_steps=1000")
    command = [python, "launch.py", "train", "--data", dataset.name, "--json", "--workspace", str(workspace.root)]
    command += [part for setting in settings for part in ("--set", setting)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return float(json.loads(done.stdout.splitlines()[-1])["tokens_per_s"])


def run_bare(workspace: Workspace, data: Path) -> float:
    script = ROOT / "tests" / "benchmarks" / "bare_train.py"
    base = require_base(workspace, STARTER)
    done = subprocess.run(
        [sys.executable, script, base, data, str(STEPS)],
        cwd=data.parent, env=worker_environment(workspace, "train"), stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True, check=True,
    )  # fmt: skip
    last = json.loads(done.stdout.splitlines()[-1])
    return float(last["tokens"] / last["seconds"])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--workspace")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.open(given.workspace or folder)
        if live_run(workspace):
            raise SystemExit("A run is live in this workspace: wait for its end, or name another.")
        for progress in ensure_base(workspace, STARTER):
            say(progress.message)
        data = Path(folder) / "docstrings.jsonl"
        write_docstrings(data)
        dataset = save_dataset(workspace, data.stem, data.name, read_examples(data))
        learned = Path(folder) / "learned.jsonl"  # what the studio learns from, and nothing else
        rows = [{"messages": example.as_dicts()} for example in dataset.conversations("train")]
        learned.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        studio, bare = [], []
        try:
            for repeat in range(REPEATS):
                say(f"Training, {repeat + 1} of {REPEATS}")
                bare.append(run_bare(workspace, learned))
                studio.append(run_studio(workspace, dataset))
        finally:
            live = live_run(workspace)  # whoever breaks this off leaves a run going, as a run should
            if live and live.process:
                live.process.kill()
    ratio = statistics.median(studio) / statistics.median(bare)
    rows = [
        ["bare Unsloth + TRL, random batches of 2 x 4", f"{statistics.median(bare):.0f}", ""],
        ["studio: batches of 8, grouped by length", f"{statistics.median(studio):.0f}", ""],
        ["**ratio**", f"{ratio:.2f}", f"at least {LEAST}: {verdict(ratio >= LEAST)}"],
    ]
    show_table(f"Training, tokens a second without padding ({STEPS} steps)", ["how", "tokens/s", ""], rows)


if __name__ == "__main__":
    main()
