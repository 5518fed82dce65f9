"""All that a report says, read from the run's folder at one moment. Nothing is measured here."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from studio.compare.others import Scored, read_scored
from studio.compare.proof import is_outdated, read_scores
from studio.compare.worth_job import read_worth
from studio.data.datasets import now
from studio.errors import DamagedError, TunesmithError
from studio.judge.result import read_judged
from studio.quiz.forget import read_quiz_of
from studio.report.parts import Missing
from studio.report.source import Data, read_data
from studio.runs import Run, list_runs, workspace_of
from studio.store import read_if_whole
from studio.train import trained_on
from studio.train.metrics import Curve, read_metrics_since
from studio.train.models import place_of
from studio.train.trained_on import Place
from studio.vote.votes import Standing, open_rows, read_standing

LEARNED_ON = "the run has learned on since"
DAMAGED = "its file is damaged, as by a power cut"
Found = TypeVar("Found")


@dataclass(frozen=True)
class Report:
    """What is None was not measured; `stale` says of a part why what there is of it does not count.

    `hidden`: rows of open ballots; `others`: how many more runs were measured on the same held-out part; `beside`: who
    was asked this run's questions too.
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
    trained_on: tuple[Place, ...]
    data: Data | None
    base: dict[str, Any]
    others: int
    beside: tuple[Scored, ...]
    stale: dict[str, str]

    def missing(self, part: str, what: str, how: str) -> Missing:
        """With the reason, where there was something that does not count any more."""
        why = self.stale.get(part)
        return Missing(f"{what} ({why})" if why else what, how)


def gather(run: Run) -> Report:
    stale: dict[str, str] = {}
    scores = _read("scores", lambda: read_scores(run), stale)
    if scores and is_outdated(run):
        scores, stale["scores"] = None, LEARNED_ON
    if scores and "by_example" not in scores:
        scores, stale["scores"] = None, "an older Tunesmith measured it, with less than a report needs"
    vote = _read("vote", lambda: read_standing(run), stale)
    if vote and not vote.round.is_of(run):
        vote, stale["vote"] = None, LEARNED_ON
    forgot = _read("forgot", lambda: read_quiz_of(run), stale)
    if not forgot and (run.folder / "quiz.json").exists():
        stale.setdefault("forgot", f"{LEARNED_ON}, or the quiz is another one")
    worth = _read("worth", lambda: read_worth(run), stale)
    if not worth and (run.folder / "worth.json").exists():
        stale.setdefault("worth", LEARNED_ON)
    judged = _read("judged", lambda: read_judged(run), stale)
    beside = _read("beside", lambda: read_scored(run), stale)
    data = None
    with contextlib.suppress(TunesmithError):  # a data set that was thrown away
        data = read_data(workspace_of(run.folder), run.recipe.data)
    base: dict[str, Any] = read_if_whole(place_of(workspace_of(run.folder), run.recipe.base) / "tunesmith.json") or {}
    return Report(
        run=run,
        written=now(),
        scores=scores,
        vote=vote,
        hidden=open_rows(run),
        judged=judged,
        forgot=forgot,
        worth=worth,
        curve=read_metrics_since(run.metrics, 0),
        story=tuple(run.story()),
        trained_on=tuple(trained_on.read(run.folder)),
        data=data,
        base=base,
        others=_count_others(run),
        beside=tuple(beside or ()),
        stale=stale,
    )


def _read(part: str, read: Callable[[], Found | None], stale: dict[str, str]) -> Found | None:
    """None also where the file is damaged, which `stale` then says of the part."""
    try:
        return read()
    except DamagedError:
        stale[part] = DAMAGED
        return None


def _count_others(run: Run) -> int:
    return sum(
        other.id != run.id and other.recipe.data == run.recipe.data and (other.folder / "scores.json").exists()
        for other in list_runs(workspace_of(run.folder))
    )
