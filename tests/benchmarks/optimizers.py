"""What learns all weights of the starter with less memory: AdamW, GaLore and APOLLO on the sample, for as many steps.

    python -m tests.benchmarks.optimizers FOLDER [STEPS]

Each at three rates, since the steps of the three are not of one length. Prints a row each: the held-out loss before and
after, seconds a step, and the peak of memory with the estimate of it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from studio.workspace import ASSETS, REPOSITORY

RATES = {
    "adamw_torch": (1e-5, 3e-5, 1e-4),
    "galore_adamw": (3e-5, 1e-4, 3e-4),
    "apollo_adamw": (1e-5, 3e-5, 1e-4),
}


def train(workspace: Path, steps: int, optimizer: str, rate: float) -> dict[str, Any]:
    settings = {
        "method": "full", "optimizer": optimizer, "learning_rate": rate, "max_steps": steps, "batch_size": 4,
        "eval_steps": steps // 4, "save_steps": steps, "gradient_accumulation": 1, "keep_best": "false",
    }  # fmt: skip
    chosen = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    command = [
        sys.executable, "launch.py", "train", "--data", str(ASSETS / "sample" / "orders.jsonl"), "--base", "starter",
        *chosen, "--json", "--workspace", str(workspace),
    ]  # fmt: skip
    done = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    status = json.loads((workspace / "runs" / found["run"] / "state.json").read_text(encoding="utf-8"))
    losses = [loss for _, loss in found["heldout_loss"]]
    return {
        "optimizer": optimizer, "rate": rate, "before": losses[0], "after": losses[-1],
        "tokens_per_s": found["tokens_per_s"], "peak_gb": round(status["peak_memory_bytes"] / 1e9, 2),
    }  # fmt: skip


def main(workspace: Path, steps: int) -> None:
    for optimizer, rates in RATES.items():
        for rate in rates:
            print(json.dumps(train(workspace, steps, optimizer, rate)), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 60)
