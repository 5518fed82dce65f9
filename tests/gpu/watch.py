"""Verbs and probes as processes of their own, with what they took of the card."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from studio.hardware import find_card
from studio.process import worker_environment
from studio.workspace import ASSETS, REPOSITORY, Workspace

SAMPLE = ASSETS / "sample" / "orders.jsonl"
LOOK_S = 0.1
LOG_END = 900  # characters of a log that are told


class CardMemory:
    """The most that was taken of the card meanwhile, above what was taken before; as the driver tells it."""

    def __enter__(self) -> CardMemory:
        self.before = self.most = self.taken()
        self.ended = threading.Event()
        self.looking = threading.Thread(target=self._look, daemon=True)
        self.looking.start()
        return self

    def taken(self) -> int:
        card = find_card()
        return card.memory_bytes - card.free_bytes if card else 0

    def _look(self) -> None:
        while not self.ended.wait(LOOK_S):
            self.most = max(self.most, self.taken())

    def __exit__(self, *error: object) -> None:
        self.ended.set()
        self.looking.join()

    @property
    def gb(self) -> float:
        return round((self.most - self.before) / 1e9, 2)


@dataclass
class Bench:
    """Where all is kept, and how long there is for it."""

    folder: Path
    budget_s: float
    began_s: float = field(default_factory=time.monotonic)

    @property
    def workspace(self) -> Workspace:
        return Workspace.open(self.folder / "workspace")

    @property
    def left_s(self) -> float:
        return self.budget_s - (time.monotonic() - self.began_s)

    def verb(self, *words: str, limit_s: float = 300, name: str = "") -> dict[str, Any]:
        """What the program says in JSON, with `rc`, `s` and `card_gb`."""
        command = [sys.executable, "launch.py", *words, "--json", "--workspace", str(self.workspace.root)]
        return self._call(command, limit_s, name or words[0], {})

    def probe(self, *words: str, limit_s: float = 240, module: str = "train") -> dict[str, Any]:
        """One of tests/gpu/probes.py, in a worker's environment."""
        command = [sys.executable, "-m", "tests.gpu.probes", *words]
        name = "-".join(words).replace("/", "_")[-80:]
        return self._call(command, limit_s, name, worker_environment(self.workspace, module))

    def train(self, base: str, name: str, limit_s: float = 300, **settings: Any) -> dict[str, Any]:
        """A run on the sample; with what the run's own notes say of it: `status`, and `log` where it failed."""
        chosen = [word for key, value in {"name": name, **settings}.items() for word in ("--set", f"{key}={value}")]
        words = ["train", "--data", str(SAMPLE), "--base", base, "--preset", "quick", *chosen]
        found = self.verb(*words, limit_s=limit_s, name=f"train-{name}")
        run = found.get("run") or self.newest_run()
        found |= {"run": run, "status": self.status_of(run)}
        return found if found["rc"] == 0 else {**found, "log": self.log_of(run)}

    def status_of(self, run: str) -> dict[str, Any]:
        file = self.workspace.runs / run / "state.json"
        return dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else {}

    def log_of(self, run: str) -> str:
        log = self.workspace.runs / run / "worker.log"
        return log.read_text(encoding="utf-8", errors="replace")[-LOG_END:] if log.exists() else ""

    def newest_run(self) -> str:
        notes = sorted(self.workspace.runs.glob("*/state.json"), key=lambda note: note.stat().st_mtime)
        return notes[-1].parent.name if notes else ""

    def _call(self, command: list[str], limit_s: float, name: str, environment: dict[str, str]) -> dict[str, Any]:
        log = self.folder / f"{name}.log"
        began_s = time.monotonic()
        with CardMemory() as memory, log.open("w", encoding="utf-8") as said:
            try:
                done = subprocess.run(
                    command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=said, text=True,
                    timeout=max(10, min(limit_s, self.left_s)), env={**os.environ, **environment},
                )  # fmt: skip
                status, output = done.returncode, done.stdout
            except subprocess.TimeoutExpired:
                status, output = 124, ""
        lines = [line for line in output.splitlines() if line.startswith("{")]
        found: dict[str, Any] = json.loads(lines[-1]) if lines else {}
        if status and "error" not in found:
            found["error"] = {"what": log.read_text(encoding="utf-8", errors="replace")[-LOG_END:]}
        return {**found, "rc": status, "s": round(time.monotonic() - began_s, 1), "card_gb": memory.gb}
