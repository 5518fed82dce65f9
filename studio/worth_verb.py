"""Was it worth it, and would it be: the verb `worth`, and what `score RUN --against prompt` does."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from studio.compare import proof
from studio.compare.chosen import keep_choice
from studio.compare.worth import notes_of, say_measure, titles_of
from studio.compare.worth_again import is_behind
from studio.compare.worth_job import Job, ask_worth, job_before, job_of_run, read_worth
from studio.data import intake
from studio.data.datasets import Dataset, open_current, open_dataset
from studio.errors import DamagedError, RunError
from studio.report import figures
from studio.report.figures import level_between
from studio.runs import Run
from studio.said import say, watch
from studio.scores.choice import Choice
from studio.scores.measures import MEASURES
from studio.train.models import STARTER, ensure_base
from studio.workspace import Workspace

Arguments = argparse.Namespace
Result = dict[str, Any]
SHOWN = (
    "examples",
    "of_all",
    "at_once",
    "main",
    "ways",
    "time",
    "differences",
    "chosen",
    "word",
    "recommendation",
    "do",
)


def add_worth_flags(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("data", metavar="DATA", help="a file of examples, or the name of a data set")
    verb.add_argument("--base", default=STARTER, help="starter, a folder, or a Hugging Face name")


def verb_worth(workspace: Workspace, given: Arguments) -> Result:
    """Before training: should one?"""
    dataset = _open(workspace, given.data)
    watch(ensure_base(workspace, given.base))
    job = job_before(workspace, dataset, given.base)
    watch(job.work())
    return _tell(job)


def _open(workspace: Workspace, data: str) -> Dataset:
    """A name means the version that the person works with now, name@version that one."""
    file = Path(data).expanduser()
    if file.exists():
        watch(intake.take_in(workspace, file))
        return intake.taken(workspace, file)
    return open_dataset(workspace, data) if "@" in data else open_current(workspace, data)


def score_against_prompt(run: Run, choice: Choice | None = None) -> Result:
    """By `choice` from now on, if one is given: what was answered is weighed by it, and nobody is asked again."""
    if choice is not None:
        _keep(run, choice)
    if choice is None or _lacks(run):
        watch(ask_worth(run))
    return _tell(job_of_run(run))


def _lacks(run: Run) -> bool:
    try:
        found = read_worth(run)
    except DamagedError as error:
        say(f"  {error.what} It is asked again; what was answered is kept.")
        return True
    return found is None or is_behind(run, found)


def _keep(run: Run, choice: Choice) -> None:
    """Tried on the answers there are. Scores of other weights than these are not weighed by it."""
    if proof.read_scores(run) and proof.is_outdated(run):
        keep_choice(run, choice)
    else:
        watch(proof.choose(run, choice))


def _tell(job: Job) -> Result:
    found = job.read()
    if found is None:
        raise RunError("What was found has vanished.", "Ask again.")
    measure = MEASURES[found["main"]]
    say("")
    for way, title in titles_of(found).items():
        each = found["ways"][way]
        quality = f"{figures.say(measure, each['quality']['value'])} ({level_between(measure, each['quality'])})"
        tokens = f"{each['prompt_tokens']:,.0f} + {each['answer_tokens']:,.0f} tokens"
        say(f"  {title:38} {quality:28} {tokens:22} {each['seconds']['value']:.2f} s a question")
    say(f"\n  {found['recommendation']}\n  {found['do']}\n")
    for note in filter(None, (say_measure(found), *notes_of(found))):
        say(f"  - {note}")
    more = {"by_hand": found.get("by_hand", ""), "choice": found.get("choice")}
    unused = {"failed": say_measure(found)} if found.get("not_used") else {}
    return {**{key: found[key] for key in SHOWN}, **more, **unused}
