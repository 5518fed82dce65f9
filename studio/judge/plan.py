"""What is said before anything is sent: what goes to whom."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from studio.judge.asking import Ask, Asked, list_asked, read_replies
from studio.judge.cost import Estimate, estimate, say_estimate
from studio.report.figures import listed
from studio.runs import Run
from studio.served import is_here


@dataclass(frozen=True)
class Plan:
    """What will be asked of whom. Who agrees says so by `mark`, which stands for just this."""

    words: str
    mark: str
    left: int
    estimate: Estimate


def make_plan(run: Run, ask: Ask) -> Plan:
    """What pressing the button would send where. `ask` is one that `require_ask` has seen. Raises: RunError."""
    asked = list_asked(run, ask)
    known = read_replies(run)
    left = [each for each in asked if not known.get(each.key, {}).get("judgement")]
    found = estimate(left, known.values(), asked)
    mark = hashlib.sha256(json.dumps([run.id, ask.identity, [each.key for each in left]]).encode()).hexdigest()[:16]
    words = f"{_say(run, ask, asked, left)}{f' {say_estimate(found, ask)}' if left else ''}"
    return Plan(words, mark, len(left), found)


def _say(run: Run, ask: Ask, asked: Sequence[Asked], left: Sequence[Asked]) -> str:
    total, questions = len(asked) // 2, len({each.pair.row for each in left})
    if not left:
        return f"Nothing is sent: {ask.name} has judged {_count(total)} already."
    kept = f" {total - questions} of {total} it has judged already." if questions < total else ""
    what = (
        f"{_count(questions)} with {_say_material(left, questions)}, {'' if questions == 1 else 'each '}twice with the "
        "sides swapped"
    )
    if ask.kind == "file":
        own = (
            "" if run.id not in Path(ask.path).parts[-2] else " It is this run’s own export, and likes its own answers."
        )
        return f"Nothing leaves this computer: {ask.name} reads {what}, here.{kept}{own}"
    parts = urlsplit(ask.address)
    host = f"{parts.scheme}://{parts.netloc}"
    if is_here(ask.address):
        note = ", a server on this computer; what it does with them, it must say itself."
    elif parts.scheme == "http":
        note = ". It is http, not https: who stands between can read along."
    else:
        note = "."
    verb = "goes" if questions == 1 else "go"
    return f"{what[:1].upper()}{what[1:]}, {verb} to {host}{note}{kept} Nothing else is sent."


def _say_material(left: Sequence[Asked], questions: int) -> str:
    """What of a question is read beside it: only what some of them have."""
    pairs = [each.pair for each in left]
    has_system = any(message.role == "system" for pair in pairs for message in pair.prompt)
    has_wanted = any(pair.wanted for pair in pairs)
    found = [name for name, has in (("system prompt", has_system), ("wanted answer", has_wanted)) if has]
    own = [f"its {name}" if questions == 1 else f"their {name}s" for name in found]
    return listed([*own, "both answers"])


def _count(questions: int) -> str:
    return f"{questions} question{'s' * (questions != 1)}"
