"""A model of a few thousand weights and a few examples, so that a run takes seconds; and what is asked of such runs."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from studio.data.conversation import Conversation
from studio.data.datasets import read_examples, save_dataset
from studio.data.tokens import NOT_LEARNED, label_tokens
from studio.queue import advance
from studio.runs import LIVE, Run, create_run, list_runs, open_run
from studio.store import read_rows
from studio.train.recipe import Recipe
from studio.workspace import SAMPLE, Workspace
from tests.process.nursery import RIGGED

PATIENCE_S = 300  # of a worker that imports the libraries beside two others, on two cores
# Steep, so that losses move in few steps, and the held-out loss up as well as down.
SETTINGS: dict[str, Any] = {
    "batch_size": 1, "gradient_accumulation": 2, "epochs": 3, "max_steps": 22, "learning_rate": 0.02, "lora_alpha": 512,
    "scheduler": "constant_with_warmup", "warmup_share": 0.5, "lora_dropout": 0.1, "save_steps": 4, "eval_steps": 6,
    "max_length": 256,
}  # fmt: skip


def build_tiny_llama(starter: Path, place: Path) -> Path:
    """Llama's architecture at random, with the starter's tokenizer."""
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM, set_seed

    set_seed(1)
    tokenizer = AutoTokenizer.from_pretrained(starter)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, max_position_embeddings=512, bos_token_id=1, eos_token_id=2, pad_token_id=2,
        tie_word_embeddings=True,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(place)
    tokenizer.save_pretrained(place)
    return place


def save_some(workspace: Workspace, examples: int = 30) -> str:
    """The first examples of the sample, as a data set of its own."""
    lines = SAMPLE.read_text(encoding="utf-8").splitlines()[:examples]
    file = workspace.root / "some.jsonl"
    file.write_text("\n".join(lines), encoding="utf-8")
    return save_dataset(workspace, "some", file.name, read_examples(file)).name


def wait_for(workspace: Workspace, run_id: str, condition: Callable[[Run], bool]) -> Run:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        run = open_run(workspace, run_id)
        if condition(run):
            return run
        time.sleep(0.01)
    pytest.fail(f"{run.state}: {run.status}\n{run.log.read_text()[-3000:]}")


def wait_for_end(workspace: Workspace, run_id: str) -> Run:
    return wait_for(workspace, run_id, lambda run: not run.is_open)


def wait_for_step(workspace: Workspace, run_id: str, step: int) -> Run:
    """Until it has done this step; fails if it ended before."""
    run = wait_for(workspace, run_id, lambda run: run.status.get("step", 0) >= step or not run.is_open)
    assert run.status.get("step", 0) >= step, run.status
    return run


def losses(run: Run) -> dict[int, float]:
    """Of each step the one that counts: the last that was written."""
    return {row["step"]: row["loss"] for row in read_rows(run.metrics) if "loss" in row}


def heldout(run: Run) -> dict[int, float]:
    """As `losses`, of the held-out part."""
    return {row["step"]: row["heldout_loss"] for row in read_rows(run.metrics) if "heldout_loss" in row}


def told(run: Run) -> str:
    """The story of a run, a sentence a line."""
    return "\n".join(words for _, words in run.story())


def kill(run: Run) -> None:
    """As the system would; the run is gone when this returns."""
    assert run.process
    os.kill(run.process.pid, signal.SIGKILL)
    end = time.monotonic() + PATIENCE_S
    while run.process.is_alive():
        assert time.monotonic() < end
        time.sleep(0.005)


def end_all(workspace: Workspace) -> None:
    """Nothing of this workspace trains after a test, whatever its worker has written last."""
    for run in list_runs(workspace):
        if run.status["state"] in LIVE and run.process:
            run.process.kill()


def start_rigged(workspace: Workspace, recipe: Recipe, code: str) -> Run:
    """Start a run with something otherwise inside its worker: `code` is done there before anything else."""
    run = create_run(workspace, recipe)
    (run.folder / RIGGED).write_text(code, encoding="utf-8")
    advance(workspace)
    return open_run(workspace, run.id)


def at_step(step: int, act: str) -> str:
    """Code for `start_rigged`: does `act` once this step is done, before it is logged or saved."""
    return (
        "from studio.workers.reporter import Reporter\n"
        "ended = Reporter.on_step_end\n"
        "def on_step_end(self, args, state, control, **more):\n"
        f"    if state.global_step == {step}:\n"
        f"        {act}\n"
        "    return ended(self, args, state, control, **more)\n"
        "Reporter.on_step_end = on_step_end\n"
    )


HOLD = "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)"  # for `at_step`


def start_held(workspace: Workspace, recipe: Recipe, step: int) -> Run:
    """Start a run that stands still once it has done this step, until `let_go`: it cannot end meanwhile."""
    return wait_until_held(workspace, start_rigged(workspace, recipe, at_step(step, HOLD)).id)


def wait_until_held(workspace: Workspace, run_id: str) -> Run:
    """For a run with `HOLD` among what is rigged; whatever goes on with it afterwards is not rigged any more."""

    def stands_still(run: Run) -> bool:
        return run.is_live and psutil.Process(run.process.pid).status() == psutil.STATUS_STOPPED

    run = wait_for(workspace, run_id, stands_still)
    (run.folder / RIGGED).unlink()
    return run


def let_go(run: Run) -> None:
    assert run.process
    os.kill(run.process.pid, signal.SIGCONT)


def heldout_best_at(step: int) -> str:
    """Code for `start_rigged`: made-up held-out losses, lowest at this step, on whatever machine."""
    return (
        "from studio.workers.reporter import Reporter\n"
        "looked = Reporter.on_evaluate\n"
        "def on_evaluate(self, args, state, control, metrics, **more):\n"
        f"    metrics['eval_loss'] = 11.0 + abs(state.global_step - {step})\n"
        "    return looked(self, args, state, control, metrics, **more)\n"
        "Reporter.on_evaluate = on_evaluate\n"
    )


def require_equal(run: Run, whole: Run) -> None:
    """Step by step the same losses, and in the end the same adapter."""
    assert run.state == "done", f"{run.status}\n{run.log.read_text()[-3000:]}"
    assert losses(run) == losses(whole)
    assert heldout(run) == heldout(whole)
    kept = "best_step", "best_heldout_loss", "kept_step"
    assert [run.status.get(key) for key in kept] == [whole.status.get(key) for key in kept]
    weights = "adapter_model.safetensors"
    assert (run.adapter / weights).read_bytes() == (whole.adapter / weights).read_bytes()


def plain_loss(model: Any, conversation: Conversation, tokenizer: Any, max_length: int) -> float:
    """Of one example alone, without padding."""
    import torch
    from torch.nn.functional import cross_entropy

    tokens = label_tokens(conversation, tokenizer, max_length)
    with torch.no_grad():
        scores = model(input_ids=torch.tensor([tokens.input_ids])).logits[0, :-1].float()
    return float(cross_entropy(scores, torch.tensor(tokens.labels[1:]), ignore_index=NOT_LEARNED))
