"""A recipe in the words of Transformers and TRL, on the machine that is here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from trl import SFTConfig

from studio.workers.card import card_has_bf16

from studio.train.recipe import (
    LOW_RANK,
    LOW_RANK_DIRECTIONS,
    SCHEDULES,
    Recipe,
    count_steps,
    count_warmup_steps,
    steps_between_looks,
    steps_between_saves,
)

PLAIN_ON_PROCESSOR = "adamw_torch"


def build_arguments(recipe: Recipe, folder: Path, examples: int, watches: bool) -> SFTConfig:
    """`examples` that are learned from; `watches`: whether there are held-out ones."""
    on_card = torch.cuda.is_available()
    bf16 = on_card and card_has_bf16()
    return SFTConfig(
        output_dir=str(folder),
        per_device_train_batch_size=recipe.batch_size,
        per_device_eval_batch_size=recipe.batch_size,
        gradient_accumulation_steps=recipe.gradient_accumulation,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type=recipe.scheduler,
        lr_scheduler_kwargs=SCHEDULES.get(recipe.scheduler),
        weight_decay=recipe.weight_decay,
        max_grad_norm=recipe.max_grad_norm,
        optim=optimizer_of(recipe),
        optim_target_modules="all-linear" if recipe.optimizer in LOW_RANK else None,
        optim_args=f"rank={LOW_RANK_DIRECTIONS}" if recipe.optimizer in LOW_RANK else None,
        neftune_noise_alpha=recipe.neftune_noise_alpha or None,
        seed=recipe.seed,
        bf16=bf16,
        fp16=on_card and not bf16,
        # TRL's default is True: it saves the memory that a card lacks and costs a processor a quarter of its time.
        gradient_checkpointing=checkpoints_gradients(recipe),
        # How evenly experts are used is the routers' to learn, and those learn with all weights alone.
        router_aux_loss_coef=None if recipe.method == "full" else 0.0,
        max_length=recipe.max_length,
        packing=recipe.packing and on_card,
        include_num_input_tokens_seen="non_padding",
        logging_steps=1,
        logging_nan_inf_filter=False,  # its default hides a run that has broken down
        eval_strategy="steps" if watches else "no",
        save_strategy="steps",
        dataloader_num_workers=0,
        report_to=[] if recipe.log_to == "nothing" else [recipe.log_to],
        disable_tqdm=True,
        **length_of(recipe, examples),
    )


def length_of(recipe: Recipe, rows: int) -> dict[str, int]:
    """What follows from how many rows an epoch has: steps, those of the warm-up, those between looks and saves."""
    steps = count_steps(recipe, rows)
    return {
        "max_steps": steps,
        "warmup_steps": count_warmup_steps(recipe, steps),
        "eval_steps": steps_between_looks(recipe, steps),
        "save_steps": steps_between_saves(recipe, steps),
    }


def fit_length(trainer: Any, recipe: Recipe) -> None:
    """Steps for the rows that are trained on: examples packed into one are fewer than were given."""
    for name, value in length_of(recipe, len(trainer.train_dataset)).items():
        setattr(trainer.args, name, value)


def optimizer_of(recipe: Recipe) -> str:
    """Those of bitsandbytes run on a card alone; Unsloth changes them for AdamW on a processor, and so do we."""
    on_card = torch.cuda.is_available()
    if recipe.optimizer == "auto":
        return "adamw_8bit" if on_card else PLAIN_ON_PROCESSOR
    needs_card = recipe.optimizer.startswith(("paged_", "lion_")) or recipe.optimizer.endswith("_8bit")
    return recipe.optimizer if on_card or not needs_card else PLAIN_ON_PROCESSOR


def checkpoints_gradients(recipe: Recipe) -> bool:
    if recipe.gradient_checkpointing == "auto":
        return bool(torch.cuda.is_available())
    return recipe.gradient_checkpointing != "off"
