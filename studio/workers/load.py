"""Loading to talk, score and merge: plain Transformers and PEFT, from safetensors only.

Unsloth's kernels on a card go round PEFT's forward, and with it round the switch between base and tuned.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

from studio.errors import ModelError
from studio.runs import Run
from studio.train.recipe import Recipe


def method_of(recipe: Recipe) -> Literal["qlora", "lora", "full"]:
    if recipe.method == "auto":
        return "qlora" if torch.cuda.is_available() else "lora"
    return recipe.method


def wants_four_bit(recipe: Recipe) -> bool:
    return method_of(recipe) == "qlora"


def compute_dtype() -> torch.dtype:
    if torch.cuda.is_available() and not torch.cuda.is_bf16_supported():
        return torch.float16
    return torch.bfloat16


def load_base(folder: Path, four_bit: bool, on_card: bool = True) -> Any:
    """The bare model, from safetensors only, on the card if there is one and it is wanted there."""
    config = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=compute_dtype(),
    )
    return AutoModelForCausalLM.from_pretrained(
        folder,
        dtype=compute_dtype(),
        quantization_config=config if four_bit else None,
        device_map={"": 0} if on_card and torch.cuda.is_available() else None,
        trust_remote_code=False,
        use_safetensors=True,
    )


def load_tuned(base: Path, run: Run, four_bit: bool, on_card: bool = True) -> Any:
    """The base with the run's adapter on it. Raises: ModelError if the run has saved none yet."""
    if not run.has_adapter:
        raise ModelError(f"{run.title} has no adapter yet.", "Let it train a few steps, then stop or wait for the end.")
    model = PeftModel.from_pretrained(load_base(base, four_bit, on_card), run.adapter)
    return model.eval()
