"""The verb `score`: measure a run, by what suits or by what was chosen, as the window does."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from studio.compare import proof
from studio.compare.asking import Asking, asked_as, make_asking, read_asking, say_asking
from studio.compare.chosen import keep_choice
from studio.compare.endings import say_endless
from studio.compare.naming import find_other, name_of_other
from studio.compare.others import read_scored, say_untold, score_other
from studio.compare.skipped import say_skipped
from studio.errors import DamagedError, SettingError
from studio.quiz.forget import forget_run, read_forgot
from studio.report.figures import change_between, level_between, say_change
from studio.report.figures import say as say_value
from studio.runs import Run, open_run
from studio.said import say, watch
from studio.scores.choice import Choice, make_choice
from studio.scores.comparison import compare_fields
from studio.scores.measures import MEASURES
from studio.workspace import Workspace
from studio.worth_verb import score_against_prompt

Arguments = argparse.Namespace
Result = dict[str, Any]
FLAGS = ("measure", "pattern", "extract", "compare_as", "labels", "schema")
ASKING = ("questions", "temperature", "top_p", "seed")


def add_flags(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("run", metavar="RUN")
    verb.add_argument("--against", choices=["prompt"], help="instead: beside the base with examples in its prompt")
    verb.add_argument(
        "--other", action="append", default=[], metavar="WHO",
        help="ask somebody else too: a checkpoint (checkpoint-700), an exported file, another run; again for more",
    )  # fmt: skip
    verb.add_argument("--measure", metavar="ID", help="let this one decide; “auto”: what suits the data")
    verb.add_argument("--pattern", metavar="RE", help="a regular expression that an answer must match")
    verb.add_argument("--extract", metavar="RE", help="takes the result out of an answer: its first group, or all")
    verb.add_argument("--compare-as", choices=["number", "text"], help="how two results are compared")
    verb.add_argument("--labels", metavar="A,B,C", help="the labels, where they are not to be seen in the data")
    verb.add_argument("--schema", metavar="FILE", help="a JSON schema that an answer must keep to")
    verb.add_argument("--questions", metavar="N", type=int, help="ask so many, drawn by lot; 0: all held-out ones")
    verb.add_argument("--temperature", metavar="T", type=float, help="0: the likeliest word each time; above it dice")
    verb.add_argument(
        "--top-p", metavar="P", type=float, help="dice draw among the likeliest words of this share alone"
    )
    verb.add_argument("--seed", metavar="N", type=int, help="of the lot and the dice")


def verb_score(workspace: Workspace, given: Arguments) -> Result:
    """What was chosen once is kept with the run; any of the flags that choose replaces all of it.

    So it is with those that tell how the questions are asked.
    """
    run = open_run(workspace, given.run)
    chosen = any(getattr(given, flag) is not None for flag in FLAGS)
    how = [getattr(given, flag) for flag in ASKING]
    asking = None if how == [None] * len(ASKING) else make_asking(*how)
    if given.against and given.other:
        raise SettingError("Against the prompt nobody else is asked.", "Leave --other out, or --against.")
    if given.against and asking:
        raise SettingError("Against the prompt all is asked greedily.", "Leave out how it is asked.")
    if given.against:
        return score_against_prompt(run, _read_choice(given) if chosen else None)
    others = [find_other(run, name) for name in given.other]
    if chosen or asking or not others or not _is_measured(run):
        _measure(run, _read_choice(given) if chosen else None, asking)
    if not (chosen or others) or _lacks_quiz(run):
        watch(forget_run(run))
    for voice in dict.fromkeys(others):
        watch(score_other(run, voice))
    return _tell(run, proof.read_scores(run) or {})


def _is_measured(run: Run) -> bool:
    try:
        return proof.is_current(run)
    except DamagedError as error:
        say(f"  {error.what} Both are measured again; what was answered is kept.")
        return False


def _lacks_quiz(run: Run) -> bool:
    try:
        return read_forgot(run) is None
    except DamagedError as error:
        say(f"  {error.what} It is asked again.")
        return True


def _measure(run: Run, choice: Choice | None, asking: Asking | None) -> None:
    """A choice is tried on the answers there are; both are asked where there are none that are asked for."""
    if choice is not None and asking in (None, read_asking(run)) and _is_measured(run):
        watch(proof.choose(run, choice))
        return
    if choice is not None:
        keep_choice(run, choice)
    watch(proof.score_run(run, asking))


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
    if endless := say_endless(scores):
        say(f"  {endless}")
    if skipped := say_skipped(scores.get("skipped", 0)):
        say(f"  {skipped}")
    if how := say_asking(scores):
        say(f"  {how}")
    if scores["by_hand"]:
        say(f"  {scores['by_hand']}")
    forgot = read_forgot(run)
    if forgot:
        say(
            f"  forgot: {forgot['light']}, {forgot['before']:.0%} of the quiz right before, {forgot['after']:.0%} after"
        )
    difference = {name: each["difference"] for name, each in scores["measures"].items()}
    shown = {key: scores[key] for key in ("examples", "base", "tuned", "verdict", "main", "by_hand", "chosen")}
    shown |= {"skipped": scores.get("skipped", 0), "asking": asked_as(scores).as_dict()}
    unused = scores.get("not_used")
    failed = {"failed": f"What was chosen was not used. {unused['what']} {unused['do']}"} if unused else {}
    others: Result = {}
    try:
        others = _tell_others(run, scores["main"])
    except DamagedError as error:
        failed = {"failed": f"{error.what} {error.do}"}
    fields = _tell_fields(scores)
    return {**shown, "difference": difference, "fields": fields, "forgot": forgot, "others": others, **failed}


def _tell_fields(scores: Result) -> Result:
    """name -> base and tuned: right, of, value, low, high; difference, word, examples. The hardest first."""
    told: Result = {}
    for name, each in compare_fields(scores["answers"]).items():
        sides = {"base": each.base, "tuned": each.tuned}
        known = each.as_dict()
        for side, interval in sides.items():
            known[side] = {"right": round(interval.value * each.examples), "of": each.examples, **known[side]}
        told[name] = known
    return told


def _tell_others(run: Run, main: str) -> Result:
    """name -> measure -> value, low, high; and difference, to the base, difference_to_tuned and word."""
    told = {}
    for other in read_scored(run):
        name, measures, beside = name_of_other(run, other.voice), other.found["measures"], other.found["beside"]
        if not other.is_current:
            say(f"  {name}: it was asked with other weights, or other questions; ask it again with --other.")
            continue
        told[name] = {
            **{measure: each["tuned"] for measure, each in measures.items()},
            "difference": {measure: each["difference"] for measure, each in measures.items()},
            "difference_to_tuned": {measure: each["difference"] for measure, each in beside.items()},
            "word": other.found["verdict"]["word"],
        }
        say(f"  {name}: {_say_other(other.found, main)}")
    return told


def _say_other(found: Result, main: str) -> str:
    measure, each = MEASURES[main], found["measures"].get(main)
    if each is None:
        return say_untold(main, found)
    words = [f"{measure.title} {say_value(measure, each['tuned']['value'])} ({level_between(measure, each['tuned'])})"]
    sides = [("before", each["difference"], found["verdict"]["word"])]
    if main in found["beside"]:
        sides.append(("after", found["beside"][main]["difference"], found["beside"][main]["word"]))
    for side, difference, word in sides:
        change = f"{say_change(measure, difference['value'])} ({change_between(measure, difference)})"
        words.append(f"beside {side} {change}: {word}")
    return "; ".join(words)
