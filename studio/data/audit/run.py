"""One pass over all examples, in pieces and on all cores; then the checks that look over what was kept of each."""

from __future__ import annotations

import multiprocessing
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy
import pandas

from studio.data.audit.checks import BY_ID, CHECKS, REFUSED, UNREADABLE
from studio.data.audit.facts import COLUMNS, describe
from studio.data.audit.finding import Example, Finding, Whole
from studio.data.audit.marks import special_pattern
from studio.data.chat_templates import OWN
from studio.data.conversation import Conversation
from studio.data.likeness import ShingleFile, Sketches
from studio.data.tokens import FolderTokenizer, Labelled, brings_template, label_tokens, load_tokenizer
from studio.errors import TemplateError
from studio.tasks import Progress, Report

PIECE = 2_000
MOST_REASONS = 3
LENGTH_STEP = 8  # tokens
Placed = tuple[Conversation, str]  # with its split
_ORDER = {"error": 0, "warning": 1, "note": 2}


@dataclass(frozen=True)
class Audit:
    """What was found, worst first, and the totals.

    `refused` counts what the model's chat template does not take; `lengths` are pairs of a length in tokens, rounded up
    to LENGTH_STEP, and how many examples have it. `refusals` has the template's reasons; `folded_systems` counts the
    system prompts that it has no place for, and that begin the first question.
    """

    findings: list[Finding]
    examples: int
    turns: int
    tokens: int
    learned_tokens: int
    cut_tokens: int
    refused: int
    lengths: list[list[int]]
    refusals: dict[str, int] = field(default_factory=dict)
    folded_systems: int = 0

    def as_dict(self) -> dict[str, Any]:
        totals = {name: value for name, value in vars(self).items() if name != "findings"}
        return {**totals, "findings": [f.as_dict() | {"clusters": f.clusters} for f in self.findings]}

    @classmethod
    def from_dict(cls, known: dict[str, Any]) -> Audit:
        findings = [
            Finding(BY_ID[f["check"]], f["rows"], f["count"], f["clusters"], f.get("reasons", []))
            for f in known["findings"]
        ]
        return cls(**{**known, "findings": findings})


@dataclass
class _Seen:
    """What one piece gave."""

    rows: dict[str, list[int]]
    facts: pandas.DataFrame
    sketches: Sketches
    turns: int
    refusals: Counter[str]


def audit(
    examples: Iterable[Placed],
    count: int | None,
    unreadable_rows: Sequence[int],
    tokenizer: Path,
    max_length: int,
    report: Report,
) -> Audit:
    """Run every check. `tokenizer` is the folder of the model that will learn; `count` is for the progress alone.

    `unreadable_rows` is looked at in the end, so that it may fill while `examples` are read.
    """
    pieces = _cut(examples)
    rows: defaultdict[str, list[int]] = defaultdict(list)
    facts: list[pandas.DataFrame] = []
    sketches, refusals = Sketches(shingles=ShingleFile()), Counter[str]()
    turns = done = 0
    for seen in _look_at_all(pieces, tokenizer, max_length):
        for id, found in seen.rows.items():
            rows[id] += found
        facts.append(seen.facts)
        sketches.extend(seen.sketches)
        turns += seen.turns
        refusals += seen.refusals
        done += len(seen.facts)
        of_all = f" of {count:,}" if count else ""
        report(Progress(f"Looking at the examples: {done:,}{of_all}", 0.9 * done / count if count else None))
    rows[UNREADABLE.id] = list(unreadable_rows)
    table = _join(facts)
    whole = Whole(table, sketches)
    if len(table):
        judges = [(check.id, check.find) for check in CHECKS if check.find]
        for number, (id, find) in enumerate(judges):
            report(Progress(f"Checking all together: {id.replace('_', ' ')}", 0.9 + 0.1 * number / len(judges)))
            rows[id] = sorted(find(whole))
    alike = [whole.rows_at(cluster) for cluster in whole.clusters]
    clusters = {"near_duplicate": alike}
    reasons = {REFUSED.id: [f"{count:,}: {reason}" for reason, count in refusals.most_common(MOST_REASONS)]}
    findings = [
        Finding(check, rows[check.id], len(rows[check.id]), clusters.get(check.id, []), reasons.get(check.id, []))
        for check in CHECKS
        if rows[check.id]
    ]
    return Audit(
        sorted(findings, key=lambda finding: _ORDER[finding.check.severity]),
        len(table),
        turns,
        tokens=int(table["tokens"].sum()),
        learned_tokens=int(table["learned_tokens"].sum()),
        cut_tokens=int(table["cut_tokens"].sum()),
        refused=int((table["tokens"] == 0).sum()),
        lengths=_lengths(table["tokens"]),
        refusals=dict(refusals.most_common()),
        folded_systems=0 if _has_system_role(tokenizer) else int(table["has_system"].sum()),
    )


