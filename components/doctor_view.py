"""What the doctor says of a run's curve."""

from __future__ import annotations

from functools import lru_cache
from html import escape
from pathlib import Path

from components.notices import show_note
from studio.data.datasets import open_dataset
from studio.errors import TunesmithError
from studio.runs import Run, workspace_of
from studio.train.doctor import Remark, RunFacts, diagnose, marks
from studio.train.doctor.follow import Follower
from studio.train.recipe import count_warmup_steps

ENDED = ("done", "stopped", "failed")  # what has paused, or was cut off, may go on
URGENT = ("bad", "warning", "good", "note")  # a curve that is well is said to be so before its small faults
SIGNS = {"good": "✓", "note": "▲", "warning": "▲", "bad": "✖"}


def facts_of(run: Run) -> RunFacts:
    steps = int(run.status.get("steps") or 0)
    try:
        examples = open_dataset(workspace_of(run.folder), run.recipe.data).counts["train"]
    except TunesmithError:
        examples = 0
    return RunFacts(
        steps=steps,
        ended=run.state in ENDED,
        heldout_examples=int(run.status.get("heldout_examples") or 0),
        warmup_steps=count_warmup_steps(run.recipe, steps),
        epochs=run.recipe.epochs,
        examples=examples,
    )


def examine(run: Run) -> list[Remark]:
    """The most important first."""
    series = _followed(run.metrics).series()
    return diagnose(series, facts_of(run)) if series else []


def spikes_of(run: Run) -> list[tuple[int, str, str]]:
    series = _followed(run.metrics).series()
    return marks(series, facts_of(run)) if series else []


@lru_cache(maxsize=8)
def _followed(path: Path) -> Follower:
    return Follower(path)


def show_doctor(run: Run) -> str:
    """One sentence, the most important; the others fold away."""
    remarks = sorted(examine(run), key=lambda remark: URGENT.index(remark.severity))
    if not remarks:
        return ""
    first, *others = remarks
    kind = {"good": "good", "bad": "bad", "warning": "bad"}.get(first.severity, "note")
    more = "".join(f"<li>{escape(remark.sentence)} {escape(remark.do)}</li>" for remark in others)
    folded = f'<details><summary>What else the curve says</summary><ul class="fine">{more}</ul></details>'
    return show_note(f"{SIGNS[first.severity]} {first.sentence} {first.do}".strip(), kind) + (folded if others else "")
