"""All that a report says, read from the run's folder at one moment. Nothing is measured here."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

from studio.compare.proof import read_scores
from studio.compare.worth_job import read_worth
from studio.data.datasets import now
from studio.errors import TunesmithError
from studio.judge.result import read_judged
from studio.quiz.forget import read_quiz_of
from studio.report.parts import Missing
from studio.report.source import Data, read_data
from studio.runs import Run, list_runs, workspace_of
from studio.store import read_json
from studio.train.metrics import Curve, read_metrics_since
from studio.train.models import place_of
from studio.vote.votes import Standing, open_rows, read_standing

LEARNED_ON = "the run has learned on since"


@dataclass(frozen=True)
class Report:
    """What is None was not measured; `stale` says of a part why what there is of it does not count.

    `hidden`: rows of open ballots; `others`: how many more runs were measured on the same held-out part.
    """

    run: Run
    written: str
    scores: dict[str, Any] | None
    vote: Standing | None
    hidden: frozenset[int]
    judged: dict[str, Any] | None
    forgot: dict[str, Any] | None
    worth: dict[str, Any] | None
    curve: Curve
    story: tuple[tuple[float, str], ...]
    data: Data | None
    base: dict[str, Any]
    others: int
    stale: dict[str, str]

    def missing(self, part: str, what: str, how: str) -> Missing:
        """With the reason, where there was something that does not count any more."""
        why = self.stale.get(part)
        return Missing(f"{what} ({why})" if why else what, how)


def gather(run: Run) -> Report:
    stale: dict[str, str] = {}
    scores = read_scores(run)
    if scores and not _is_of_these_weights(run, "scores.json"):
        scores, stale["scores"] = None, LEARNED_ON
    if scores and "by_example" not in scores:
        scores, stale["scores"] = None, "an older Tunesmith measured it, with less than a report needs"
    vote = read_standing(run)
    if vote and not vote.round.is_of(run):
        vote, stale["vote"] = None, LEARNED_ON
    forgot = read_quiz_of(run)
    if not forgot and (run.folder / "quiz.json").exists():
        stale["forgot"] = f"{LEARNED_ON}, or the quiz is another one"
    worth = read_worth(run)
    if not worth and (run.folder / "worth.json").exists():
        stale["worth"] = LEARNED_ON
    data = None
    with contextlib.suppress(TunesmithError):  # a data set that was thrown away
        data = read_data(workspace_of(run.folder), run.recipe.data)
    base: dict[str, Any] = read_json(place_of(workspace_of(run.folder), run.recipe.base) / "tunesmith.json") or {}
    return Report(
        run=run,
        written=now(),
        scores=scores,
        vote=vote,
        hidden=open_rows(run),
        judged=read_judged(run),
        forgot=forgot,
        worth=worth,
        curve=read_metrics_since(run.metrics, 0),
        story=tuple(run.story()),
        data=data,
        base=base,
        others=_count_others(run),
        stale=stale,
    )


def _is_of_these_weights(run: Run, file: str) -> bool:
    """No weights were written after it."""
    found_ns = (run.folder / file).stat().st_mtime_ns
    return all(weights.stat().st_mtime_ns <= found_ns for weights in run.adapter.glob("*.safetensors"))


def _count_others(run: Run) -> int:
    return sum(
        other.id != run.id and other.recipe.data == run.recipe.data and (other.folder / "scores.json").exists()
        for other in list_runs(workspace_of(run.folder))
    )