def _has_system_role(tokenizer: Path) -> bool:
    return load_tokenizer(tokenizer, OWN if brings_template(tokenizer) else "chatml").has_system_role


def _lengths(tokens: pandas.Series[int]) -> list[list[int]]:
    steps = -(-tokens[tokens > 0] // LENGTH_STEP)
    values, counts = numpy.unique(steps.to_numpy(), return_counts=True)
    return [[int(value) * LENGTH_STEP, int(count)] for value, count in zip(values, counts, strict=True)]


def _cut(examples: Iterable[Placed]) -> Iterator[list[Placed]]:
    rest = iter(examples)
    while piece := list(islice(rest, PIECE)):
        yield piece


def _look_at_all(pieces: Iterator[list[Placed]], tokenizer: Path, max_length: int) -> Iterator[_Seen]:
    """In this process where there is little, else in one for each core; a few pieces ahead, in their order."""
    cores = os.cpu_count() or 1
    first = list(islice(pieces, 2))
    pieces = chain(first, pieces)
    if len(first) < 2 or cores == 1:
        reader = _Reader(tokenizer, max_length)
        yield from map(reader.look_at, pieces)
        return
    # Not forked: the window's process has threads, and a fork keeps their locks.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(cores, context, _open_reader, (tokenizer, max_length)) as pool:
        waiting: list[Future[_Seen]] = [pool.submit(_look_at, piece) for piece in islice(pieces, cores + 2)]
        while waiting:
            yield waiting.pop(0).result()
            waiting += [pool.submit(_look_at, piece) for piece in islice(pieces, 1)]


class _Reader:
    def __init__(self, tokenizer: Path, max_length: int) -> None:
        self.tokenizer: FolderTokenizer = load_tokenizer(tokenizer, OWN if brings_template(tokenizer) else "chatml")
        self.refusals = Counter[str]()
        self.max_length = max_length
        self.special_marks = special_pattern(self.tokenizer)
        self.end_ids = frozenset(self.tokenizer.tokenizer.get_added_tokens_decoder())

    def look_at(self, piece: list[Placed]) -> _Seen:
        self.refusals.clear()
        examples = [Example(c, self._label(c), self.special_marks, self.end_ids) for c, _ in piece]
        rows = {
            check.id: [e.conversation.row for e in examples if next(iter(check.look(e)), None)]
            for check in CHECKS
            if check.look
        }
        facts, sketches = describe(examples, [split for _, split in piece])
        return _Seen(rows, facts, sketches, sum(len(c.turns) for c, _ in piece), Counter(self.refusals))

    def _label(self, conversation: Conversation) -> Labelled | None:
        try:
            return label_tokens(conversation, self.tokenizer, self.max_length)
        except TemplateError as error:
            self.refusals[error.what] += 1
            return None


_reader: _Reader


def _open_reader(tokenizer: Path, max_length: int) -> None:
    global _reader
    _reader = _Reader(tokenizer, max_length)


def _look_at(piece: list[Placed]) -> _Seen:
    return _reader.look_at(piece)


def _join(facts: list[pandas.DataFrame]) -> pandas.DataFrame:
    """One table. Categories of pieces differ, so they are united first: else each text would be kept by itself."""
    if not facts:
        return pandas.DataFrame(columns=list(COLUMNS)).astype(COLUMNS)
    for name in facts[0].select_dtypes("category"):
        united = pandas.api.types.union_categoricals([piece[name] for piece in facts]).categories
        for piece in facts:
            piece[name] = piece[name].cat.set_categories(united)
    return pandas.concat(facts, ignore_index=True)
