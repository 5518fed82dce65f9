"""What a check asks inside of a worker's process. `python -m tests.gpu.probes NAME ...` prints one JSON object."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

SAME_BUT = 1  # of the answers: another shape of batch may round another way once


def look_at_card() -> dict[str, Any]:
    """Torch, 4-bit kernels beside whole weights, and a kernel of Triton's."""
    import bitsandbytes
    import bitsandbytes.functional as rounding
    import torch
    import triton

    from studio.workers.card import card_has_bf16
    from tests.gpu.kernel import write_ones

    weights = torch.randn(4096, 4096, device="cuda", dtype=torch.bfloat16)
    packed, state = rounding.quantize_4bit(weights, compress_statistics=True, quant_type="nf4")
    whole = rounding.dequantize_4bit(packed, state)
    errors, microseconds = {}, {}
    for rows in (1, 4, 16, 512):
        given = torch.randn(rows, 4096, device="cuda", dtype=torch.bfloat16)
        for _ in range(3):
            product = bitsandbytes.matmul_4bit(given, packed.t(), quant_state=state)
        torch.cuda.synchronize()
        began_s = time.perf_counter()
        for _ in range(50):
            bitsandbytes.matmul_4bit(given, packed.t(), quant_state=state)
        torch.cuda.synchronize()
        microseconds[rows] = round((time.perf_counter() - began_s) / 50 * 1e6)
        apart = (product.float() - given.float() @ whole.float().T).abs().max() / product.float().abs().max()
        errors[rows] = round(float(apart), 4)
    return {
        "torch": torch.__version__,
        "triton": triton.__version__,
        "device": torch.cuda.get_device_name(),
        "capability": torch.cuda.get_device_capability(),
        "bf16": card_has_bf16(),
        "matmul_4bit_us": microseconds,
        "matmul_4bit_error": errors,
        "triton_ok": write_ones(1024),
    }


def make_model(size: str, folder: str, tokenizer: str) -> dict[str, Any]:
    from tests.gpu.models import SHAPES, write_model

    write_model(SHAPES[size], Path(folder), Path(tokenizer))
    return {"made": folder}


def step_memory(workspace: str, base: str) -> dict[str, Any]:
    """What a step takes before and after sample answers, and whether layers are still counted again on the way back."""
    from studio.workers.trainable import load_trainable  # isort: skip  (Unsloth patches what follows)

    import torch

    from studio.data.conversation import Conversation, Message
    from studio.data.tokens import load_tokenizer
    from studio.train.models import require_base
    from studio.train.recipe import make_recipe
    from studio.workers.samples import build_answering
    from studio.workspace import Workspace

    place = require_base(Workspace.open(workspace), base)
    model = load_trainable(place, make_recipe(data="x", base=base, max_length=2048)).model
    if hasattr(model, "for_training"):
        model.for_training()

    def checkpointing() -> list[str]:
        named = [part for part in model.modules() if hasattr(part, "gradient_checkpointing")]
        return sorted({str(part.gradient_checkpointing) for part in named})

    def step_gb() -> float:
        model.train()
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        ids = torch.randint(5, 4000, (8, 1024), device="cuda")
        model(input_ids=ids, labels=ids).loss.backward()
        model.zero_grad(set_to_none=True)
        torch.cuda.synchronize()
        return round(torch.cuda.max_memory_allocated() / 1e9, 2)

    words = ("one", "two", "six")
    asked = [Conversation((Message("user", f"Say {word}."), Message("assistant", word))) for word in words]
    before, flags = [step_gb() for _ in range(2)][-1], checkpointing()
    run: Any = SimpleNamespace(samples=Path(workspace) / "samples.jsonl")
    answer = build_answering(run, model, place, load_tokenizer(place), asked)
    model.eval()  # as the trainer leaves it while it looks at held-out examples
    if answer:
        answer(0)
    after = [step_gb() for _ in range(2)][-1]
    return {"before_gb": before, "after_gb": after, "flags_before": flags, "flags_after": checkpointing()}


