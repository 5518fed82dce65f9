"""One run of TRL's SFTTrainer over tokens that `label_tokens` has labelled."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

from studio.workers.trainable import load_trainable  # isort: skip  (Unsloth patches trl and transformers: it must come first)

import torch
from datasets import Dataset as TokenTable
from transformers import TrainerCallback
from trl import SFTConfig, SFTTrainer

from studio.data.conversation import Conversation
from studio.data.datasets import label_all, open_dataset
from studio.data.tokens import FolderTokenizer, Labelled, load_tokenizer
from studio.errors import DataError
from studio.runs import Run, workspace_of
from studio.train.models import ensure_base, require_base
from studio.train.recipe import count_steps
from studio.workers.report import RunReport

HELDOUT_MOST = 200  # examples watched while training: enough for a steady loss, few enough not to wait for
SMOOTHED_STEPS = 10
WHOLE_MARK = "whole"


def train(run: Run, report: RunReport) -> None:
    """Raises: TunesmithError for what a person can mend."""
    recipe, workspace = run.recipe, workspace_of(run.folder)
    for progress in ensure_base(workspace, recipe.base):  # in its own process, the one that may use the network
        report.update(message=progress.message)
    base = require_base(workspace, recipe.base)
    report.update(message="Counting tokens")
    tokenizer = load_tokenizer(base)
    dataset = open_dataset(workspace, recipe.data)
    learned = _tokens(dataset.conversations("train"), tokenizer, recipe.max_length)
    watched = _tokens(dataset.conversations("validation")[:HELDOUT_MOST], tokenizer, recipe.max_length)
    if not learned:
        raise DataError(
            f"No example of {dataset.name} can be learned from with this model.",
            "Raise 'Longest example', or see the findings in Data.",
        )
    report.update(message="Loading the model")
    trainable = load_trainable(base, recipe)
    arguments = _arguments(run, len(learned), bool(watched))
    trainer = SFTTrainer(
        model=trainable.model,
        processing_class=trainable.tokenizer,
        args=arguments,
        train_dataset=_table(learned),
        eval_dataset=_table(watched) if watched else None,
        callbacks=[_Reporter(run, report)],
    )
    for callback in list(trainer.callback_handler.callbacks):  # its printing to the log says nothing new
        if type(callback).__name__ in ("PrinterCallback", "ProgressCallback"):
            trainer.remove_callback(callback)
    report.update("training", engine=trainable.engine, message="Training", steps=arguments.max_steps)
    checkpoint = newest_whole_checkpoint(run.checkpoints)
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    report.update(message="Saving the adapter")
    trainer.save_model(str(run.adapter))
    stopped = run.stop_file.exists() and trainer.state.global_step < arguments.max_steps
    report.update("stopped" if stopped else "done", message="", left_s=0)


def _tokens(conversations: list[Conversation], tokenizer: FolderTokenizer, max_length: int) -> list[Labelled]:
    _, labelled = label_all(conversations, tokenizer, max_length)
    return [tokens for tokens in labelled if tokens.learned_tokens]


def _table(labelled: list[Labelled]) -> TokenTable:
    return TokenTable.from_dict({"input_ids": [t.input_ids for t in labelled], "labels": [t.labels for t in labelled]})


def _arguments(run: Run, examples: int, watches: bool) -> SFTConfig:
    recipe = run.recipe
    steps = count_steps(recipe, examples)
    on_card = torch.cuda.is_available()
    return SFTConfig(
        output_dir=str(run.checkpoints),
        max_steps=steps,
        per_device_train_batch_size=recipe.batch_size,
        per_device_eval_batch_size=recipe.batch_size,
        gradient_accumulation_steps=recipe.gradient_accumulation,
        learning_rate=recipe.learning_rate,
        warmup_steps=math.ceil(steps * recipe.warmup_share),
        lr_scheduler_type=recipe.scheduler,
        weight_decay=recipe.weight_decay,
        optim="adamw_8bit" if on_card else "adamw_torch",
        seed=recipe.seed,
        bf16=on_card and torch.cuda.is_bf16_supported(),
        fp16=on_card and not torch.cuda.is_bf16_supported(),
        # TRL's default is True: it saves the memory that a card lacks and costs a processor a quarter of its time.
        gradient_checkpointing=on_card,
        max_length=recipe.max_length,
        packing=False,
        train_sampling_strategy="group_by_length",  # less padding: 1.4 times the tokens a second
        include_num_input_tokens_seen="non_padding",
        logging_steps=1,
        eval_strategy="steps" if watches else "no",
        eval_steps=max(1, steps // recipe.evaluations),
        eval_on_start=watches,
        save_strategy="steps",
        save_steps=max(1, steps // recipe.checkpoints),
        save_total_limit=2,
        dataloader_num_workers=0,
        report_to=[],
        disable_tqdm=True,
    )


def newest_whole_checkpoint(folder: Path) -> Path | None:
    """Transformers writes a checkpoint in place; the mark is put there when it is whole."""
    whole = [path.parent for path in folder.glob(f"checkpoint-*/{WHOLE_MARK}")]
    return max(whole, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


class _Reporter(TrainerCallback):  # type: ignore[misc]
    """Writes the curve as it grows, and listens for the file that says stop."""

    def __init__(self, run: Run, report: RunReport) -> None:
        self.run = run
        self.report = report
        self.smooth: float | None = None
        self.tokens_before = 0
        self.step_began_s = 0.0
        self.training_s = 0.0
        self.first_step = 0
        self.began_s = time.monotonic()

    def on_train_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        self.first_step = state.global_step
        self.tokens_before = int(state.num_input_tokens_seen)
        self.began_s = time.monotonic()

    def on_step_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        self.step_began_s = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> Any:
        self.training_s += time.monotonic() - self.step_began_s
        if self.run.stop_file.exists():
            control.should_training_stop = True
            control.should_save = True
        return control

    def on_save(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        checkpoint = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        (checkpoint / WHOLE_MARK).touch()

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **more: Any) -> None:
        logs = logs or {}
        step = int(state.global_step)
        if "eval_loss" in logs:
            self.report.add_point(step=step, heldout_loss=logs["eval_loss"])
            self.report.update(heldout_loss=logs["eval_loss"])
        if "loss" in logs:
            self._log_step(step, state, logs)

    def _log_step(self, step: int, state: Any, logs: dict[str, float]) -> None:
        loss = logs["loss"]
        before = loss if self.smooth is None else self.smooth
        # Over a tenth of a short run, so that its curve does not lag behind what it shows.
        weight = 1 / min(SMOOTHED_STEPS, max(1, state.max_steps // 10))
        self.smooth = before + weight * (loss - before)
        seen = int(state.num_input_tokens_seen) - self.tokens_before
        speed = seen / self.training_s if self.training_s else 0.0
        done = step - self.first_step
        left = (time.monotonic() - self.began_s) / max(done, 1) * (state.max_steps - step)
        self.report.add_point(
            step=step,
            epoch=round(float(state.epoch or 0), 3),
            loss=loss,
            smooth=round(self.smooth, 5),
            learning_rate=logs.get("learning_rate", 0.0),
            tokens_per_s=round(speed, 1),
        )
        self.report.update(
            step=step,
            epoch=round(float(state.epoch or 0), 2),
            loss=round(self.smooth, 4),
            tokens_per_s=round(speed, 1),
            left_s=round(left),
        )
