"""Asks a GGUF every held-out question of a run. `ask_gguf NOTE RUN_FOLDER GGUF`"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from studio.runs import Run, base_of, open_run, workspace_of
from studio.scores.plain import average, measure
from studio.store import write_json
from studio.tasks import Progress, Report, run_task
from studio.train.tokenizing import tokenizer_of
from studio.workers.heldout import held_out, longest_answer
from studio.workers.llamacpp import SLOTS, LlamaCpp


def ask(run: Run, path: Path, report: Report) -> dict[str, Any]:
    """Writes gguf_scores.json; returns each measure's name to its value."""
    asked = held_out(run)
    tokenizer = tokenizer_of(base_of(run), run.recipe)
    most = longest_answer(asked, tokenizer)
    model = LlamaCpp(path)
    rows: list[dict[str, Any]] = []
    with ThreadPoolExecutor(SLOTS) as pool:
        replies = pool.map(lambda conversation: model.ask(conversation.prompt, tokenizer, most), asked)
        for conversation, reply in zip(asked, replies, strict=True):
            report(Progress(f"Asking the file {len(asked)} questions", len(rows) / len(asked)))
            rows.append({"row": conversation.row, "wanted": conversation.wanted, "gguf": reply.text})
    model.close()
    result = average([measure(row["wanted"], row["gguf"]) for row in rows])
    write_json(run.folder / "gguf_scores.json", {**result, "answers": rows})
    return result


def main(note: str, folder: str, gguf: str) -> int:
    run = open_run(workspace_of(Path(folder)), Path(folder).name)
    return run_task(Path(note), lambda report: ask(run, Path(gguf), report))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
