"""A base model with a fresh adapter: through Unsloth, or where it cannot, through Transformers and PEFT."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from studio.hardware import missing_for_kernels, say_missing
from studio.workers.afresh import WITHOUT, begin_afresh, first_line

KERNELS_LACK = say_missing(missing_for_kernels(platform.system())) if torch.cuda.is_available() else ""
UNSLOTH_MISSING = "its kernels cannot be compiled here" if KERNELS_LACK else os.environ.get(WITHOUT, "")
try:
    if UNSLOTH_MISSING:
        raise ImportError
    from unsloth import FastLanguageModel  # before trl, transformers and peft: it patches them
except Exception as error:  # Unsloth raises many kinds where it does not know the machine
    FastLanguageModel = None
    if not UNSLOTH_MISSING:
        UNSLOTH_MISSING = first_line(error)
        begin_afresh(UNSLOTH_MISSING)

from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training
from transformers import AutoTokenizer

from studio.errors import ModelError, SettingError, TunesmithError
from studio.train.recipe import Recipe
from studio.workers.card import stay_on_card
from studio.workers.load import compute_dtype, keep_unpacked, load_base, fix_quirks, method_of
from studio.workers.loftq import start_by_loftq
from studio.workers.memory import is_out_of_memory
from studio.workers.targets import Targets, find_targets


@dataclass(frozen=True)
class Trainable:
    """A base with a fresh adapter. `engine` says who loaded it, for people to read."""

    model: Any
    tokenizer: Any
    engine: str


def can_run_kernels() -> bool:
    """Triton's."""
    return torch.cuda.is_available() and not KERNELS_LACK


def words_of(error: Exception) -> str:
    """Why Unsloth could not. On a processor it opens no model that Transformers has as one that sees pictures alone."""
    if "Unrecognized configuration class" in str(error):
        return "it knows no model of this kind here"
    return first_line(error)


def load_trainable(folder: Path, recipe: Recipe) -> Trainable:
    """Raises: ModelError if neither Unsloth nor Transformers can load the model; SettingError if it makes no sense."""
    if recipe.use_loftq and method_of(recipe) != "qlora":
        raise SettingError(
            "LoftQ makes up for rounding to 4 bits, and this run does not round.", "Turn LoftQ off, or choose qlora."
        )
    bits = f"{8 * compute_dtype().itemsize}-bit"
    precision = {"qlora": "4-bit", "lora": bits, "full": "all weights"}[method_of(recipe)]
    reason = UNSLOTH_MISSING
    if FastLanguageModel is not None:
        try:
            return Trainable(*_load_with_unsloth(folder, recipe), f"Unsloth, {precision}")
        except TunesmithError:
            raise
        except Exception as error:  # whatever it is, the plain way may still work, and the run says so
            if is_out_of_memory(error):
                raise
            reason = words_of(error)
            print(f"Unsloth could not load it: {error!r}")
    try:
        return Trainable(
            *_load_plainly(folder, recipe),
            f"Transformers, {precision} (Unsloth could not: {reason})",
        )
    except (ValueError, KeyError, OSError, RuntimeError) as error:
        if is_out_of_memory(error):
            raise
        raise ModelError(
            f"{folder.name} could not be loaded: {str(error).splitlines()[0][:300]}",
            "Pick another model; Tunesmith trains text models with a 'CausalLM' architecture.",
        ) from error


def _load_with_unsloth(folder: Path, recipe: Recipe) -> tuple[Any, Any]:
    stay_on_card()
    method = method_of(recipe)
    model, tokenizer = FastLanguageModel.from_pretrained(
        str(folder),
        max_seq_length=recipe.max_length,
        load_in_4bit=method == "qlora",
        full_finetuning=method == "full",
        dtype=compute_dtype(),
        use_gradient_checkpointing=checkpointing_of(recipe),  # taken here where all weights learn, else below
        **offloading(recipe),
        trust_remote_code=False,
        use_safetensors=True,
        **({"device_map": {"": 0}} if torch.cuda.is_available() else {}),  # not over several cards
    )
    if method == "full":
        return model, tokenizer
    fix_quirks(model)
    targets = find_targets(model, recipe)
    with _buffers_apart(model) as buffers:
        model = _adapted(model, recipe, targets, buffers)
    return _started_by_loftq(model, folder, recipe), tokenizer


