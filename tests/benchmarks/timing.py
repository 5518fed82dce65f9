"""A clock for whoever trains with Transformers: of all steps, and of what the callbacks take of them."""

from __future__ import annotations

import time
from typing import Any

from transformers.trainer_callback import CallbackHandler

IN_A_STEP = ("on_step_begin", "on_substep_end", "on_pre_optimizer_step", "on_optimizer_step", "on_step_end", "on_log")


class Clock:
    """`seconds` from the first step's begin to the last one's end with all that is logged; `callbacks_s` of these."""

    def __init__(self) -> None:
        self.steps = 0
        self.first_s = self.last_s = self.callbacks_s = 0.0
        self.processor_s = 0.0
        plain = CallbackHandler.call_event

        def timed(handler: Any, event: str, *rest: Any, **more: Any) -> Any:
            began_s = time.monotonic()
            try:
                return plain(handler, event, *rest, **more)
            finally:
                if event in IN_A_STEP and (event != "on_log" or "loss" in more["logs"]):  # a look is logged too
                    self._note(event, began_s, time.monotonic())

        CallbackHandler.call_event = timed

    def _note(self, event: str, began_s: float, ended_s: float) -> None:
        if event == "on_step_begin" and not self.steps:
            self.first_s = began_s
            self.before_s = time.process_time()
        self.steps += event == "on_step_end"
        self.callbacks_s += ended_s - began_s
        self.last_s = ended_s
        self.processor_s = time.process_time() - self.before_s

    def read(self) -> dict[str, float]:
        return {
            "seconds": self.last_s - self.first_s,
            "processor_s": self.processor_s,  # of all threads: other programs beside it do not move it
            "callbacks_s": self.callbacks_s,
            "steps": self.steps,
        }
