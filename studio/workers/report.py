"""What a worker tells of its run: state.json for how it stands, metrics.jsonl for the curve."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from studio.process import ProcessId
from studio.runs import Run, State, workspace_of
from studio.store import append_row, write_json
from studio.train.outlook import read_outlook


class RunReport:
    """The one writer of a run's state. Keys: state, pid, started_s, message, error, step, steps, epoch,
    left_s, tokens_per_s, heldout_loss, loss, engine, seconds, updated_s."""

    def __init__(self, run: Run) -> None:
        this = ProcessId.of_this()
        self.run = run
        self._began_s = time.monotonic()  # the clock may be set meanwhile
        self._before_s = float(run.status.get("seconds", 0.0))
        self._status: dict[str, Any] = {**run.status, "pid": this.pid, "started_s": this.started_s}

    @property
    def status(self) -> dict[str, Any]:
        """As it will be read from state.json."""
        return self._status

    @property
    def state(self) -> State:
        state: State = self._status["state"]
        return state

    def update(self, state: State | None = None, **changes: Any) -> None:
        seconds = self._before_s + time.monotonic() - self._began_s
        self._status |= changes | {"updated_s": time.time(), "seconds": round(seconds, 1)}
        if state:
            self._status["state"] = state
        write_json(self.run.folder / "state.json", self._status, lasting=state is not None)

    def forget(self, *keys: str) -> None:
        for key in keys:
            self._status.pop(key, None)

    def add_point(self, **row: float | str) -> None:
        append_row(self.run.metrics, row)

    def offer_remedies(self) -> None:
        """What would make it fit by the estimate, ranked by what it costs in quality; for the page to offer."""
        recipe = self.run.recipe
        outlook = read_outlook(workspace_of(self.run.folder), recipe.data, recipe.base)
        self.update(remedies=[asdict(remedy) for remedy in outlook.remedies(recipe)])
