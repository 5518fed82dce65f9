"""Writes the curve of a run as it grows, and listens for the file that says stop."""

from __future__ import annotations

import math
import shutil
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from studio.hardware import read_load
from studio.runs import Run
from studio.store import read_rows
from studio.train.pace import Pace
from studio.workers.chance import take_chance
from studio.workers.checkpoints import list_checkpoints, size_bytes
from studio.workers.memory import is_out_of_memory, let_go
from studio.workers.report import RunReport

SMOOTHED_STEPS = 10
SAVE_AT_LEAST_S = 600.0  # where the recipe does not say how often: at most so much is lost
LOOK_AT_MACHINE_S = 2.0
AWAKE_S = 60.0  # between two looks at the machine; it slept for what is more
LOOK_AT_DISK_S = 1.0
RESERVED_BYTES = 200_000_000
BROKEN_STEPS = 3  # losses that are no number, one after the other: the weights are none either


class Reporter(TrainerCallback):  # type: ignore[misc]
    """`ended` says why training ended before its last step: keep, pause, disk, early or broken."""

    def __init__(self, run: Run, report: RunReport, answer: Callable[[int], None] | None) -> None:
        self.run = run
        self.report = report
        self.answer = answer
        self.ended = ""
        self.smooth: float | None = None
        self.tokens_before = 0
        self.step_began_s = 0.0
        self.training_s = 0.0
        self.pace = Pace()
        self.looking_since_s: float | None = None
        self.saved_s = time.monotonic()
        self.seen_s = self.disk_s = 0.0
        self.load: dict[str, float] = {}
        self.kwh = float(run.status.get("kwh", 0.0))
        self.best: float | None = None
        self.looks_without_gain = 0
        self.broken = 0
        self.chance = take_chance()

    def recall(self, step: int) -> None:
        """What was known at that step, where it goes on from: state.json may be further than the newest checkpoint."""
        looks: dict[int, float] = {}
        status = self.report.status
        if status.get("best_step", step + 1) <= step:  # in case the rows are lost
            looks[status["best_step"]] = status["best_heldout_loss"]
        for row in read_rows(self.run.metrics):
            if row.get("step", step + 1) > step:
                continue
            if math.isfinite(row.get("smooth", math.nan)):
                self.smooth = row["smooth"]
            if "heldout_loss" in row:
                looks[row["step"]] = row["heldout_loss"]  # of a step that was done twice, the later counts
        self.best, self.looks_without_gain = None, 0
        best: dict[str, Any] = {}
        for at, loss in sorted(looks.items()):
            if self._judge(at, loss):
                best = {"best_heldout_loss": loss, "best_step": at}
        self.report.forget("best_heldout_loss", "best_step")
        self.report.update(looks_without_gain=self.looks_without_gain, **best)

    @property
    def has_waited_enough(self) -> bool:
        """Whether the held-out loss has not got better for as long as the recipe waits."""
        return 0 < self.run.recipe.early_stopping_patience <= self.looks_without_gain

    def on_train_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        self.tokens_before = int(state.num_input_tokens_seen)
        self.saved_s = time.monotonic()

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        self.chance = take_chance()

    def on_step_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        self.step_began_s = time.monotonic()
        if self.looking_since_s is not None:
            self.pace.looks_s.append(self.step_began_s - self.looking_since_s)
            self.looking_since_s = None
        # An epoch's first step is done again from its beginning, where reading the examples draws a number too.
        if not float(state.epoch or 0).is_integer():
            self.chance = take_chance()

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **more: Any) -> Any:
        self.chance = take_chance()
        now = time.monotonic()
        self.training_s += now - self.step_began_s
        self.pace.steps_s.append(now - self.step_began_s)
        if control.should_evaluate:
            self.looking_since_s = now
        if asked := self.run.asked_to_stop:
            self._end(control, asked)
        if not self.run.recipe.save_steps and now - self.saved_s > SAVE_AT_LEAST_S:
            control.should_save = True
        if now - self.disk_s > LOOK_AT_DISK_S:
            self.disk_s = now
            self._look_at_disk(args, control, model)
        return control

    def _end(self, control: Any, why: str, save: bool = True) -> None:
        self.ended = why
        control.should_training_stop = True
        control.should_save = control.should_save or save

    def _look_at_disk(self, args: Any, control: Any, model: Any) -> None:
        newest = list_checkpoints(Path(args.output_dir))
        needed = size_bytes(newest[0]) if newest else _bytes_to_save(model)
        if shutil.disk_usage(self.run.folder).free < 2 * needed + RESERVED_BYTES:
            self._end(control, "disk")

    def on_save(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        self.saved_s = time.monotonic()
        self.report.add_point(step=int(state.global_step), mark="saved", words="Saved.")

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: dict[str, float], **more: Any) -> Any:
        step, loss = int(state.global_step), metrics["eval_loss"]
        self.report.add_point(step=step, heldout_loss=loss)
        self.report.update(heldout_loss=loss)
        self._try_answer(step)
        if self._judge(step, loss):
            self.report.update(best_heldout_loss=loss, best_step=step)
            self.report.add_point(step=step, mark="best", words=f"Best so far: {loss:.3f}.")
            control.should_save = control.should_save or self.run.recipe.keep_best
        self.report.update(looks_without_gain=self.looks_without_gain)
        if self.has_waited_enough:
            self._end(control, "early")
        return control

    def _try_answer(self, step: int) -> None:
        """Whatever fails there: a run is worth more than the three answers that one watches."""
        if self.answer is None:
            return
        try:
            self.answer(step)
        except OSError:  # a full disk has a story of its own
            raise
        except Exception as error:
            traceback.print_exc()
            self.answer = None
            if is_out_of_memory(error):
                traceback.clear_frames(error.__traceback__)  # they hold on to what did not fit
                let_go()
            why = str(error).partition("\n")[0][:200]
            self.run.tell(f"The sample answers could not be made, so there are none from step {step:,} on: {why}")

    def _judge(self, step: int, loss: float) -> bool:
        """Whether it is the best so far. The base itself, at step 0, is no result to keep."""
        if step == 0 or not math.isfinite(loss):
            return False
        if self.best is None or loss < self.best - self.run.recipe.early_stopping_threshold:
            self.looks_without_gain = 0
        else:
            self.looks_without_gain += 1
        if self.best is not None and loss >= self.best:
            return False
        self.best = loss
        return True

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **more: Any) -> None:
        if "loss" in (logs or {}):
            self._log_step(int(state.global_step), state, control, logs or {})

    def _log_step(self, step: int, state: Any, control: Any, logs: dict[str, float]) -> None:
        loss = logs["loss"]
        self.broken = 0 if math.isfinite(loss) else self.broken + 1
        if self.broken >= BROKEN_STEPS:
            self._end(control, "broken", save=False)
        if math.isfinite(loss):
            before = loss if self.smooth is None else self.smooth
            # Over a tenth of a short run, so that its curve does not lag behind what it shows.
            self.smooth = before + (loss - before) / min(SMOOTHED_STEPS, max(1, state.max_steps // 10))
        seen = int(state.num_input_tokens_seen) - self.tokens_before
        speed = seen / self.training_s if self.training_s else 0.0
        left = self.pace.left_s(step, state.max_steps, state.eval_steps)
        smooth = loss if self.smooth is None else self.smooth
        self._look_at_machine()
        self.report.add_point(
            step=step,
            epoch=round(float(state.epoch or 0), 3),
            loss=loss,
            smooth=round(smooth, 5),
            learning_rate=logs.get("learning_rate", 0.0),
            grad_norm=round(float(logs.get("grad_norm", 0.0)), 5),
            tokens_per_s=round(speed, 1),
            **self.load,
        )
        self.report.update(
            step=step,
            epoch=round(float(state.epoch or 0), 2),
            loss=round(smooth, 4),
            tokens_per_s=round(speed, 1),
            left_s=None if left is None else round(left),
            kwh=self.kwh,
        )

    def _look_at_machine(self) -> None:
        now = time.monotonic()
        if now - self.seen_s < LOOK_AT_MACHINE_S:
            return
        load = read_load()
        known = {
            "memory_bytes": load.memory_bytes,
            "utilisation": load.utilisation,
            "temperature_c": load.temperature_c,
            "power_w": load.power_w,
        }
        if load.power_w is not None and self.seen_s:
            self.kwh = round(self.kwh + load.power_w * min(now - self.seen_s, AWAKE_S) / 3.6e6, 6)
        self.seen_s = now
        self.load = {name: value for name, value in known.items() if value is not None}
        if self.kwh:
            self.load["kwh"] = self.kwh


def _bytes_to_save(model: Any) -> int:
    """Of a first checkpoint: the weights that learn, and two numbers of 32 bits for each of them."""
    learning = [weights for weights in model.parameters() if weights.requires_grad]
    return sum(weights.numel() * (weights.element_size() + 8) for weights in learning)
