"""LLaMA-Factory's command line on the studio's rows, in an environment of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import yaml

# Its defaults recompute what a step keeps and, on a processor, run at 32 bits. At its best it does neither.
WAYS = {
    "LLaMA-Factory, its defaults": {},
    "LLaMA-Factory at its best: bf16, nothing recomputed, by length": {
        "bf16": True,
        "use_cpu": True,
        "disable_gradient_checkpointing": True,
        "train_sampling_strategy": "group_by_length",
    },
}
SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"  # as the model's own template has it


def write_config(folder: Path, base: Path, rows: Sequence[object], batch: int, more: dict[str, object]) -> Path:
    (folder / "rows.json").write_text(json.dumps(rows), encoding="utf-8")
    tags = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}
    dataset = {
        "file_name": "rows.json",
        "formatting": "sharegpt",
        "columns": {"messages": "messages"},
        "tags": tags | {"system_tag": "system"},
    }
    (folder / "dataset_info.json").write_text(json.dumps({"rows": dataset}), encoding="utf-8")
    config = {
        "model_name_or_path": str(base),
        "stage": "sft",
        "do_train": True,
        "finetuning_type": "lora",
        "lora_rank": 16,
        "lora_alpha": 32,
        "lora_target": "all",
        "template": "smollm2",
        "default_system": SYSTEM,
        "dataset": "rows",
        "dataset_dir": str(folder),
        "cutoff_len": 1024,
        "per_device_train_batch_size": batch,
        "num_train_epochs": 1,
        "learning_rate": 2e-4,
        "warmup_steps": 1,
        "weight_decay": 0.01,
        "optim": "adamw_torch",
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "output_dir": str(folder / "out"),
        **more,
    }
    file = folder / "train.yaml"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    return file


def train(venv: Path, config: Path, environment: dict[str, str]) -> tuple[float, float, Path]:
    """(seconds of its training loop, its mean training loss, the adapter's folder)."""
    out = config.parent / "out"
    shutil.rmtree(out, ignore_errors=True)  # it refuses to write over an earlier one
    program = next(path for path in venv.glob("*/llamafactory-cli*") if path.parent.name in ("bin", "Scripts"))
    with config.with_suffix(".log").open("wb") as log:
        done = subprocess.run([program, "train", config], cwd=config.parent, env=environment, stdout=log, stderr=log)
    if done.returncode:
        raise SystemExit(f"LLaMA-Factory failed:\n{config.with_suffix('.log').read_text()[-3000:]}")
    results = json.loads((out / "train_results.json").read_text(encoding="utf-8"))
    return results["train_runtime"], results["train_loss"], out
