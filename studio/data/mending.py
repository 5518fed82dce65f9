"""Findings are mended by a process of its own, into a new version; before that one may look at what it does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from studio.data.audit.finding import Finding
from studio.data.audit.run import Audit
from studio.data.datasets import Dataset, open_dataset, read_choices
from studio.data.examples import Placed
from studio.data.fixes import BY_CHECK, Around, Fix
from studio.data.review import read_review
from studio.data.tokens import load_tokenizer
from studio.data.versions import Difference, make_version
from studio.errors import DataError
from studio.tasks import Progress, Report, follow, result_of
from studio.workspace import Workspace


def open_findings(dataset: Dataset, found: Audit) -> list[Finding]:
    """What was found and not waved through."""
    fine = read_choices(dataset.root)["fine"]
    left = []
    for finding in found.findings:
        waved = _waved(fine, finding)
        if rows := [row for row in finding.rows if row not in waved]:
            left.append(replace(finding, rows=rows, count=len(rows)))
    return left


def waved_through(dataset: Dataset, found: Audit) -> list[Finding]:
    """What was found and is fine here, by the person's own word."""
    fine = read_choices(dataset.root)["fine"]
    return [
        Finding(f.check, rows, len(rows))
        for f in found.findings
        if (waved := _waved(fine, f)) and (rows := [row for row in f.rows if row in waved])
    ]


def _waved(fine: dict[str, Any], finding: Finding) -> set[int]:
    known = fine.get(finding.check.id, [])
    return set(finding.rows if known == "all" else known)


def safe_fixes(findings: Iterable[Finding]) -> list[Fix]:
    return [fix for finding in findings if (fix := BY_CHECK.get(finding.check.id)) and fix.safe]


def preview(dataset: Dataset, finding: Finding, around: Around, most: int) -> list[Difference]:
    """What the mend of a finding would change, for the first rows that it changes."""
    fix = BY_CHECK[finding.check.id]
    rows = islice(fix.rows(dataset, finding), most)  # those of all clusters may be many
    return [Difference(placed[0].row, placed, fix.apply(placed, around)) for placed in dataset.rows(rows)]


def _rows_of(fix: Fix, dataset: Dataset, finding: Finding) -> list[int]:
    return sorted(set(fix.rows(dataset, finding)))


def mend(
    workspace: Workspace, dataset: Dataset, checks: Sequence[str], base: str, max_length: int
) -> Iterator[Progress]:
    """Make a version in which these findings are mended; `mended` has it. Raises: TunesmithError."""
    note = _note(dataset)
    note.unlink(missing_ok=True)
    yield from follow(workspace, note, "mend", workspace.root, dataset.ref, base, str(max_length), ",".join(checks))


def mended(workspace: Workspace, dataset: Dataset) -> Dataset:
    return open_dataset(workspace, result_of(_note(dataset))["dataset"])


def mend_now(
    workspace: Workspace,
    dataset: Dataset,
    checks: Sequence[str],
    base: str,
    tokenizer: Path,
    max_length: int,
    report: Report,
) -> dict[str, Any]:
    """What the process does. Raises: DataError if it is not known what is wrong."""
    found = read_review(dataset, base, max_length)
    if found is None:
        raise DataError(f"{dataset.title} has not been looked at yet.", "Open it in Data; then mend it.")
    around = Around(load_tokenizer(tokenizer), max_length)
    plans = [
        (fix, set(_rows_of(fix, dataset, finding)))
        for finding in open_findings(dataset, found)
        if finding.check.id in checks and (fix := BY_CHECK.get(finding.check.id))
    ]
    if not plans:
        raise DataError("There is nothing to mend.", "What was found is fine here, or has no mend.")
    counts: Counter[str] = Counter()

    def change(placed: Placed) -> Placed | None:
        row, after = placed[0].row, placed
        for fix, rows in plans:
            if row in rows:
                before, result = after, fix.apply(after, around)
                counts[fix.check] += result != before
                if result is None:
                    return None
                after = result
        return after

    def did() -> list[str]:
        return [fix.sentence(counts[fix.check]) for fix, _ in plans if counts[fix.check]]

    return {"dataset": make_version(workspace, dataset, change, did, report=report).ref}


def _note(dataset: Dataset) -> Path:
    return dataset.folder / "mend.task.json"
