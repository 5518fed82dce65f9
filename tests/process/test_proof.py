"""The verdict on real runs: who learned nothing and who learned other questions' answers are not called better."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import psutil
import pytest

from studio.compare.proof import note_of, read_scores, score_run
from studio.data.datasets import read_examples, save_dataset
from studio.process import start_detached
from studio.runs import Run, create_run, open_run
from studio.store import write_json
from studio.train.recipe import make_recipe
from studio.workspace import SAMPLE, Workspace

EXAMPLES = 130  # of which a tenth is held out


def save_sample(workspace: Workspace, name: str, shuffled: bool = False) -> str:
    """The first examples of the sample; shuffled, each has another one's answer."""
    rows = [json.loads(line) for line in SAMPLE.read_text(encoding="utf-8").splitlines()[:EXAMPLES]]
    answers = [row["messages"].pop() for row in rows]
    if shuffled:
        random.Random(6).shuffle(answers)
    file = workspace.root / f"{name}.jsonl"
    lines = [json.dumps({"messages": [*row["messages"], answer]}) for row, answer in zip(rows, answers, strict=True)]
    file.write_text("\n".join(lines), encoding="utf-8")
    return save_dataset(workspace, name, file.name, read_examples(file)).name


def measured(run: Run, here: bool = False) -> dict[str, Any]:
    """In a process of its own, or here, where the libraries are loaded already."""
    from studio.workers.score import score

    if here:
        score(run, lambda progress: None)
    else:
        for _ in score_run(run):
            pass
    found = read_scores(run)
    assert found is not None
    assert found["examples"] >= 12
    return found


@pytest.mark.slow
def test_a_run_of_no_steps_cannot_be_told_by_any_measure_and_the_second_time_is_the_same(
    starter_workspace: Workspace, starter: Path
) -> None:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    workspace = starter_workspace
    run = create_run(workspace, make_recipe(data=save_sample(workspace, "tickets"), base="starter", name="no steps"))
    torch.manual_seed(4)
    fresh = LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")  # B is zero, A is not
    get_peft_model(AutoModelForCausalLM.from_pretrained(starter), fresh).save_pretrained(run.adapter)
    write_json(run.folder / "state.json", {**run.status, "state": "done", "step": 0})
    first = measured(open_run(workspace, run.id))
    words = {name: each["word"] for name, each in first["measures"].items()}
    assert {"fields_right", "right", "word_overlap", "loss", "perplexity"} <= words.keys()
    assert words == dict.fromkeys(words, "can't tell")
    assert first["verdict"]["word"] == "can't tell"
    assert first["base"] == first["tuned"]
    for file in ("scores.json", "score.jsonl", note_of(run).name):
        (run.folder / file).unlink()
    assert measured(run, here=True) == first


@pytest.mark.slow
def test_answers_shuffled_among_the_questions_teach_the_form_and_are_not_called_better(
    starter_workspace: Workspace,
) -> None:
    workspace = starter_workspace
    data = save_sample(workspace, "shuffled", shuffled=True)
    settings = {
        "batch_size": 4,
        "gradient_accumulation": 1,
        "max_steps": 24,
        "learning_rate": 1.5e-3,
        "max_length": 256,
    }
    # Held-out looks and checkpoints would take as long as the training.
    recipe = make_recipe(data=data, base="starter", eval_steps=1000, save_steps=1000, keep_best=False, **settings)
    run = create_run(workspace, recipe)
    psutil.Process(start_detached(workspace, run.log, "train", run.folder).pid).wait()
    run = open_run(workspace, run.id)
    assert run.state == "done", run.status
    found = measured(run, here=True)
    assert found["measures"]["json_valid"]["word"] == "better", "it has learned nothing, so nothing is shown"
    assert found["main"] == "fields_right"
    assert found["measures"]["fields_right"]["tuned"]["value"] < 0.6
    assert found["verdict"]["word"] in ("worse", "can't tell"), found["verdict"]
