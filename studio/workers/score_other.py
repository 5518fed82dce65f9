"""Asks somebody else every held-out question of a run. `score_other NOTE RUN_FOLDER VOICE`"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from studio.compare.others import keep, require_scores, weigh_other
from studio.compare.voices import Voice, file_of, folder_of, title_of_voice
from studio.data.tokens import load_tokenizer
from studio.runs import Run, open_run, workspace_of
from studio.tasks import Progress, Report, run_task
from studio.train.models import require_base
from studio.workers.heldout import held_out, longest_answer
from studio.workers.known import Known, marks_of
from studio.workers.voices import Voices

TOKENS_A_BATCH = 8192


def score_other(run: Run, voice: Voice, report: Report) -> dict[str, Any]:
    """Keeps what `others.weigh_other` gives. Begun and broken off, it goes on."""
    workspace = workspace_of(run.folder)
    require_scores(run)
    asked = held_out(run)
    known = Known(run.folder / "score.others.jsonl", [voice.key, run.recipe.data, *_marks_of(run, voice)])
    waiting = known.lacks("text", len(asked))
    if waiting:
        voices = Voices(workspace)
        for progress in voices.open([voice]):
            report(Progress(progress.message, 0.0))
        tokenizer = load_tokenizer(require_base(workspace, run.recipe.base))
        most = longest_answer(asked, tokenizer)
        sizes = [most + len(tokenizer.prompt_ids(each.prompt)) for each in asked]
        for part in _batches(sorted(waiting, key=sizes.__getitem__), sizes):
            done = len(asked) - len(known.lacks("text", len(asked)))
            words = f"Asking {title_of_voice(workspace, voice)}: {done} of {len(asked)} done"
            report(Progress(words, done / len(asked)))
            answers = voices.answer_all(voice, [asked[place].prompt for place in part], most)
            for place, answer in zip(part, answers, strict=True):
                known.add(place, {"text": answer.text})
    found = weigh_other(run, [known.found[place]["text"] for place in range(len(asked))])
    keep(run, voice, found)
    return {"word": found["verdict"]["word"]}


def _marks_of(run: Run, voice: Voice) -> list[str]:
    workspace = workspace_of(run.folder)
    if voice.kind == "gguf":
        stat = file_of(workspace, voice).stat()
        return [f"{stat.st_size} {stat.st_mtime_ns}"]
    return marks_of(folder_of(open_run(workspace, voice.of), voice))


def _batches(order: Sequence[int], sizes: Sequence[int]) -> Iterator[list[int]]:
    """Each is padded to the longest, its last."""
    part: list[int] = []
    for place in order:
        if part and (len(part) + 1) * sizes[place] > TOKENS_A_BATCH:
            yield part
            part = []
        part.append(place)
    if part:
        yield part


def main(note: str, folder: str, key: str) -> int:
    run = open_run(workspace_of(Path(folder)), Path(folder).name)
    return run_task(Path(note), lambda report: score_other(run, Voice.parse(key), report))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
