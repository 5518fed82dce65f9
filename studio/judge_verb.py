"""The verb `judge`: another model rates the answers, as in the window; what goes where is said before it goes."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from typing import Any

from studio.errors import RunError, SettingError, TunesmithError
from studio.judge import job
from studio.judge.asking import MOST, USUAL, Ask, require_ask
from studio.judge.cost import cost, prices_of, read_used, say_broken_off, say_used
from studio.judge.form import BEST, WORST
from studio.judge.plan import Plan, make_plan
from studio.judge.result import read_judged
from studio.judge.said import say_lost, say_preference, tally_in
from studio.runs import Run, open_run
from studio.said import say, watch
from studio.vote.tally import say_interval, say_tally
from studio.workspace import Workspace

Arguments = argparse.Namespace
Result = dict[str, Any]
YES = ("y", "yes")
SHOWN = (
    "judge",
    "examples",
    "counted",
    "swayed",
    "swayed_to_first",
    "unreadable",
    "same",
    "won",
    "lost",
    "tied",
    "p_value",
    "low",
    "high",
    "criteria",
    "kappa",
    "tokens",
    "prices",
)


def add_judge_flags(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("run", metavar="RUN")
    who = verb.add_mutually_exclusive_group()
    who.add_argument(
        "--address", metavar="URL", help="of an OpenAI-compatible server, such as http://localhost:11434/v1"
    )
    who.add_argument("--gguf", metavar="FILE", help="instead: a GGUF file judges on this computer")
    verb.add_argument("--model", metavar="NAME", help="by which the server knows the judge")
    verb.add_argument("--questions", type=_questions, metavar="N", help=f"how many, {USUAL} if it is not said")
    verb.add_argument("--price-in", type=float, metavar="P", help="of a million tokens that the judge reads")
    verb.add_argument("--price-out", type=float, metavar="P", help="of a million tokens that it writes")
    verb.add_argument("--yes", action="store_true", help="send without asking, for scripts")


def _questions(text: str) -> int:
    count = int(text)
    if not 1 <= count <= MOST:
        raise argparse.ArgumentTypeError(f"from 1 to {MOST:,}")
    return count


def verb_judge(workspace: Workspace, given: Arguments) -> Result:
    """Raises: SettingError if nobody is named, or nobody said yes; TunesmithError if it cannot judge."""
    run = open_run(workspace, given.run)
    ask = _read_ask(run, given)
    plan = make_plan(run, ask)
    say(f"  {plan.words}")
    _require_yes(ask, plan, given.yes)
    before = read_used(run, ask)
    job.begin(run, ask, agreed=plan.mark)
    try:
        watch(job.watch(run))
    except (KeyboardInterrupt, TunesmithError) as error:
        if isinstance(error, KeyboardInterrupt):
            job.stop(run)
            say("\n  Stopped. What is judged already is kept; the same command goes on.")
        if told := say_broken_off(read_used(run, ask).since(before), prices_of(ask)):
            say(f"  {told}")
        raise
    spent = read_used(run, ask).since(before)
    if told := say_used(spent, prices_of(ask)):
        say(f"  {told}")
    return _tell(run) | {"tokens_now": spent.as_dict()}


def _read_ask(run: Run, given: Arguments) -> Ask:
    """Who is named, else who was asked about this run before; the same judge keeps its number and its prices.

    Raises: SettingError or ModelError if nobody can be asked by it.
    """
    known = job.read_ask(run)
    named = require_ask(_read_who(known, given))
    prices = {name: getattr(given, name) for name in ("price_in", "price_out")}
    is_priced = any(price is not None for price in prices.values())
    if named.kind == "file" and (is_priced or given.model is not None):
        raise SettingError("A file on this computer has neither a model’s name nor prices.", "Leave them out.")
    if known and _who(known) == _who(named):
        named = known
    if is_priced:
        named = replace(named, **prices)
    return require_ask(replace(named, count=given.questions or named.count))


def _read_who(known: Ask | None, given: Arguments) -> Ask:
    if given.gguf is not None:
        return Ask("file", path=given.gguf)
    if given.address is None and given.model is None:
        if known is None:
            raise SettingError("Nobody is named to judge.", "Give --address URL and --model NAME, or --gguf FILE.")
        return known
    if given.address is None or given.model is None:
        lacking = "--address" if given.address is None else "--model"
        raise SettingError("A judge on a server has an address and a name there.", f"Give {lacking} too.")
    return Ask("server", address=given.address, model=given.model)


def _who(ask: Ask) -> tuple[str, ...]:
    return ask.kind, ask.address, ask.model, ask.path


def _require_yes(ask: Ask, plan: Plan, said: bool) -> None:
    """Raises: SettingError if what was said above may not be sent. A file sends nothing."""
    if said or ask.kind == "file" or not plan.left:
        return
    if not sys.stdin or not sys.stdin.isatty():
        raise SettingError(
            "Nothing was sent: there is no terminal on which somebody could say yes.",
            "Read above what would be sent where; if that is right, give --yes.",
        )
    say("  Send it? [y/N]")
    if sys.stdin.readline().strip().lower() not in YES:
        raise SettingError("Nothing was sent.", "Give the same command again, and y, if what it says is right.")


def _tell(run: Run) -> Result:
    found = read_judged(run)
    if found is None:
        raise RunError("What was judged has vanished.", "Judge again.")
    tally = tally_in(found)
    say(f"\n  {say_preference(found)}")
    for sentence in filter(None, (say_tally(tally) if tally.cast else "", say_interval(tally), *say_lost(found))):
        say(f"  {sentence}")
    if found["criteria"]:
        count = found["counted"]
        say(f"\n  Mean of {count} question{'s' * (count != 1)} that count, {WORST} to {BEST}, with 95 % intervals")
    for name, part in found["criteria"].items():
        before, after, change = (
            f"{part[side]['value']:{form}} ({part[side]['low']:{form}} to {part[side]['high']:{form}})"
            for side, form in (("before", ".1f"), ("after", ".1f"), ("difference", "+.1f"))
        )
        say(f"  {name:14} before {before:18} after {after:18} change {change:21} {part['word']}")
    say(f"\n  {found['kappa']['words']}")
    tokens, prices = found["tokens"], found["prices"]
    paid = cost(tokens["in"], tokens["out"], prices) if prices else None
    shown = {**{key: found[key] for key in SHOWN}, "cost": paid}
    if found["unreadable"] < found["examples"]:
        return shown
    return {**shown, "failed": "Not one question has two replies that could be read. Take another judge."}
