"""A base model with a fresh adapter: through Unsloth, or where it cannot, through Transformers and PEFT."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

try:
    from unsloth import FastLanguageModel  # before trl, transformers and peft: it patches them

    UNSLOTH_MISSING = ""
except Exception as error:  # Unsloth raises many kinds where it does not know the machine
    FastLanguageModel = None
    UNSLOTH_MISSING = f"{type(error).__name__}: {error}"

import torch
from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training
from transformers import AutoTokenizer

from studio.errors import ModelError
from studio.train.recipe import Recipe
from studio.workers.load import compute_dtype, load_base, wants_four_bit

LAYERS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


@dataclass(frozen=True)
class Trainable:
    """A base with a fresh adapter. `engine` says who loaded it, for people to read."""

    model: Any
    tokenizer: Any
    engine: str


def load_trainable(folder: Path, recipe: Recipe) -> Trainable:
    """Raises: ModelError if neither Unsloth nor Transformers can load the model."""
    four_bit = wants_four_bit(recipe)
    precision = "4-bit" if four_bit else "16-bit"
    reason = UNSLOTH_MISSING
    if FastLanguageModel is not None:
        try:
            return Trainable(*_load_with_unsloth(folder, recipe, four_bit), f"Unsloth, {precision}")
        except Exception as error:  # whatever it is, the plain way may still work, and the run says so
            reason = f"{type(error).__name__}: {error}".splitlines()[0][:160]
            print(f"Unsloth could not load it: {error!r}")
    try:
        return Trainable(
            *_load_plainly(folder, recipe, four_bit),
            f"Transformers, {precision} (Unsloth could not: {reason})",
        )
    except (ValueError, KeyError, OSError, RuntimeError) as error:
        raise ModelError(
            f"{folder.name} could not be loaded: {str(error).splitlines()[0][:300]}",
            "Pick another model; Tunesmith trains text models with a 'CausalLM' architecture.",
        ) from error


def _load_with_unsloth(folder: Path, recipe: Recipe, four_bit: bool) -> tuple[Any, Any]:
    model, tokenizer = FastLanguageModel.from_pretrained(
        str(folder),
        max_seq_length=recipe.max_length,
        load_in_4bit=four_bit,
        dtype=compute_dtype(),
        trust_remote_code=False,
        use_safetensors=True,
    )
    model = FastLanguageModel.get_peft_model(
        model,
        r=recipe.lora_rank,
        lora_alpha=recipe.lora_alpha,
        lora_dropout=recipe.lora_dropout,
        target_modules=LAYERS,
        use_gradient_checkpointing="unsloth" if torch.cuda.is_available() else False,
        random_state=recipe.seed,
    )
    return model, tokenizer


def _load_plainly(folder: Path, recipe: Recipe, four_bit: bool) -> tuple[Any, Any]:
    model = load_base(folder, four_bit)
    if four_bit:
        model = prepare_model_for_kbit_training(model)
    torch.manual_seed(recipe.seed)
    config = LoraConfig(
        r=recipe.lora_rank,
        lora_alpha=recipe.lora_alpha,
        lora_dropout=recipe.lora_dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    return get_peft_model(model, config), AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
