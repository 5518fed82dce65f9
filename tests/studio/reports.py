"""Runs that were measured, as their workers leave them, to be reported."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from studio.compare import ways
from studio.compare.weigh import weigh
from studio.compare.worth_job import job_of_run
from studio.data.datasets import open_dataset, save_dataset
from studio.data.formats import convert_rows
from studio.data.read import Row
from studio.quiz.forget import state_of
from studio.quiz.reading import read_quiz
from studio.quiz.result import OffTopic, judge
from studio.report.document import as_plain, build_document
from studio.report.gather import gather
from studio.runs import Run, open_run
from studio.store import append_row, write_json
from studio.train.recipe import make_recipe, write_recipe
from studio.vote.ballots import begin_or_extend
from studio.vote.votes import cast, read_standing
from studio.workspace import Workspace

HOSTILE = (
    '#panic("out")',
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(2)>",
    '$ x^2 $ #let a = read("secret") *bold* _slanted_ @label // said',
    "שלום עולם, זו תשובה",
    "你好世界",
    "family 👩‍👩‍👧 and face 😀",
    "w" * 400,
    "a nul \x00 and an escape \x1b[31m",
    "{{ 7 * 7 }} {% raw %} \\ \"quoted\" 'single' & ampersand",
)
Said = Callable[[int, str], str]  # (row, wanted) -> what a model answers


def ticket(number: int) -> str:
    return json.dumps({"order": str(1000 + number), "wish": ("refund", "exchange")[number % 2]})


def make_run(
    workspace: Workspace,
    wanted: Callable[[int], str] = ticket,
    question: Callable[[int], str] = lambda number: f"Where is parcel {number * 7919}?",
    name: str = "2026-11-24-1530-orders",
    examples: int = 300,
) -> Run:
    """One that has ended and was not measured; three in ten are held out."""
    rows = [Row(n, {"question": question(n), "answer": wanted(n)}) for n in range(examples)]
    if not (workspace.datasets / "orders").exists():
        save_dataset(workspace, "orders", "orders.jsonl", convert_rows(rows))
    folder = workspace.runs / name
    write_recipe(folder / "recipe.yaml", make_recipe(data="orders", epochs=2, lora_rank=8))
    write_json(folder / "state.json", {"state": "done", "step": 60, "epoch": 2.0, "seconds": 90, "kept_step": 60})
    write_json(folder / "adapter" / "adapter_config.json", {"peft_version": "0.21.2"})
    for step in range(61):
        append_row(folder / "metrics.jsonl", {"step": step, "loss": 2 / (step + 1), "smooth": 2 / (step + 1)})
        if step % 20 == 0:
            append_row(folder / "metrics.jsonl", {"step": step, "heldout_loss": 2.1 / (step + 1)})
    run = open_run(workspace, name)
    run.tell("Done after 60 steps.")
    return run


def score(run: Run, base: Said, tuned: Said) -> list[dict[str, Any]]:
    """Leave scores as the worker does. Gives the answers."""
    dataset = open_dataset(Workspace(run.folder.parent.parent), run.recipe.data)
    answers = [
        {
            "row": each.row,
            "prompt": each.prompt[-1].content,
            "wanted": each.wanted,
            "base": base(each.row, each.wanted),
            "tuned": tuned(each.row, each.wanted),
            "base_loss": 2.0 + each.row % 3 / 10,
            "tuned_loss": 0.1 + each.row % 5 / 100,
        }
        for each in dataset.conversations("test")
    ]
    found = weigh([each.wanted for each in dataset.conversations()], answers)
    write_json(run.folder / "scores.json", {"examples": len(answers), **found, "answers": answers})
    return answers


def quiz(run: Run, lost: int = 0, gained: int = 0) -> None:
    """All right before but the last `gained` questions; after, the first `lost` are wrong. Of those with options."""
    known = read_quiz()
    right = [
        {"scores": [float(option == item.right) for option in item.options]} if item.options else {"text": ""}
        for item in known.items
    ]
    wrong = [{"scores": [float(option != item.right) for option in item.options]} for item in known.items]
    after = [bad if place < lost and item.options else good
             for place, (good, bad, item) in enumerate(zip(right, wrong, known.items, strict=True))]  # fmt: skip
    first = len(right) - gained
    before = [bad if place >= first and item.options else good
              for place, (good, bad, item) in enumerate(zip(right, wrong, known.items, strict=True))]  # fmt: skip
    plain = ["It is blue."] * len(known.off_topic)
    found = judge(known, before, after, OffTopic(None, known.off_topic, plain, plain), run.recipe)
    write_json(run.folder / "quiz.json", {"of": state_of(run), **found})


def ask_worth(run: Run, **right: int) -> None:
    """Leave worth.json as the worker does: so many of the held-out questions right in each way."""
    dataset = open_dataset(Workspace(run.folder.parent.parent), run.recipe.data)
    asked = dataset.conversations("test")
    wanted = [each.wanted for each in asked]
    answers = {
        way: [ways.Said(text if n < many else "Hello!", 400 if way == "prompt" else 40, 8, True)
              for n, text in enumerate(wanted)]
        for way, many in right.items()
    }  # fmt: skip
    seconds = {"base": 0.5, "prompt": 1.8, "tuned": 0.6}
    times = {
        way: [ways.Spent(10, 10 * seconds[way], seconds[way]), ways.Spent(10, 11 * seconds[way], 0.1)] for way in right
    }
    shown = [{"row": each.row, "question": each.prompt[-1].content, "answer": each.wanted}
             for each in dataset.conversations("train")[:3]]  # fmt: skip
    chosen = {"how": "spread", "sets": 9, "weighed": 16, "part": "validation", "loss": 0.4, "loss_without": 1.9}
    found = ways.weigh_ways([each.wanted for each in dataset.conversations()], wanted, answers, times, len(shown))
    known = {"of": job_of_run(run).of, "examples": len(asked), "of_all": len(asked), "at_once": 8, "most_tokens": 40}
    rows = [
        {"row": each.row, "question": each.prompt[-1].content, "wanted": each.wanted}
        | {way: answers[way][place].text for way in right}
        for place, each in enumerate(asked)
    ]
    result = {**known, **found, "chosen": {**chosen, "examples": shown}, "answers": rows}
    write_json(run.folder / "worth.json", result)


def vote(run: Run, choices: Sequence[str]) -> None:
    """Each for the maker named, or for neither; the questions after them stay open."""
    begin_or_extend(run)
    for maker in choices:
        standing = read_standing(run)
        assert standing
        ballot = standing.next
        assert ballot
        choice = "both good" if maker == "neither" else "left" if ballot.left == maker else "right"
        assert cast(run, ballot.mark, choice, who="Ada")


def document_of(run: Run) -> dict[str, Any]:
    return as_plain(build_document(gather(run)))


def section_of(document: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(section for section in document["sections"] if section["id"] == name)
    return found


def words_of(part: Any) -> str:
    """All text in a part of a document."""
    if isinstance(part, dict):
        return " ".join(words_of(each) for name, each in part.items() if name not in ("svg", "kind", "tone"))
    return " ".join(map(words_of, part)) if isinstance(part, list) else part if isinstance(part, str) else ""
