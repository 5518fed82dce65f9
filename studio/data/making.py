"""More examples, made by a model in batches: each is looked at before it is kept, and says who made it.

workspace/making/2026-11-24-1530-orders/
  ask.json       what was asked for: never the key
  made.jsonl     what was kept    refused.jsonl   what was not, with the reason
  task.json      how far it is, or how it ended
"""

from __future__ import annotations

import json
import random
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from studio.data import formats
from studio.data.audit.checks import CHECKS
from studio.data.audit.finding import Example
from studio.data.audit.form import form_of, label_of
from studio.data.conversation import Conversation, Message
from studio.data.datasets import Dataset, save_dataset
from studio.data.likeness import LIKE, Shingles, fold, jaccard, key_of, sketch
from studio.data.looking import most_looked
from studio.data.maker import Maker, parse_pairs
from studio.data.read import Row
from studio.data.versions import make_version
from studio.errors import DataError
from studio.store import append_row, free_name, read_json, read_rows, write_json
from studio.tasks import Progress, Report, follow, stop_task
from studio.workspace import Workspace

BATCH = 5
SHOWN_SEEDS = 4
SHOWN_QUESTIONS = 10
MOST_EMPTY_BATCHES = 8  # in a row: whoever gives nothing usable so often will not
TASK = "task.json"


@dataclass(frozen=True)
class Ask:
    """What is wanted, of whom. Prices are for a million tokens, in whatever money the person counts in."""

    address: str
    model: str
    description: str = ""
    wanted: int = 50
    seeds: list[dict[str, str]] = field(default_factory=list)  # {"question", "answer"}
    passages: list[str] = field(default_factory=list)
    system: str = ""
    price_in: float = 0.0
    price_out: float = 0.0


@dataclass(frozen=True)
class Made:
    """How far a job is."""

    kept: int
    refused: int
    cost: float


def begin(workspace: Workspace, name: str, ask: Ask) -> Path:
    """A job's folder. Raises: DataError if there is nothing to make examples from."""
    if not (ask.description.strip() or ask.seeds or ask.passages):
        raise DataError("There is nothing to make examples from.", "Describe them, or bring seeds or a document.")
    if not ask.address.strip() or not ask.model.strip():
        raise DataError("Nobody was named to make them.", "Give the address of a server and the name of its model.")
    folder = workspace.root / "making"
    stamp = datetime.now().strftime("%Y-%m-%d-%H%M")
    job = folder / free_name(folder, f"{stamp}-{name or 'examples'}")
    write_json(job / "ask.json", asdict(ask))
    return job


def run(workspace: Workspace, job: Path) -> Iterator[Progress]:
    """Make them, or go on making them, in a process of its own. Raises: TunesmithError."""
    (job / TASK).unlink(missing_ok=True)
    yield from follow(workspace, job / TASK, "make", workspace.root, job)


def stop(job: Path) -> None:
    """What is made already stays."""
    stop_task(job / TASK)


def read_ask(job: Path) -> Ask:
    known = read_json(job / "ask.json")
    if known is None:
        raise DataError(f"There is no job {job.name}.", "Begin one in Data.")
    return Ask(**known)


def read_made(job: Path) -> Made:
    rows = [*read_rows(job / "made.jsonl"), *read_rows(job / "refused.jsonl")]
    kept = sum(1 for _ in read_rows(job / "made.jsonl"))
    return Made(kept, len(rows) - kept, sum(row["cost"] for row in read_rows(job / "asked.jsonl")))


def make(job: Path, maker: Maker, report: Report) -> dict[str, Any]:
    """What the process does: ask in batches until enough is kept. Raises: DataError if nothing usable comes."""
    ask = read_ask(job)
    gate = Gate(ask.seeds)
    for row in read_rows(job / "made.jsonl"):
        gate.remember(row["question"], row["answer"])
    draw = random.Random(f"{job.name} {gate.kept}")
    empty = 0
    while gate.kept < ask.wanted:
        so_far = read_made(job)
        spent = f", {so_far.cost:.2f} spent" if ask.price_in or ask.price_out else ""
        words = f"Made {so_far.kept} of {ask.wanted}, {so_far.refused} refused{spent}"
        report(Progress(words, so_far.kept / ask.wanted))
        reply = maker.ask(build_prompt(ask, draw, gate.newest), seed=draw.randrange(2**31))
        cost = (reply.tokens_in * ask.price_in + reply.tokens_out * ask.price_out) / 1e6
        append_row(job / "asked.jsonl", {"in": reply.tokens_in, "out": reply.tokens_out, "cost": cost})
        before = gate.kept
        for question, answer in parse_pairs(reply.text):
            reason = gate.objection(question, answer)
            row = {"question": question, "answer": answer}
            if reason:
                append_row(job / "refused.jsonl", {**row, "reason": reason})
            elif gate.kept < ask.wanted:
                gate.remember(question, answer)
                append_row(job / "made.jsonl", row)
        empty = 0 if gate.kept > before else empty + 1
        if empty == MOST_EMPTY_BATCHES:
            raise DataError(
                f"{ask.model} gave nothing usable {MOST_EMPTY_BATCHES} times in a row.",
                "See what was refused and why; describe more exactly, or ask a larger model.",
            )
    return asdict(read_made(job))


