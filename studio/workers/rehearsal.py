"""Before a run counts, its longest real batch goes forward and back twice, evaluation included."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from transformers import TrainerCallback

from studio.runs import TRYING, Run
from studio.train.recipe import Recipe
from studio.workers.chance import put_back, take_chance
from studio.workers.memory import peak_bytes
from studio.workers.report import RunReport


class Rehearsal(TrainerCallback):  # type: ignore[misc]
    """Runs where training begins, with everything prepared and no step taken; what it draws is put back.

    Raises out of memory as training would: whoever trains says what can be done.
    """

    def __init__(self, run: Run, trainer: Any, recipe: Recipe, lengths: Sequence[int], report: RunReport) -> None:
        self.run = run
        self.trainer = trainer
        self.recipe = recipe
        self.lengths = lengths
        self.report = report

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **more: Any) -> None:
        key = [self.recipe.batch_size, max(self.lengths)]
        if self.report.status.get("rehearsed") == key:
            return
        self.report.update(message=TRYING)
        with _as_before(self.trainer):
            seconds = [self._try_step(model) for _ in range(2)][-1]
            if self.trainer.eval_dataset is not None:
                self._try_evaluation(model)
        optimizer_bytes = self._optimizer_bytes()
        self.report.update(
            message="Training",
            rehearsed=key,
            rehearsal={
                "seconds": round(seconds * self.recipe.gradient_accumulation, 2),
                "peak_bytes": peak_bytes() + optimizer_bytes,
            },
        )

    def _try_step(self, model: Any) -> float:
        _wait_for_card()
        began = time.monotonic()
        batch = self._longest(self.trainer.train_dataset, self.recipe.batch_size)
        learned = (batch["labels"] != -100).sum()
        self.trainer.current_gradient_accumulation_steps = 1
        self.trainer.training_step(model, batch, learned)
        model.zero_grad(set_to_none=True)
        _wait_for_card()
        return time.monotonic() - began

    def _try_evaluation(self, model: Any) -> None:
        batch = self._longest(self.trainer.eval_dataset, self.recipe.batch_size)
        was_training = model.training
        model.eval()
        self.trainer.prediction_step(model, batch, prediction_loss_only=True)
        model.train(was_training)

    def _longest(self, table: Any, size: int) -> Any:
        order = sorted(range(len(table)), key=lambda place: len(table[place]["input_ids"]), reverse=True)
        batch = self.trainer.data_collator([table[place] for place in order[:size]])
        return self.trainer._prepare_inputs(batch)

    def _optimizer_bytes(self) -> int:
        """The optimizer gets its memory at the first step: two numbers a weight that learns, of 8 or 32 bits."""
        learning = sum(weights.numel() for weights in self.trainer.model.parameters() if weights.requires_grad)
        return int(learning) * (2 if "8bit" in str(self.trainer.args.optim) else 8)


def _wait_for_card() -> None:
    """It works on by itself: without this the time that it takes is nobody's."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


@contextmanager
def _as_before(trainer: Any) -> Iterator[None]:
    """Random states and what the trainer counts are as they were before."""
    chance = take_chance()
    try:
        yield
    finally:
        put_back(chance)
        for kept in getattr(trainer, "_metrics", {}).values():  # TRL averages these until the next log
            kept.clear()
