"""What the answers of base and tuned say: measures that suit or were chosen, with intervals, and a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from studio.errors import SettingError
from studio.scores.choice import Choice, decides, require_at_hand, require_sense, say_choice
from studio.scores.comparison import Values, compare
from studio.scores.expected import learn_expected
from studio.scores.form import by_field
from studio.scores.measures import ALL, MEASURES, Example, Measure
from studio.scores.own_question import doubt
from studio.scores.suiting import suiting
from studio.scores.verdict import judge

Losses = tuple[Values, Values]


def weigh(wanted: Sequence[str], rows: Sequence[dict[str, Any]], choice: Choice | None = None) -> dict[str, Any]:
    """main, suited, why, measures (id -> examples, word, base, tuned, difference), verdict (word, reason).

    And of single examples: by_example {measure, base, tuned}, values in the order of `rows`, None where the measure
    says nothing of it; fields (name -> wanted, base, tuned): in how many answers a field was wanted, and was right.
    And of the choice: chosen, as_dict() or None; by_hand, sentences, empty where the data decide; expected, as_dict();
    apply, ids of the measures that say something of these examples.

    Args:
        wanted: The wanted answers of the whole data set: what they have in common is learned from all of them.
        rows: Of each held-out example wanted, base and tuned, and base_loss and tuned_loss where they are known.
        choice: What the person measures by.

    Raises: SettingError if the choice makes no sense of these examples.
    """
    choice = choice or Choice()
    learned = learn_expected(wanted)
    expected = choice.applied_to(learned)
    asked, base, tuned = ([str(row[side]) for row in rows] for side in ("wanted", "base", "tuned"))
    require_sense(choice, expected, asked, [*base, *tuned])
    suited = suiting([Example(text, learned) for text in asked])
    chosen = decides(choice, suited)
    examples = [Example(text, expected) for text in asked]
    losses = [row.get("base_loss") for row in rows], [row.get("tuned_loss") for row in rows]
    found = compare(examples, base, tuned, chosen.measures, losses)
    if choice.measure and choice.measure not in found:
        require_at_hand(MEASURES[choice.measure])
        raise SettingError(
            f"“{MEASURES[choice.measure].title}” says nothing of these examples.",
            "Let another measure decide, or give what it needs: a pattern, labels or a schema.",
        )
    verdict = doubt(judge(found, chosen.main, asked), chosen.main, examples, tuned)
    word = found[suited.main].word if suited.main in found else ""
    return {
        "main": chosen.main,
        "suited": suited.main,
        "why": suited.reason,
        "by_hand": say_choice(choice, chosen.main, suited.main, word),
        "chosen": choice.as_dict() if choice else None,
        "expected": expected.as_dict(),
        "apply": [measure.id for measure in ALL if _applies(measure, examples, losses)],
        "measures": {name: comparison.as_dict() for name, comparison in found.items()},
        "verdict": {"word": verdict.word, "reason": verdict.reason},
        "by_example": _by_example(chosen.main, examples, base, tuned, losses),
        "fields": _by_field(examples, base, tuned),
    }


def _applies(measure: Measure, examples: Sequence[Example], losses: Losses) -> bool:
    if measure.value is not None:
        return any(measure.value(example, example.wanted) is not None for example in examples)
    if measure.id == "macro_f1":
        return _applies(MEASURES["label_right"], examples, losses)
    return any(None not in pair for pair in zip(*losses, strict=True))


def _by_example(
    main: str, examples: Sequence[Example], base: Sequence[str], tuned: Sequence[str], losses: Losses
) -> dict[str, Any]:
    """By the measure that decides; where that is one of all examples together, by what it is made of."""
    if main in ("loss", "perplexity"):
        return {"measure": "loss", "base": losses[0], "tuned": losses[1]}
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
