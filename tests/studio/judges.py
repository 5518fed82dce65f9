"""Runs with answers to be judged, and judges that reply as a test says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from studio.data.datasets import save_dataset
from studio.data.formats import convert_rows
from studio.data.read import Row
from studio.judge.form import CRITERIA
from studio.runs import Run, open_run
from studio.store import write_json
from studio.train.recipe import make_recipe, write_recipe
from studio.workspace import Workspace
from tests.studio.serving import Answer, reply, said

GOOD, BAD = "A good answer.", "A poor one."
_SHOWN = re.compile(r"BEGIN (first|second) answer \[(\w+)\]\n(.*?)\nEND \1 answer \[\2\]", re.DOTALL)
Texts = tuple[str, str]


def make_scored_run(workspace: Workspace, answers: list[Texts]) -> Run:
    """A run that has ended, whose base and tuned answered these; their wanted answer is "Wanted n."."""
    rows = [Row(n, {"question": f"Question {n}?", "answer": f"Wanted {n}."}) for n in range(max(10, len(answers)))]
    save_dataset(workspace, "orders", "orders.jsonl", convert_rows(rows))
    folder = workspace.runs / "2026-11-24-1530-orders"
    write_recipe(folder / "recipe.yaml", make_recipe(data="orders"))
    write_json(folder / "state.json", {"state": "done", "step": 40})
    known = [
        {"row": n, "prompt": f"Question {n}?", "wanted": f"Wanted {n}.", "base": base, "tuned": tuned}
        for n, (base, tuned) in enumerate(answers)
    ]
    write_json(folder / "scores.json", {"examples": len(known), "answers": known})
    return open_run(workspace, folder.name)


def answers_in(body: dict[str, Any]) -> Texts:
    """The first and the second answer of what a judge was asked."""
    found = {name: text for name, _, text in _SHOWN.findall(body["messages"][1]["content"])}
    return found["first"], found["second"]


def judgement(better: str, first: int = 3, second: int = 3) -> str:
    """A reply in form, all scores of an answer the same."""
    sides = {
        name: {"reason": f"It is {score}.", **dict.fromkeys(CRITERIA, score)}
        for name, score in (("first", first), ("second", second))
    }
    return json.dumps({**sides, "better": better})


def judging(rule: Callable[[str, str], str]) -> Answer:
    """A server whose judge replies by a rule of the first and the second answer."""
    return lambda handler, body: reply(handler, 200, said(rule(*answers_in(body))))


def fair(first: str, second: str) -> str:
    """Likes what is good."""
    scores = {GOOD: 5, BAD: 2}
    one, other = scores.get(first, 3), scores.get(second, 3)
    return judgement("same" if one == other else "first" if one > other else "second", one, other)


def swayed(first: str, second: str) -> str:
    """Likes what stands first."""
    return judgement("first", 5, 2)