def answer_together(workspace: str, run_id: str) -> dict[str, Any]:
    """Base and tuned in one pass beside one after the other: the same words, and how long each takes."""
    import torch

    from studio.compare.sampling import GREEDY
    from studio.compare.voices import base_and_tuned
    from studio.data.datasets import open_dataset
    from studio.runs import open_run
    from studio.workers.voices import Voices
    from studio.workspace import Workspace

    place = Workspace.open(workspace)
    run = open_run(place, run_id)
    voices, both = Voices(place), base_and_tuned(run)
    for _ in voices.open(both):
        pass
    prompts = [example.prompt for example in open_dataset(place, run.recipe.data).conversations("test")[:4]]

    def ask(*who: Any) -> tuple[list[dict[str, str]], float]:
        said = []
        began_s = time.monotonic()
        for prompt in prompts:
            given = voices.answer(dict.fromkeys(who, prompt), 64, GREEDY, 1.0, lambda answers: False)
            said.append({voice.key: answer.text for voice, answer in given.items()})
        return said, time.monotonic() - began_s

    ask(*both)  # the first answer of a process takes longer than any other
    (base, base_s), (tuned, tuned_s), (together, together_s) = ask(both[0]), ask(both[1]), ask(*both)
    same = sum(one | other == pair for one, other, pair in zip(base, tuned, together, strict=True))
    return {
        "in_turn": voices.in_turn,
        "same": same,
        "same_words": same >= len(prompts) - SAME_BUT,
        "base_s": round(base_s, 2),
        "tuned_s": round(tuned_s, 2),
        "together_s": round(together_s, 2),
        "kept_gb": round(torch.cuda.max_memory_reserved() / 1e9, 2) if torch.cuda.is_available() else None,
    }


def foretell(workspace: str, base: str) -> dict[str, Any]:
    """What the bar in Train says of the sample on this base."""
    from studio.data.datasets import list_datasets
    from studio.train.models import require_base
    from studio.train.outlook import read_outlook
    from studio.train.recipe import make_recipe
    from studio.train.shape import read_shape
    from studio.workspace import Workspace

    place = Workspace.open(workspace)
    read_shape(place, require_base(place, base))
    data = next(dataset.ref for dataset in list_datasets(place))
    estimate = read_outlook(place, data, base).estimate(make_recipe(data=data, base=base))
    assert estimate, f"{base} has no shape"
    parts = {name: round(size / 1e9, 2) for name, size in estimate.parts.items()}
    return {"total_gb": round(estimate.total / 1e9, 2), "parts_gb": parts}


def race(workspace: str, base: str) -> dict[str, Any]:
    """Tokens a second and memory of the card beside a bare script of Unsloth and TRL, with the same rows."""
    import tempfile

    from studio.workspace import REPOSITORY, Workspace
    from tests.gpu.watch import SAMPLE, CardMemory

    sys.path.insert(0, str(REPOSITORY / "tests" / "benchmarks"))  # where its scripts find each other
    from train_speed import Race

    with tempfile.TemporaryDirectory() as folder:
        held = Race(Workspace.open(workspace), SAMPLE, Path(folder), base)
        measured: dict[str, Any] = {"tokens": held.tokens, "steps": held.steps}
        for name, train in (("bare", held.train_bare), ("studio", held.train_studio)):
            with CardMemory() as memory:
                trained = train()
            measured[name] = {
                "tokens_per_s": round(held.tokens / trained.seconds),
                "card_gb": memory.gb,
                "loss": round(trained.loss, 3),
            }
    return measured


def hold(keep_free_gb: str) -> dict[str, Any]:
    """Take all of the card but so much, until standard input ends."""
    import torch

    kept = []
    free, _ = torch.cuda.mem_get_info()
    while (over := free - float(keep_free_gb) * 1e9) > 64e6:
        kept.append(torch.empty(int(min(over, 8e9)), dtype=torch.uint8, device="cuda"))
        free, _ = torch.cuda.mem_get_info()
    print("held", flush=True)
    sys.stdin.read()
    return {"pieces": len(kept)}


PROBES: dict[str, Callable[..., dict[str, Any]]] = {
    probe.__name__: probe for probe in (look_at_card, make_model, step_memory, answer_together, foretell, race, hold)
}


if __name__ == "__main__":
    print(json.dumps(PROBES[sys.argv[1]](*sys.argv[2:])), flush=True)
