"""What the answers of base and tuned say: measures that suit the data, with intervals, and a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from studio.scores.comparison import compare
from studio.scores.expected import learn_expected
from studio.scores.form import by_field
from studio.scores.measures import MEASURES, Example
from studio.scores.suiting import suiting
from studio.scores.verdict import judge


def weigh(wanted: Sequence[str], rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """main, why, measures (id -> examples, word, base, tuned, difference), verdict (word, reason).

    And of single examples: by_example {measure, base, tuned}, values in the order of `rows`, None where the measure
    says nothing of it; fields (name -> wanted, base, tuned): in how many answers a field was wanted, and was right.

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
        "by_example": _by_example(suited.main, examples, base, tuned),
        "fields": _by_field(examples, base, tuned),
    }


def _by_example(main: str, examples: Sequence[Example], base: Sequence[str], tuned: Sequence[str]) -> dict[str, Any]:
    """By the measure that decides; where that is one of all examples together, by the right label."""
    measure = MEASURES[main] if MEASURES[main].value else MEASURES["label_right"]
    assert measure.value is not None
    sides = {
        side: [measure.value(*pair) for pair in zip(examples, answers, strict=True)]
        for side, answers in (("base", base), ("tuned", tuned))
    }
    return {"measure": measure.id, **sides}


def _by_field(examples: Sequence[Example], base: Sequence[str], tuned: Sequence[str]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for example, *answers in zip(examples, base, tuned, strict=True):
        for side, answer in zip(("base", "tuned"), answers, strict=True):
            for name, right in (by_field(example.wanted, answer) or {}).items():
                field = found.setdefault(name, {"wanted": 0, "base": 0, "tuned": 0})
                field["wanted"] += side == "base"
                field[side] += right
    return found
