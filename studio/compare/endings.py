"""Answers that never come to an end: what a model that did not learn where to stop looks like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TOO_MANY = 0.2  # of the answers


def say_endless(found: Mapping[str, Any]) -> str:
    """What to do about a tuned model that writes on until it is stopped; empty where it ends its answers."""
    rows = [row for row in found.get("answers", []) if "tuned_finished" in row]
    endless = sum(row["tuned_finished"] is False for row in rows)
    if not rows or endless < TOO_MANY * len(rows):
        return ""
    return (
        f"{endless:,} of {len(rows):,} answers of the tuned model did not come to an end and were cut at the limit: "
        "it has not learned where to stop. Train it longer, see that 'Longest example' cuts no answers off, and that "
        "'Learn the answers only' is on."
    )
