"""The curve of a run that goes on: each look reads what was written since the last, however long the run is."""

from __future__ import annotations

import contextlib
from pathlib import Path
from threading import Lock

from studio.train.doctor.series import Growing, Series
from studio.train.metrics import parse_rows


class Follower:
    """Of one metrics.jsonl; several pages may look at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = Lock()
        self._begin()

    def _begin(self) -> None:
        self.growing = Growing()
        self.read_bytes = 0

    def series(self) -> Series | None:
        """As it is now; None before the first step."""
        with self.lock, contextlib.suppress(FileNotFoundError):
            if self.path.stat().st_size < self.read_bytes:  # another run's of the same name
                self._begin()
            with self.path.open("rb") as file:
                file.seek(self.read_bytes)
                new = file.read()
            whole = new[: new.rfind(b"\n") + 1]  # a half-written row waits for the next look
            for row in parse_rows(whole):
                self.growing.add(row)
            self.read_bytes += len(whole)
            series = self.growing.series()
            return series if len(series.steps) else None
        return None
