"""How long the rest of a run will take."""

from __future__ import annotations

import statistics
from collections import deque

STEPS_KEPT, LOOKS_KEPT = 100, 10


class Pace:
    """By the middle of the latest steps and looks, in seconds: one slow moment, or a night asleep, does not move it."""

    def __init__(self) -> None:
        self.steps_s: deque[float] = deque(maxlen=STEPS_KEPT)
        self.looks_s: deque[float] = deque(maxlen=LOOKS_KEPT)

    def left_s(self, step: int, steps: int, steps_between_looks: int) -> float | None:
        """None before the first step."""
        if not self.steps_s:
            return None
        looks = steps // steps_between_looks - step // steps_between_looks if self.looks_s else 0
        a_look_s = statistics.median(self.looks_s) if self.looks_s else 0.0
        return statistics.median(self.steps_s) * (steps - step) + a_look_s * looks
