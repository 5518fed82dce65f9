"""What the answers of base and tuned say: measures that suit the data, with intervals, and a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from studio.scores.comparison import compare
from studio.scores.expected import learn_expected
from studio.scores.measures import Example
from studio.scores.suiting import suiting
from studio.scores.verdict import judge


def weigh(wanted: Sequence[str], rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """main, why, measures (id -> examples, word, base, tuned, difference), verdict (word, reason).

    Args:
        wanted: The wanted answers of the whole data set: what they have in common is learned from all of them.
        rows: Of each held-out example wanted, base and tuned, and base_loss and tuned_loss where they are known.
    """
    expected = learn_expected(wanted)
    examples = [Example(row["wanted"], expected) for row in rows]
    suited = suiting(examples)
    base, tuned = ([str(row[side]) for row in rows] for side in ("base", "tuned"))
    losses = [row.get("base_loss") for row in rows], [row.get("tuned_loss") for row in rows]
    found = compare(examples, base, tuned, suited.measures, losses)
    verdict = judge(found, suited.main)
    return {
        "main": suited.main,
        "why": suited.reason,
        "measures": {name: comparison.as_dict() for name, comparison in found.items()},
        "verdict": {"word": verdict.word, "reason": verdict.reason},
    }
