"""The studio's own worker with a clock in it. `timed_train RUN_FOLDER CLOCK_FILE`"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import studio.workers.trainable  # noqa: F401  # isort: skip  (Unsloth patches transformers: it comes first)

from timing import Clock

from studio.workers.train import main

run, file = map(Path, sys.argv[1:])
clock = Clock()
failed = main(run)
file.write_text(json.dumps(clock.read()), encoding="utf-8")
sys.exit(failed)
