"""Votes as preference rows: prompt, chosen, rejected, as TRL's DPOTrainer takes them and as Data reads them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from studio.errors import RunError
from studio.runs import Run, workspace_of
from studio.store import read_rows, write_whole
from studio.vote.votes import Row, votes_file


def read_preferences(run: Run) -> list[dict[str, Any]]:
    """A row for each standing vote, of all rounds, that found one answer better; each pair of answers once, as it was
    judged last."""
    votes: dict[tuple[int, int], Row] = {}
    for row in read_rows(votes_file(run)):
        votes.pop((row["round"], row["place"]), None)
        if not row.get("undone"):
            votes[row["round"], row["place"]] = row
    return list(_as_preferences(votes.values()))


def _as_preferences(votes: Iterable[Row]) -> Iterable[dict[str, Any]]:
    newest: dict[tuple[str, ...], dict[str, Any] | None] = {}
    for row in votes:
        prompt = [{name: value for name, value in said.items() if name != "weight"} for said in row["prompt"]]
        pair = (json.dumps(prompt), *sorted((row["left"], row["right"])))
        newest.pop(pair, None)
        newest[pair] = {"prompt": prompt, **_judged(row)} if row["vote"] in ("left", "right") else None
    return (preference for preference in newest.values() if preference)


def _judged(row: Row) -> dict[str, Any]:
    better = row["vote"]
    worse = "right" if better == "left" else "left"
    return {
        "chosen": [{"role": "assistant", "content": row[better]}],
        "rejected": [{"role": "assistant", "content": row[worse]}],
    }


def write_preferences(run: Run) -> Path:
    """Write them as JSONL among the exports. Raises: RunError if no vote found one answer better."""
    rows = read_preferences(run)
    if not rows:
        raise RunError("No vote says yet which answer is better.", "Vote left or right at least once.")
    path = workspace_of(run.folder).exports / f"{run.id}-preferences.jsonl"
    write_whole(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return path
