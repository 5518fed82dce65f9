"""Lets a model judge the answers of base and tuned. `judge NOTE RUN_FOLDER`"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from studio.errors import ExportError, ModelError, RunError
from studio.judge.asking import Ask, list_asked
from studio.judge.form import MOST_TOKENS, SCHEMA
from studio.judge.job import read_ask
from studio.judge.judging import AT_ONCE, judge
from studio.keys import read_key
from studio.runs import Run, open_run, workspace_of
from studio.served import ServedModel, is_here
from studio.tasks import Progress, Report, run_task

SLOTS = 2  # both orders of a question: more would need more memory for a long one, and wait for each other
LEAST_CONTEXT, MOST_CONTEXT = 4096, 32_768  # tokens
BYTES_OF_A_SHORT_TOKEN = 2  # of a tokenizer that does not know the language well
SLOWEST_HERE_S, SLOWEST_S = 3600.0, 600.0  # a large model on a processor takes minutes for a reply


def work(run: Run, report: Report) -> dict[str, Any]:
    """Raises: RunError if nobody was named, ModelError if the file cannot be loaded, DataError from the server."""
    ask = read_ask(run)
    if ask is None:
        raise RunError("Nobody was named to judge.", "Say who judges in Compare, then press the button.")
    if ask.kind == "file":
        return _judge_here(run, ask, report)
    served = ServedModel(ask.address, ask.model, read_key(ask.address), SLOWEST_S, schema=SCHEMA)
    return judge(run, ask, served, report, SLOTS if is_here(ask.address) else AT_ONCE)


def _judge_here(run: Run, ask: Ask, report: Report) -> dict[str, Any]:
    from studio.workers.llamacpp import LlamaCpp

    report(Progress(f"Loading {ask.name}", 0.0))
    path = Path(ask.path)
    try:
        model = LlamaCpp(path, _context_for(run, ask), SLOTS)
    except ExportError as error:
        raise ModelError(error.what, "Take another GGUF file as the judge.") from error
    try:
        served = ServedModel(model.address, ask.name, model.key, SLOWEST_HERE_S, schema=SCHEMA)
        return judge(run, ask, served, report, SLOTS)
    finally:
        model.close()


def _context_for(run: Run, ask: Ask) -> int:
    """Room for the longest question, its reply, and the same once more."""
    sizes = (sum(len(part["content"].encode()) for part in each.messages) for each in list_asked(run, ask))
    needed = max(sizes) // BYTES_OF_A_SHORT_TOKEN + 2 * MOST_TOKENS
    return min(MOST_CONTEXT, max(LEAST_CONTEXT, -(-needed // 1024) * 1024))


def main(note: str, folder: str) -> int:
    run = open_run(workspace_of(Path(folder)), Path(folder).name)
    return run_task(Path(note), lambda report: work(run, report))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
