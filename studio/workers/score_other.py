"""Asks somebody else every held-out question of a run. `score_other NOTE RUN_FOLDER VOICE`"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from studio.compare.asking import Asking, asked_as
from studio.compare.others import keep, require_scores, weigh_other
from studio.compare.proof import read_scores
from studio.compare.voices import Voice, marks_of_voice, title_of_voice
from studio.data.conversation import Conversation
from studio.data.tokens import NOT_LEARNED, Labelled, label_tokens
from studio.runs import Run, base_of, open_run, workspace_of
from studio.tasks import Progress, Report, run_task
from studio.train.tokenizing import tokenizer_of
from studio.workers.generate import Answer
from studio.workers.heldout import held_out, longest_answer
from studio.workers.known import Known
from studio.workers.likelihood import finite
from studio.workers.room import Halving
from studio.workers.voices import Voices

TOKENS_A_BATCH = 8192
READING_SHARE = {"gguf": 0.5}  # of the work, about: llama.cpp reads token by token, the others read all in one pass
OTHER_TOKENS = "It cuts the wanted answers into other tokens than this run’s model, so a loss a token is not the same."


def score_other(run: Run, voice: Voice, report: Report) -> dict[str, Any]:
    """Keeps what `others.weigh_other` gives. Begun and broken off, it goes on."""
    workspace = workspace_of(run.folder)
    measured, asked = {row["row"] for row in require_scores(run)}, held_out(run)
    places = [place for place, each in enumerate(asked) if each.row in measured]  # without those that were too long
    marks = marks_of_voice(workspace, voice)
    asking = asked_as(read_scores(run) or {})
    known = Known(run.folder / "score.others.jsonl", [voice.key, run.recipe.data, *marks, *asking.marks])
    labelled = _label(run, voice, asked)
    unread = known.lacks("loss", places) if labelled else []
    if unread or known.lacks("text", places):
        voices = Voices(workspace)
        for progress in voices.open([voice]):
            report(Progress(progress.message, 0.0))
        title = title_of_voice(workspace, voice)
        share = READING_SHARE.get(voice.kind, 0.15) if unread else 0.0
        for done, (place, loss) in enumerate(voices.losses(voice, [labelled[each] for each in unread])):
            known.add(unread[place], {"loss": finite(loss)})
            report(Progress(f"{title} reads the wanted answers", share * done / len(unread)))
        for words, part in _ask_all(run, voice, asked, asking, places, known, voices):
            report(Progress(f"Asking {title}: {words}", share + (1 - share) * part))
    rows = [known.found[place] for place in places]
    losses = [row["loss"] for row in rows] if labelled else []
    report(Progress("Weighing the answers", 1.0))
    found = weigh_other(run, [row["text"] for row in rows], losses)
    how = {"of": marks, "asking": asking.as_dict(), "unread": "" if labelled else OTHER_TOKENS}
    keep(run, voice, {**found, **how})
    return {"word": found["verdict"]["word"]}


def _label(run: Run, voice: Voice, asked: Sequence[Conversation]) -> list[Labelled]:
    """As who is asked reads them; empty where what is learned would be other tokens than those of the run."""
    workspace = workspace_of(run.folder)
    bases = [base_of(each) for each in (run, open_run(workspace, voice.of))]
    ours, theirs = (
        [label_tokens(each, tokenizer_of(base, run.recipe), run.recipe.max_length) for each in asked] for base in bases
    )
    return theirs if list(map(_learned, ours)) == list(map(_learned, theirs)) else []


def _learned(tokens: Labelled) -> list[int]:
    return [label for label in tokens.labels if label != NOT_LEARNED]


def _ask_all(
    run: Run,
    voice: Voice,
    asked: Sequence[Conversation],
    asking: Asking,
    places: Sequence[int],
    known: Known,
    voices: Voices,
) -> Iterator[tuple[str, float]]:
    """How far it is, in words and as a share of all, before each batch."""
    tokenizer = tokenizer_of(base_of(run), run.recipe)
    most, room = longest_answer(asked, tokenizer), Halving()
    sizes = [most + len(tokenizer.prompt_ids(each.prompt, each.tools)) for each in asked]

    def ask(some: Sequence[int]) -> list[Answer]:
        questions = [(asked[place].prompt, asking.seed_of(asked[place].row)) for place in some]
        return voices.answer_all(voice, questions, most, asking.sampling)

    for part in _batches(sorted(known.lacks("text", places), key=sizes.__getitem__), sizes):
        done = len(places) - len(known.lacks("text", places))
        yield f"{done} of {len(places)} done", done / len(places)
        for some, answers in room.each(part, ask):
            for place, answer in zip(some, answers, strict=True):
                known.add(place, {"text": answer.text})


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