def build_prompt(ask: Ask, draw: random.Random, newest: Sequence[str] = ()) -> list[dict[str, str]]:
    parts = [f"What they are for: {ask.description.strip()}"] if ask.description.strip() else []
    if ask.passages:
        parts.append(f"Take what they say from this text alone:\n\n{draw.choice(ask.passages)}")
    if ask.seeds:
        shown = draw.sample(ask.seeds, min(SHOWN_SEEDS, len(ask.seeds)))
        parts.append("Examples of the kind that is wanted:\n" + json.dumps(shown, ensure_ascii=False))
    if newest:
        parts.append("Asked already: " + json.dumps(list(newest), ensure_ascii=False))
    parts.append(
        f"Write {BATCH} new ones of that kind. None may repeat another; vary names, numbers, length and wording. "
        "The answers keep the form of those shown."
    )
    system = (
        'You write training examples. Reply with one JSON object {"examples": [{"question": "...", "answer": "..."}]} '
        "and nothing else."
    )
    return [{"role": "system", "content": system}, {"role": "user", "content": "\n\n".join(parts)}]


class Gate:
    """What is let through: in the form of the seeds, not seen before, without a fault that the audit finds."""

    def __init__(self, seeds: Sequence[dict[str, str]]) -> None:
        self.kept = 0
        self.newest: deque[str] = deque(maxlen=SHOWN_QUESTIONS)
        self._keys: set[int] = set()
        self._shingles: list[Shingles] = []
        forms = {form_of(seed["answer"]) for seed in seeds}
        self._form = next(iter(forms)) if len(forms) == 1 and seeds else None
        labels = {label_of(seed["answer"]) for seed in seeds}
        is_closed = len(seeds) >= 10 and "" not in labels and len(labels) <= len(seeds) / 3
        self._labels = labels if is_closed else None
        for seed in seeds:
            self._know(seed["question"], seed["answer"])

    def remember(self, question: str, answer: str) -> None:
        """Count one that was kept."""
        self._know(question, answer)
        self.newest.append(question)
        self.kept += 1

    def _know(self, question: str, answer: str) -> None:
        folded = f"{fold(question)} ¶ {fold(answer)}"
        self._keys.add(key_of(fold(question)))
        self._shingles += sketch([folded]).shingles  # type: ignore[arg-type]

    def objection(self, question: str, answer: str) -> str:
        """Why it is not kept; empty if it is."""
        if not question or not answer:
            return "it has no question or no answer"
        if key_of(fold(question)) in self._keys:
            return "the question is there already"
        if self._form and self._form[0] != "text" and form_of(answer) != self._form:
            return "its answer has another form than those shown"
        if self._labels and label_of(answer) not in self._labels:
            return "its answer is none of the labels shown"
        new = sketch([f"{fold(question)} ¶ {fold(answer)}"]).shingles[0]
        if any(jaccard(new, known) >= LIKE for known in self._shingles):
            return "it is nearly the same as another"
        example = Example(Conversation((Message("user", question), Message("assistant", answer))), None)
        for check in CHECKS:
            if check.look and check.severity != "note" and next(iter(check.look(example)), None):
                return check.title.format(count=1, s="")
        return ""


def keep(workspace: Workspace, job: Path) -> Dataset:
    """What was made so far as a data set of its own, each example marked with who made it."""
    ask = read_ask(job)
    system = {"system": ask.system} if ask.system else {}
    rows = [
        Row(line, {"question": row["question"], "answer": row["answer"], "made_by": ask.model, **system})
        for line, row in enumerate(read_rows(job / "made.jsonl"), start=1)
    ]
    if not rows:
        raise DataError("Nothing has been made yet.", "Let it make some first.")
    name = job.name[len("2026-11-24-1530-") :]
    return save_dataset(workspace, f"{name} made", f"{ask.model} at {ask.address}", formats.convert_rows(rows))


def is_made(dataset: Dataset) -> bool:
    """Whether its examples were made by a machine."""
    return "made_by" in dataset.description.get("columns", ())


def require_looked(dataset: Dataset) -> None:
    """Raises: DataError if a machine made it and fewer than one in ten were looked through."""
    if not is_made(dataset):
        return
    looked = most_looked(dataset)
    needed = -(-int(dataset.description["examples"]) // 10)  # one in ten
    if looked < needed:
        raise DataError(
            f"A machine made {dataset.title}, and {looked} of its examples were looked through.",
            f"Look through at least {needed} of them under Sample in Data; then they count.",
        )


def join(workspace: Workspace, made: Dataset, target: Dataset) -> Dataset:
    """Add made examples to a data set, as a version of it that learns from them. Raises: DataError."""
    require_looked(made)
    start = max(int(target.index[-1, 0]) if len(target.index) else -1, int(target.description["rows"]) - 1) + 1
    added = []
    for number, (conversation, side) in enumerate(made.placed()):
        if side != "left_out":
            record = {**conversation.as_record(), "row": start + number}
            added.append((Conversation.from_record(record), "train"))  # what is measured stays what people wrote
    did = [f"{len(added):,} examples made by a machine added from {made.title}"]
    return make_version(workspace, target, lambda placed: placed, lambda: did, added)


def list_jobs(workspace: Workspace) -> list[Path]:
    """Newest first."""
    return sorted((note.parent for note in (workspace.root / "making").glob("*/ask.json")), reverse=True)