def _adapted(model: Any, recipe: Recipe, targets: Targets, buffers: Path) -> Any:
    return FastLanguageModel.get_peft_model(
        model,
        r=recipe.lora_rank,
        lora_alpha=recipe.lora_alpha,
        lora_dropout=recipe.lora_dropout,
        target_modules=targets.modules,
        target_parameters=targets.parameters,
        use_rslora=recipe.use_rslora,
        use_dora=recipe.use_dora,
        modules_to_save=saved_whole(recipe),
        ensure_weight_tying=False,  # a table that was tied becomes two: what is saved so is loaded and merged the same
        use_gradient_checkpointing=checkpointing_of(recipe),
        **offloading(recipe),
        temporary_location=str(buffers),
        random_state=recipe.seed,
    )


@contextmanager
def _buffers_apart(model: Any) -> Iterator[Path]:
    """A place for the word tables that Unsloth puts onto the disk where they learn whole.

    It joins its place with the model's own path, which is absolute here, and so wrote a gigabyte each into the base.
    """
    place = Path(os.environ.get("UNSLOTH_COMPILE_LOCATION", "unsloth_compiled_cache")) / "buffers"
    shutil.rmtree(place, ignore_errors=True)  # of the run before: they are mapped for as long as it lives
    path, model.config._name_or_path = model.config._name_or_path, "base"
    try:
        yield place
    finally:
        model.config._name_or_path = path


def _load_plainly(folder: Path, recipe: Recipe) -> tuple[Any, Any]:
    method = method_of(recipe)
    model = load_base(folder, method == "qlora")
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    if method == "full":
        return model, tokenizer
    if method == "qlora":
        keep_unpacked(model)
        model = prepare_model_for_kbit_training(model)
    torch.manual_seed(recipe.seed)
    targets = find_targets(model, recipe)
    config = LoraConfig(
        r=recipe.lora_rank,
        lora_alpha=recipe.lora_alpha,
        lora_dropout=recipe.lora_dropout,
        target_modules=targets.modules,
        target_parameters=targets.parameters or None,
        use_rslora=recipe.use_rslora,
        use_dora=recipe.use_dora,
        modules_to_save=_tables_of(model, saved_whole(recipe)),
        task_type="CAUSAL_LM",
    )
    return _started_by_loftq(get_peft_model(model, config), folder, recipe), tokenizer


def _started_by_loftq(model: Any, folder: Path, recipe: Recipe) -> Any:
    if recipe.use_loftq:
        start_by_loftq(model, folder, recipe.seed)
    return model


def _tables_of(model: Any, names: list[str] | None) -> list[str] | None:
    """As this architecture calls its word tables: GPT-2 has wte for embed_tokens."""
    known = {"embed_tokens": model.get_input_embeddings(), "lm_head": model.get_output_embeddings()}
    wanted = [known[name] for name in names or ()]
    found = [name.rpartition(".")[2] for name, module in model.named_modules() if any(module is w for w in wanted)]
    return found or None


def saved_whole(recipe: Recipe) -> list[str] | None:
    return None if recipe.modules_to_save == "none" else recipe.modules_to_save.split(",")


def offloading(recipe: Recipe) -> dict[str, int]:
    """Layers that Unsloth fetches when it is their turn; without a card it refuses, and there is nothing to spare."""
    wanted = torch.cuda.is_available() and recipe.offload_layers and method_of(recipe) != "full"
    return {"offload_layers": recipe.offload_layers} if wanted else {}


def checkpointing_of(recipe: Recipe) -> str | bool:
    """As Unsloth takes it."""
    asked = recipe.gradient_checkpointing
    if asked == "auto":
        return "unsloth" if torch.cuda.is_available() else False
    return asked if asked == "unsloth" else asked == "on"
