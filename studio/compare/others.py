"""Scoring somebody else on a run's held-out questions: a checkpoint, a file, another run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio import tasks
from studio.compare.asking import asked_as
from studio.compare.chosen import weigh_as_kept
from studio.compare.proof import is_outdated, read_scores
from studio.compare.voices import Voice, base_and_tuned, is_there, list_voices, marks_of_voice, title_of_voice
from studio.errors import DamagedError, RunError
from studio.runs import Run, workspace_of
from studio.scores.measures import MEASURES
from studio.store import read_json, set_aside, write_json
from studio.tasks import Progress, follow, stop_task

FILE = "others.json"
ANEW = "Measure a checkpoint, a file or another run again; what was answered is kept."


def note_of(run: Run) -> Path:
    return run.folder / "score_other.task.json"


def list_others(run: Run) -> list[Voice]:
    """Who can be scored beside the two that always are."""
    return [voice for voice in list_voices(workspace_of(run.folder), run) if not _is_one_of_both(run, voice)]


def _is_one_of_both(run: Run, voice: Voice) -> bool:
    return voice in base_and_tuned(run)


def score_other(run: Run, voice: Voice) -> Iterator[Progress]:
    """In a process of its own; `read_others` has the result. Raises: RunError before both were scored."""
    _require_other(run, voice)
    yield from follow(workspace_of(run.folder), note_of(run), "score_other", run.folder, voice.key)


def begin(run: Run, voice: Voice) -> None:
    """Score as `score_other` does, without waiting. Raises: RunError before both were scored."""
    _require_other(run, voice)
    tasks.begin(workspace_of(run.folder), note_of(run), "score_other", run.folder, voice.key)


def _require_other(run: Run, voice: Voice) -> None:
    require_scores(run)
    try:
        read_others(run)
    except DamagedError:  # or else nothing could ever be kept there again
        set_aside(run.folder / FILE)
    if is_outdated(run):
        raise RunError("The run has learned on since it was measured.", "Press “Measure both” first; then this.")
    if _is_one_of_both(run, voice):
        raise RunError("Before and After are measured already.", "Choose a checkpoint, a file or another run.")


def stop(run: Run) -> None:
    """What was answered already stays."""
    stop_task(note_of(run))


def require_scores(run: Run) -> list[dict[str, Any]]:
    """What base and tuned answered. Raises: RunError if they were not asked yet."""
    scores = read_scores(run)
    if not scores or "measures" not in scores:
        raise RunError("Both are not measured yet.", "Press “Measure both” first: others are compared with them.")
    answers: list[dict[str, Any]] = scores["answers"]
    return answers


def read_others(run: Run) -> dict[str, dict[str, Any]]:
    """Key of a voice -> what `keep` was given; without its answers it could not be weighed anew, and is left out."""
    others: dict[str, dict[str, Any]] = read_json(run.folder / FILE, anew=ANEW) or {}
    return {key: found for key, found in others.items() if "answers" in found}


@dataclass(frozen=True)
class Scored:
    """Somebody who was asked too, and is still there. `is_current`: the same weights, and asked what scores.json holds
    as it was asked there.
    """

    voice: Voice
    found: dict[str, Any]
    is_current: bool


def read_scored(run: Run) -> list[Scored]:
    """In the order in which they were asked first; `found` as `keep` was given it."""
    workspace = workspace_of(run.folder)
    scores = read_scores(run) or {}
    rows = [row["row"] for row in scores.get("answers", [])]

    def is_current(voice: Voice, found: dict[str, Any]) -> bool:
        asked = [each["row"] for each in found["answers"]]
        as_here = asked_as(found).dice == asked_as(scores).dice and asked == rows
        return as_here and found["of"] == marks_of_voice(workspace, voice)

    there = [(Voice.parse(key), found) for key, found in read_others(run).items() if is_there(workspace, key)]
    return [Scored(voice, found, is_current(voice, found)) for voice, found in there]


def title_of_other(run: Run, voice: Voice) -> str:
    """After is the run itself, so another one is not called so."""
    title = title_of_voice(workspace_of(run.folder), voice)
    return f"Another run: {title.removeprefix('After: ')}" if voice.kind == "run" else title


def say_untold(name: str, found: dict[str, Any]) -> str:
    """Why a measure is not told of somebody."""
    if name in ("loss", "perplexity") and found["unread"]:
        return str(found["unread"])
    return f"“{MEASURES[name].title}” says nothing of its answers."


def weigh_other(run: Run, answers: Sequence[str], losses: Sequence[float | None] = ()) -> dict[str, Any]:
    """main, examples, verdict, measures: beside the base, by what the run is measured by.

    And beside, measure -> word, difference: to the tuned run; and answers (row, text, loss), of which it was made.

    Args:
        answers: To the questions of scores.json, in their order.
        losses: Of the wanted answers, a token, in the same order; none where they were not asked for.
    """
    losses = losses or [None] * len(answers)
    found, beside = (weigh_as_kept(run, _rows(run, side, answers, losses)) for side in ("base", "tuned"))
    return {
        **{name: found[name] for name in ("main", "examples", "verdict", "measures")},
        "beside": {
            name: {"word": each["word"], "difference": each["difference"]} for name, each in beside["measures"].items()
        },
        "answers": [
            {"row": row["row"], "text": text, "loss": loss}
            for row, text, loss in zip(require_scores(run), answers, losses, strict=True)
        ],
    }


def _rows(run: Run, side: str, answers: Sequence[str], losses: Sequence[float | None]) -> list[dict[str, Any]]:
    """The answers as if tuned had given them, and those of `side` as if they were the base's."""
    return [
        {name: row[name] for name in ("row", "prompt", "wanted")}
        | {"base": row[side], "base_loss": row.get(f"{side}_loss"), "tuned": answer, "tuned_loss": loss}
        for row, answer, loss in zip(require_scores(run), answers, losses, strict=True)
    ]


def weigh_anew(run: Run) -> None:
    """By what the run is measured by now, beside what both have answered by now; nobody is asked."""
    try:
        others = read_others(run)
    except DamagedError:  # the page says so, where they would stand
        return
    for key, found in others.items():
        said = {each["row"]: each for each in found["answers"]}
        rows = [row["row"] for row in require_scores(run)]
        if said.keys() >= set(rows):  # else some questions were not asked of it, and it must be asked anew
            texts, losses = ([said[row][name] for row in rows] for name in ("text", "loss"))
            keep(run, Voice.parse(key), {**found, **weigh_other(run, texts, losses)})


def keep(run: Run, voice: Voice, found: dict[str, Any]) -> None:
    """What `weigh_other` gives, with `of`: marks_of_voice() when it was asked, `asking`: how, as in scores.json, and
    `unread`: why losses are missing.
    """
    write_json(run.folder / FILE, {**read_others(run), voice.key: found})
