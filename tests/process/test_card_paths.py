"""What is done on a card, tried without one: Unsloth's own import path for one, and what torch and others would say."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from pickle import UnpicklingError
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from datasets import Dataset
from trl.data_utils import pack_dataset

from studio.errors import RunError
from studio.hardware import Card
from studio.process import worker_environment
from studio.train.models import within_context
from studio.train.recipe import make_recipe
from studio.workers import card, load, memory, settings
from studio.workers.checkpoints import trust_directions
from studio.workers.memory import is_out_of_memory
from studio.workspace import REPOSITORY, Workspace

# As Unsloth makes a model on a card: its own generate, its own modes, checkpointing by its own name.
LIKE_ON_A_CARD = """
import functools, json, os, sys, types
import studio
from unsloth import FastLanguageModel
os.environ["UNSLOTH_ALLOW_CPU"] = "0"
from unsloth.models import rl
rl.PatchFastRL(FastLanguageModel=None)
import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM
from unsloth.models.llama import FastLlamaModel, unsloth_fast_generate

base = LlamaForCausalLM(LlamaConfig(
    vocab_size=512, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, max_position_embeddings=2048, tie_word_embeddings=True, pad_token_id=2, eos_token_id=2,
    bos_token_id=1))
base._old_generate = base.generate
base.generate = types.MethodType(unsloth_fast_generate, base)
model = get_peft_model(base, LoraConfig(r=4, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM"))
model._unsloth_gradient_checkpointing = "unsloth"
model.for_training = functools.partial(FastLlamaModel.for_training, model)
model.for_inference = functools.partial(FastLlamaModel.for_inference, model)
model.gradient_checkpointing_enable()
model.for_training()

def flags():
    return sorted({str(m.gradient_checkpointing) for m in base.modules() if hasattr(m, "gradient_checkpointing")})

def answer():
    model.eval()
    model.generate(input_ids=torch.tensor([[1, 5, 6]]), max_new_tokens=2)

found = {"before": flags()}
answer()
model.train()
found["after Unsloth's own"] = flags()
model.for_training()
from studio.workers.samples import as_before
with as_before(model):
    answer()
found["after ours"], found["training"] = flags(), model.training
found["for generation"] = any(hasattr(m, "_flag_for_generation") for m in model.modules())
print(json.dumps(found))
"""

TABLES_APART = """
import json, os, sys
from pathlib import Path
import studio
from studio.workers.trainable import _buffers_apart
from transformers import AutoModelForCausalLM
from unsloth.models._utils import offload_input_embeddings, offload_output_embeddings

model = AutoModelForCausalLM.from_pretrained(sys.argv[1])
with _buffers_apart(model) as place:
    offload_input_embeddings(model, str(place))
    offload_output_embeddings(model, str(place))
print(json.dumps([sorted(str(file) for file in Path(place).rglob("*.pt")), model.config._name_or_path]))
"""


def run_like_on_a_card(workspace: Workspace, code: str, *arguments: str) -> Any:
    environment = {**worker_environment(workspace, "train"), "UNSLOTH_ALLOW_CPU": "1", "TORCHDYNAMO_DISABLE": "1"}
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_sample_answers_leave_gradient_checkpointing_as_it_was(workspace: Workspace) -> None:
    found = run_like_on_a_card(workspace, LIKE_ON_A_CARD)
    assert found["before"] == ["unsloth"]
    assert found["after Unsloth's own"] == ["False"], "Unsloth restores it by now: `as_before` is needed no more"
    assert found["after ours"] == ["unsloth"]
    assert found["training"] is True
    assert found["for generation"] is False


def test_tables_that_learn_whole_are_not_written_into_the_base(workspace: Workspace, tiny_llama: Path) -> None:
    before = sorted(file.name for file in tiny_llama.iterdir())
    written, path = run_like_on_a_card(workspace, TABLES_APART, str(tiny_llama))
    assert len(written) == 2
    assert all(file.startswith(str(workspace.root)) for file in written)
    assert path == str(tiny_llama)
    assert sorted(file.name for file in tiny_llama.iterdir()) == before


# Packing


def test_steps_are_those_of_the_packed_rows(tmp_path: Path) -> None:
    """64 short examples pack into 8 rows: counted by the examples, a run of 3 epochs went on for 24."""
    recipe = make_recipe(data="x", epochs=3, batch_size=2, gradient_accumulation=2, max_length=128, packing=True)
    examples = Dataset.from_dict({"input_ids": [[1] * 16] * 64, "labels": [[1] * 16] * 64})
    packed = pack_dataset(examples, 128, "bfd", {})
    assert len(packed) == 8
    arguments = settings.build_arguments(recipe, tmp_path, len(examples), watches=True)
    assert arguments.max_steps == 48
    settings.fit_length(SimpleNamespace(args=arguments, train_dataset=packed), recipe)
    assert (arguments.max_steps, arguments.warmup_steps) == (6, int(6 * recipe.warmup_share))
    assert arguments.eval_steps <= 6
    assert arguments.save_steps <= 6


# Widths


def card_that(monkeypatch: pytest.MonkeyPatch, native: bool) -> None:
    """Every card computes with bfloat16 by emulation."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: native or including_emulation)


@pytest.mark.parametrize(
    ("native", "model_type", "dtype"),
    [
        (True, "llama", torch.bfloat16),
        (False, "llama", torch.float16),  # a T4 would emulate bfloat16, several times slower
        (False, "gemma3_text", torch.float32),  # and overflow with float16 here
        (True, "gemma3_text", torch.bfloat16),
    ],
)
def test_width_by_card_and_family(
    monkeypatch: pytest.MonkeyPatch, native: bool, model_type: str, dtype: torch.dtype
) -> None:
    card_that(monkeypatch, native)
    assert load.dtype_for(model_type) == dtype


def test_families_that_overflow_are_those_that_unsloth_knows() -> None:
    found = subprocess.run(
        [sys.executable, "-c", "import unsloth_zoo, sys; print(*unsloth_zoo.__path__)"],
        capture_output=True, text=True, env={"UNSLOTH_IS_PRESENT": "1", "UNSLOTH_ALLOW_CPU": "1"}, timeout=120,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr[-2000:]
    text = (Path(found.stdout.split()[-1]) / "model_lists.py").read_text(encoding="utf-8")
    listed = text.partition("FORCE_FLOAT32 = [")[2].partition("]")[0]
    known = re.findall(r'^\s*"([\w,]+)"', listed, re.MULTILINE)
    assert known
    for name in known:
        family = name.rstrip(",")
        assert family.startswith(load.OVERFLOWING) or family.startswith("embedding_"), f"new: {name}"


# What is said where memory is missing


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`"),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("Unsloth: No or negligible GPU memory available for fused cross entropy."),
        ValueError("Some modules are dispatched on the CPU or the disk. Make sure you have enough GPU RAM"),
        type("DeviceMapInfeasible", (ValueError,), {})("The model does not fit on the devices"),
        OSError(12, "Cannot allocate memory"),
        MemoryError(),
    ],
    ids=lambda error: f"{type(error).__name__}: {str(error)[:40]}",
)
def test_shortage_of_memory_is_known_whoever_says_it(error: Exception) -> None:
    assert is_out_of_memory(error)


def test_other_errors_are_no_shortage() -> None:
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


def test_peak_on_a_card_is_what_the_driver_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """With CUDA's own context, but without what other programs had before, or took later."""
    gib = 2**30
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (17 * gib, 24 * gib))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda: 5 * gib)
    monkeypatch.setattr(torch.cuda, "max_memory_reserved", lambda: 6 * gib)
    before = Card("RTX 4090", 24 * gib, int(22.5 * gib))
    monkeypatch.setattr(memory, "find_card", lambda: before)
    monkeypatch.setattr(memory, "_taken_before", 0)
    memory.begin_measuring()
    assert memory.peak_bytes() == 6.5 * gib
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (1 * gib, 24 * gib))
    assert memory.peak_bytes() == 6 * gib + memory.MOST_BESIDE


# The card that is there and not used


def test_card_that_torch_does_not_see_ends_the_run_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(card, "read_cards", lambda: (Card("RTX 3060", 12 * 2**30, 12 * 2**30),))
    with pytest.raises(RunError, match="RTX 3060 is here, but torch cannot use it"):
        card.require_card()
    old = Card("RTX 3060", 12 * 2**30, 0, trouble="Its driver is too old.", remedy="Install a newer one.")
    monkeypatch.setattr(card, "read_cards", lambda: (old,))
    with pytest.raises(RunError, match="Its driver is too old") as failure:
        card.require_card()
    assert failure.value.do == "Install a newer one."
    monkeypatch.setattr(card, "read_cards", lambda: ())
    card.require_card()


def test_examples_longer_than_the_model_reads_are_cut_there(tmp_path: Path) -> None:
    """Unsloth would stretch the positions of its text, and nobody who loads the adapter later would."""
    (tmp_path / "config.json").write_text(json.dumps({"text_config": {"max_position_embeddings": 8192}}))
    assert within_context(make_recipe(data="x", max_length=16384), tmp_path).max_length == 8192
    short = make_recipe(data="x", max_length=2048)
    assert within_context(short, tmp_path) == short


@pytest.mark.parametrize(
    ("system", "release", "does"),
    [
        ("win32", "11", True),
        ("linux", "5.15.167.4-microsoft-standard-WSL2", True),
        ("linux", "6.8.0-48-generic", False),
        ("darwin", "24.1.0", False),
    ],
)
def test_driver_goes_on_in_the_memory_of_the_machine_under_windows_alone(system: str, release: str, does: bool) -> None:
    assert card.spills(system, release) is does


def test_no_more_is_taken_than_is_free_on_the_card() -> None:
    assert card.share_of_card(11 * 10**9, 12 * 10**9) == pytest.approx(10.7 / 12)
    assert card.share_of_card(10**8, 12 * 10**9) == 0.1


@pytest.mark.parametrize("optimizer", ["galore_adamw", "apollo_adamw"])
def test_directions_of_a_layer_are_read_back_from_a_checkpoint(tmp_path: Path, optimizer: str) -> None:
    from apollo_torch.random_projector import GradientProjector
    from galore_torch.galore_projector import GaLoreProjector

    directions = {"galore_adamw": GaLoreProjector, "apollo_adamw": GradientProjector}[optimizer](rank=2)
    directions.project(torch.randn(4, 6), 0)
    torch.save({"state": directions}, tmp_path / "optimizer.pt")
    with torch.serialization.safe_globals([]):
        torch.serialization.clear_safe_globals()
        with pytest.raises(UnpicklingError):
            torch.load(tmp_path / "optimizer.pt", weights_only=True)
        trust_directions(optimizer)
        again = torch.load(tmp_path / "optimizer.pt", weights_only=True)["state"]
    assert torch.equal(again.ortho_matrix, directions.ortho_matrix)
