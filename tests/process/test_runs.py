"""Runs as real processes of the starter: left alone, stopped, failed. What kills them is in test_never_lost.py."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from studio.hardware import processor_has_bf16
from studio.process import start_detached
from studio.queue import start_run, take_out
from studio.runs import Run, create_run, open_run, stop_run
from studio.train.recipe import make_recipe
from studio.workspace import Workspace
from tests.process.small import save_some

PATIENCE_S = 300


def wait_for(workspace: Workspace, run_id: str, condition: Callable[[Run], bool]) -> Run:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        run = open_run(workspace, run_id)
        if condition(run):
            return run
        time.sleep(0.3)
    pytest.fail(f"{run.state}: {run.status}\n{run.log.read_text()[-2000:]}")


def save_sample(workspace: Workspace) -> str:
    """So few that looking at the held-out ones takes no time."""
    return save_some(workspace, 40)


def whole_checkpoints(run: Run) -> list[Path]:
    return list(run.checkpoints.glob("checkpoint-*/whole.json"))


def test_a_run_outlives_the_studio_that_started_it_and_can_be_stopped_by_the_next(
    starter_workspace: Workspace,
) -> None:
    data = save_sample(starter_workspace)
    code = (
        "import sys, time; from studio.queue import start_run; from studio.workspace import Workspace;"
        "from studio.train.recipe import make_recipe;"
        "recipe = make_recipe(data=sys.argv[2], max_steps=500, batch_size=2, eval_steps=500, save_steps=5);"
        "print(start_run(Workspace.open(sys.argv[1]), recipe).id, flush=True); time.sleep(600)"
    )
    studio = subprocess.Popen(
        [sys.executable, "-c", code, str(starter_workspace.root), data], stdout=subprocess.PIPE, text=True
    )
    assert studio.stdout is not None
    run_id = studio.stdout.readline().strip()
    wait_for(starter_workspace, run_id, lambda run: run.state == "training")
    studio.send_signal(signal.SIGKILL)
    studio.wait()
    before = open_run(starter_workspace, run_id).status.get("step", 0)
    wait_for(starter_workspace, run_id, lambda run: run.status.get("step", 0) > before + 1)

    waits = start_run(starter_workspace, make_recipe(data=data))
    assert waits.state == "queued"
    take_out(starter_workspace, waits.id)

    run = open_run(starter_workspace, run_id)
    assert run.process
    os.kill(run.process.pid, signal.SIGSTOP)  # or else it may have ended before it is looked at
    stop_run(starter_workspace, run_id)
    assert open_run(starter_workspace, run_id).state == "stopping"
    os.kill(run.process.pid, signal.SIGCONT)
    run = wait_for(starter_workspace, run_id, lambda run: not run.is_open)
    assert run.state == "stopped"
    assert run.has_adapter
    assert whole_checkpoints(run)


def test_where_unsloth_cannot_a_run_goes_through_transformers_and_says_so(
    starter_workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNSLOTH_DISABLE_CPU_FALLBACK", "1")  # it then wants a card, and there is none
    base = build_tiny_gpt2(starter_workspace.models / "starter", tmp_path / "tiny-gpt2")
    recipe = make_recipe(data=save_sample(starter_workspace), base=str(base), max_steps=2, eval_steps=2, batch_size=2)
    run = start_run(starter_workspace, recipe)
    run = wait_for(starter_workspace, run.id, lambda run: not run.is_open)
    assert run.state == "done", run.status
    bits = 16 if processor_has_bf16() else 32
    assert run.status["engine"].startswith(f"Transformers, {bits}-bit (Unsloth could not:")
    assert run.has_adapter


def test_what_unsloth_has_patched_before_it_broke_is_not_what_trains(
    starter_workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = tmp_path / "elsewhere" / "unsloth"
    half.mkdir(parents=True)
    patched = "import peft, transformers\npeft.get_peft_model = transformers.AutoTokenizer.from_pretrained = None\n"
    (half / "__init__.py").write_text(patched + 'raise RuntimeError("no such CUDA")')
    monkeypatch.setenv("PYTHONPATH", str(half.parent))
    base = build_tiny_gpt2(starter_workspace.models / "starter", tmp_path / "tiny-gpt2")
    recipe = make_recipe(data=save_sample(starter_workspace), base=str(base), max_steps=2, eval_steps=2, batch_size=2)
    run = start_run(starter_workspace, recipe)
    process = run.process
    run = wait_for(starter_workspace, run.id, lambda run: not run.is_open)
    assert run.state == "done", run.status
    assert "(Unsloth could not: RuntimeError: no such CUDA)" in run.status["engine"]
    assert run.log.read_text().count("Beginning again without Unsloth") == 1
    assert run.process == process


def test_a_run_that_fails_says_what_happened_and_what_to_do(starter_workspace: Workspace, tmp_path: Path) -> None:
    base = tmp_path / "broken"
    base.mkdir()
    (base / "config.json").write_text(json.dumps({"model_type": "llama"}))
    (base / "model.safetensors").write_bytes(b"rubbish")
    run = create_run(starter_workspace, make_recipe(data=save_sample(starter_workspace), base=str(base)))
    psutil.Process(start_detached(starter_workspace, run.log, "train", run.folder).pid).wait()
    run = open_run(starter_workspace, run.id)
    assert run.state == "failed"
    assert "tokenizer.json" in run.status["error"]["what"]
    assert run.status["error"]["do"]


def build_tiny_gpt2(starter: Path, place: Path) -> Path:
    """Layers with other names and of another class than Llama's, made small at random, with a real tokenizer."""
    from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel

    tokenizer = AutoTokenizer.from_pretrained(starter)
    config = GPT2Config(
        vocab_size=len(tokenizer), n_positions=512, n_embd=32, n_layer=2, n_head=2, bos_token_id=1, eos_token_id=2
    )
    GPT2LMHeadModel(config).save_pretrained(place)
    tokenizer.save_pretrained(place)
    return place
