"""The whole way once, on the sample, with figures that it must reach."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from studio.compare import proof
from studio.data import datasets
from studio.errors import RunError
from studio.export import gguf
from studio.queue import advance, start_run
from studio.runs import open_run
from studio.scores.intervals import wilson
from studio.store import write_whole
from studio.tasks import Progress, follow, result_of
from studio.train.models import STARTER, ensure_base
from studio.train.recipe import make_recipe
from studio.workspace import SAMPLE, Workspace

SETTINGS = {"epochs": 1.5, "batch_size": 4, "learning_rate": 1.5e-3, "eval_steps": 200, "save_steps": 200}
MOST_BASE, LEAST_TUNED, LEAST_GGUF = 0.05, 0.80, 0.75
WORD = "better"

Say = Callable[[str], None]
Watch = Callable[[Iterable[Progress]], None]


def run_demo(workspace: Workspace, say: Say, watch: Watch) -> dict[str, Any]:
    """Read, check, split, train, score, export, ask the file. `failed` says which figure was missed, if any."""
    began = time.monotonic()
    say("1 of 5  Reading the sample: customers' e-mails and the tickets they should become")
    dataset = datasets.save_dataset(workspace, "sample", SAMPLE.name, datasets.read_examples(SAMPLE))
    say(f"  {dataset.description['examples']} examples, split {dataset.counts}")
    say("2 of 5  Training")
    run = start_run(workspace, make_recipe(data=dataset.name, name="demo", **SETTINGS))
    watch(ensure_base(workspace, STARTER))  # while the run loads its libraries; it waits for the model by itself
    watch(_training(workspace, run.id))
    run = open_run(workspace, run.id)
    if run.state != "done":
        error = run.status.get("error") or {}
        raise RunError(error.get("what", f"The run ended as {run.state}."), error.get("do", f"See {run.log}."))
    say("3 of 5  Asking the model before and after what neither saw")
    watch(proof.score_run(run))
    score = proof.read_scores(run) or {}
    say("4 of 5  Making one GGUF file, and checking it")
    watch(gguf.export_run(run, "gguf", "q4_k_m"))
    export = gguf.read_export(run, "gguf", "q4_k_m")
    if export is None:
        raise RunError("The export has vanished.", "Run the demo again.")
    say("5 of 5  Asking the file the same questions")
    note = run.folder / "ask_gguf.task.json"
    watch(follow(workspace, note, "ask_gguf", run.folder, export.path))
    found = {
        "base_right": score["base"]["right"],
        "tuned_right": score["tuned"]["right"],
        "gguf_right": result_of(note)["right"],
    }
    word = score["verdict"]["word"]
    seconds = round(time.monotonic() - began, 1)
    report = _report(found, score["examples"], seconds, export.path.relative_to(workspace.root))
    write_whole(run.folder / "report.txt", report)
    say(report)
    return {
        **found,
        "verdict": word,
        "seconds": seconds,
        "run": run.id,
        "gguf": str(export.path),
        "report": str(run.folder / "report.txt"),
        "failed": _missed(found, word),
    }


def _training(workspace: Workspace, run_id: str) -> Iterable[Progress]:
    while (run := open_run(workspace, run_id)).is_open:
        step, steps = run.status.get("step", 0), run.status.get("steps")
        message = run.status.get("message") or "Starting"
        if steps and step:
            message = f"Step {step - step % 10} of {steps}, loss {run.status['loss']:.3f}"
        yield Progress(message, step / steps if steps else None, run.status.get("left_s"))
        if run.state == "queued":
            advance(workspace)
        time.sleep(0.5)


def _report(found: dict[str, float], examples: int, seconds: float, path: Path) -> str:
    lines = ["", f"Tickets wholly right, of {examples} that no training saw:"]
    for name, title in (("base_right", "before"), ("tuned_right", "after"), ("gguf_right", "the GGUF file")):
        low, high = wilson(found[name], examples)
        lines.append(f"  {title:14} {found[name]:5.0%}   (between {low:.0%} and {high:.0%})")
    return "\n".join([*lines, f"All of it took {seconds:.0f} s. The file, in the workspace: {path}", ""])


def _missed(found: dict[str, float], word: str) -> str:
    misses = [
        f"before is {found['base_right']:.0%} right, at most {MOST_BASE:.0%} was expected"
        if found["base_right"] > MOST_BASE
        else "",
        f"after is {found['tuned_right']:.0%} right, at least {LEAST_TUNED:.0%} was expected"
        if found["tuned_right"] < LEAST_TUNED
        else "",
        f"the GGUF is {found['gguf_right']:.0%} right, at least {LEAST_GGUF:.0%} was expected"
        if found["gguf_right"] < LEAST_GGUF
        else "",
        f"the verdict is “{word}”, “{WORD}” was expected" if word != WORD else "",
    ]
    return "; ".join(miss for miss in misses if miss)
