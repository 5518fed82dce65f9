"""The verb `score`: measure a run, by what suits or by what was chosen, as the window does."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from studio.compare import proof
from studio.compare.chosen import keep_choice
from studio.errors import SettingError
from studio.quiz.forget import forget_run, read_forgot
from studio.runs import Run, open_run
from studio.said import say, watch
from studio.scores.choice import Choice, make_choice
from studio.workspace import Workspace
from studio.worth_verb import score_against_prompt

Arguments = argparse.Namespace
Result = dict[str, Any]
FLAGS = ("measure", "pattern", "extract", "compare_as", "labels", "schema")


def add_flags(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("run", metavar="RUN")
    verb.add_argument("--against", choices=["prompt"], help="instead: beside the base with examples in its prompt")
    verb.add_argument("--measure", metavar="ID", help="let this one decide; “auto”: what suits the data")
    verb.add_argument("--pattern", metavar="RE", help="a regular expression that an answer must match")
    verb.add_argument("--extract", metavar="RE", help="takes the result out of an answer: its first group, or all")
    verb.add_argument("--compare-as", choices=["number", "text"], help="how two results are compared")
    verb.add_argument("--labels", metavar="A,B,C", help="the labels, where they are not to be seen in the data")
    verb.add_argument("--schema", metavar="FILE", help="a JSON schema that an answer must keep to")


def verb_score(workspace: Workspace, given: Arguments) -> Result:
    """What was chosen once is kept with the run; any of the flags replaces all of it."""
    run = open_run(workspace, given.run)
    chosen = any(getattr(given, flag) is not None for flag in FLAGS)
    if given.against and chosen:
        raise SettingError("Against the prompt it is measured by what suits the data.", "Leave the other flags out.")
    if given.against:
        return score_against_prompt(run)
    _measure(run, _read_choice(given) if chosen else None)
    if not chosen or read_forgot(run) is None:
        watch(forget_run(run))
    return _tell(run, proof.read_scores(run) or {})


def _measure(run: Run, choice: Choice | None) -> None:
    """A choice is tried on the answers there are; both are asked where there are none of these weights."""
    if choice is not None and proof.read_scores(run) and not proof.is_outdated(run):
        watch(proof.choose(run, choice))
        return
    if choice is not None:
        keep_choice(run, choice)
    watch(proof.score_run(run))


def _read_choice(given: Arguments) -> Choice:
    schema = ""
    if given.schema is not None:
        try:
            schema = Path(given.schema).expanduser().read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise SettingError(f"{given.schema} could not be read: {error}.", "Give a file of JSON.") from error
    labels = "\n".join((given.labels or "").split(","))
    pattern, extract = given.pattern or "", given.extract or ""
    return make_choice(given.measure or "", pattern, extract, given.compare_as or "", labels, schema)


def _tell(run: Run, scores: Result) -> Result:
    for name in scores["tuned"]:
        say(f"  {name:14} before {scores['base'].get(name, 0):6.1%}   after {scores['tuned'][name]:6.1%}")
    say(f"  {scores['verdict']['word']}: {scores['verdict']['reason']}")
    if scores["by_hand"]:
        say(f"  {scores['by_hand']}")
    forgot = read_forgot(run)
    if forgot:
        say(
            f"  forgot: {forgot['light']}, {forgot['before']:.0%} of the quiz right before, {forgot['after']:.0%} after"
        )
    difference = {name: each["difference"] for name, each in scores["measures"].items()}
    shown = {key: scores[key] for key in ("examples", "base", "tuned", "verdict", "main", "by_hand", "chosen")}
    unused = scores.get("not_used")
    failed = {"failed": f"What was chosen was not used. {unused['what']} {unused['do']}"} if unused else {}
    return {**shown, "difference": difference, "forgot": forgot, **failed}
