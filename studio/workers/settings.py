"""A recipe in the words of Transformers and TRL, on the machine that is here."""

from __future__ import annotations

from pathlib import Path

import torch
from trl import SFTConfig

from studio.train.recipe import (
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
    steps = count_steps(recipe, examples)
    on_card = torch.cuda.is_available()
    bf16 = on_card and torch.cuda.is_bf16_supported()
    return SFTConfig(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=recipe.batch_size,
        per_device_eval_batch_size=recipe.batch_size,
        gradient_accumulation_steps=recipe.gradient_accumulation,
        learning_rate=recipe.learning_rate,
        warmup_steps=count_warmup_steps(recipe, steps),
        lr_scheduler_type=recipe.scheduler,
        lr_scheduler_kwargs=SCHEDULES.get(recipe.scheduler),
        weight_decay=recipe.weight_decay,
        max_grad_norm=recipe.max_grad_norm,
        optim=optimizer_of(recipe),
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
        eval_steps=steps_between_looks(recipe, steps),
        save_strategy="steps",
        save_steps=steps_between_saves(recipe, steps),
        dataloader_num_workers=0,
        report_to=[] if recipe.log_to == "nothing" else [recipe.log_to],
        disable_tqdm=True,
    )


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
