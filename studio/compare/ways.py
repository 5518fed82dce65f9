"""Weighing three ways to an answer against each other: by what suits the data, or by the measure that was chosen.

What comes of it stands in worth.json, see `studio.compare.worth`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from studio.compare.recommend import WAYS, Found, Recommendation, Way, Word, after_training, before_training
from studio.errors import SettingError
from studio.scores import intervals
from studio.scores.choice import Choice, is_by_hand, require_at_hand, require_sense, say_fields
from studio.scores.comparison import Comparison, compare, compare_values
from studio.scores.expected import learn_expected
from studio.scores.intervals import Interval
from studio.scores.measures import MEASURES, Example
from studio.scores.suiting import suiting


@dataclass(frozen=True)
class Said:
    """One way's answer to one question. `prompt_tokens` with the examples, where there are some."""

    text: str
    prompt_tokens: int
    tokens: int
    finished: bool


@dataclass(frozen=True)
class Spent:
    """On one batch: until its last answer was written, and of that until the first token of them."""

    questions: int
    seconds: float
    reading_s: float


MOST_LOG = 20.0  # beyond any ratio of two times
OF_ALL = "right"  # the measure that says something of every example
Answers = Mapping[Way, Sequence[Said]]
Times = Mapping[Way, Sequence[Spent]]
Texts = Mapping[Way, Sequence[str]]
Compared = Mapping[tuple[Way, Way], Comparison]
SAYS: Mapping[Word, str] = {
    "fine-tune": "keep the tuned one",
    "prompt": "a prompt is enough",
    "base": "take the base as it is",
    "can't tell": "can’t tell",
}


@dataclass(frozen=True)
class _Asked:
    """What was asked and answered, and what it took, whatever it is measured by. `ways` as in worth.json."""

    everything: Sequence[str]
    wanted: Sequence[str]
    texts: Texts
    ways: Mapping[Way, Mapping[str, Any]]
    time: Interval | None
    shots: int


def weigh_ways(
    everything: Sequence[str],
    wanted: Sequence[str],
    answers: Answers,
    times: Times,
    shots: int,
    choice: Choice | None = None,
) -> dict[str, Any]:
    """Of worth.json all that hangs on the answers and on what they are measured by.

    Args:
        everything: The wanted answers of the whole data set, as in `weigh`.
        wanted: Of each question asked; `answers` are in the same order.
        times: Of each batch, the same batches for each way. The tuned way is left out before training.
        choice: What the person measures by. Where it makes no sense of these answers the data decide, and `not_used`
            says why.
    """
    ways = [way for way in WAYS if way in answers]
    time = _time(times["tuned"], times["prompt"]) if "tuned" in ways else None
    texts = {way: [said.text for said in answers[way]] for way in ways}
    shown = {way: _show_way(answers[way], times[way]) for way in ways}
    found = _weigh(_Asked(everything, wanted, texts, shown, time, shots), choice or Choice())
    return {"time": time.as_dict() if time else None, **found}


def weigh_again(everything: Sequence[str], known: Mapping[str, Any], choice: Choice) -> dict[str, Any]:
    """worth.json by another choice: of the same answers, in the same order, so that the same choice gives the same."""
    rows = known["answers"]
    ways = {way: {name: each for name, each in known["ways"][way].items() if name != "quality"}
            for way in WAYS if way in known["ways"]}  # fmt: skip
    asked = _Asked(
        everything,
        [row["wanted"] for row in rows],
        {way: [row[way] for row in rows] for way in ways},
        ways,
        Interval(**known["time"]) if known["time"] else None,
        len(known["chosen"]["examples"]),
    )
    return {**{name: each for name, each in known.items() if name != "not_used"}, **_weigh(asked, choice)}


def _weigh(asked: _Asked, choice: Choice) -> dict[str, Any]:
    kept = {"choice": choice.as_dict() if choice else None}
    try:
        return kept | _weigh_by(asked, choice)
    except SettingError as error:
        return kept | _weigh_by(asked, Choice()) | {"not_used": error.as_dict()}


def _weigh_by(asked: _Asked, choice: Choice) -> dict[str, Any]:
    """Raises: SettingError if the choice makes no sense of these answers."""
    learned = learn_expected(asked.everything)
    expected = choice.applied_to(learned)
    require_sense(choice, expected, asked.wanted, [text for texts in asked.texts.values() for text in texts])
    suited = suiting([Example(each, learned) for each in asked.wanted])
    examples = [Example(each, expected) for each in asked.wanted]
    main = choice.measure or suited.main
    by_hand = is_by_hand(choice, main, suited.main)
    compared = _compare(main, examples, asked.texts)
    if not compared and choice.measure:
        raise _says_nothing(choice.measure)
    compared = compared or _compare(OF_ALL, examples, asked.texts)
    recommended = _recommend(asked, compared, by_hand)
    measure = compared["prompt", "base"].measure
    quality = {later: each.tuned for (later, _), each in compared.items()}
    quality["base"] = compared["prompt", "base"].base
    return {
        "main": measure.id,
        "suited": suited.main,
        "why": suited.reason,
        "by_hand": _say_by_hand(asked, choice, main, suited.main) if by_hand else "",
        "ways": {way: {**each, "quality": quality[way].as_dict()} for way, each in asked.ways.items()},
        "differences": {
            f"{later}_{earlier}": {**each.difference.as_dict(), "word": each.word}
            for (later, earlier), each in compared.items()
        },
        **recommended.as_dict(),
    }


def _says_nothing(measure: str) -> SettingError:
    require_at_hand(MEASURES[measure])
    title = MEASURES[measure].title
    if MEASURES[measure].unit in ("nats", "words"):
        return SettingError(
            f"“{title}” is of what a model holds likely, and here only answers are compared.",
            "Choose a measure of answers to have them compared by it.",
        )
    return SettingError(
        f"“{title}” says nothing of these examples.",
        "Let another measure decide, or give what it needs: a pattern, labels or a schema.",
    )


def _recommend(asked: _Asked, compared: Compared, by_hand: bool) -> Recommendation:
    pair = compared["prompt", "base"]
    quality = {later: each.tuned for (later, _), each in compared.items()} | {"base": pair.base}
    found = Found(
        measure=pair.measure,
        questions=pair.examples,
        shots=asked.shots,
        quality=quality,
        tokens={way: each["prompt_tokens"] for way, each in asked.ways.items()},
        differences=compared,
        time=asked.time,
        by_hand=by_hand,
    )
    return after_training(found) if "tuned" in asked.ways else before_training(found)


def _say_by_hand(asked: _Asked, choice: Choice, main: str, suited: str) -> str:
    """Which measure was chosen, and what the answers would say by the one that suits."""
    said = f"By the measure that you chose: “{MEASURES[main].title}”{say_fields(choice, main)}."
    if main != suited:
        learned = learn_expected(asked.everything)
        compared = _compare(suited, [Example(each, learned) for each in asked.wanted], asked.texts)
        word = f", by which the same answers say: {SAYS[_recommend(asked, compared, False).word]}" if compared else ""
        said += f" By looking at the data it would be “{MEASURES[suited].title}”{word}."
    return (
        f"{said} Whoever picks a measure after seeing the answers can find one that flatters, so this is no clean test."
    )


def _time(one: Sequence[Spent], other: Sequence[Spent]) -> Interval:
    """Of one way against another, by the same batches: a mean of ratios, so of their logarithms."""
    logs = [math.log(each.seconds / beside.seconds) for each, beside in zip(one, other, strict=True)]
    mean = intervals.of_mean(logs)
    return Interval(*(math.exp(min(each, MOST_LOG)) for each in (mean.value, mean.low, mean.high)))


def _compare(main: str, examples: Sequence[Example], texts: Texts) -> dict[tuple[Way, Way], Comparison]:
    """(later way, earlier) -> the later minus the earlier. Empty where the measure says nothing of these examples.

    All over the same examples: those of which it says something in every way.
    """
    measure = MEASURES[main]
    pairs: dict[tuple[Way, Way], Comparison | None]
    if measure.value is None:  # of all examples together
        pairs = {
            (later, earlier): compare(examples, texts[earlier], texts[later], [main]).get(main)
            for earlier, later in combinations(texts, 2)
        }
    else:
        value = measure.value
        values = {way: [value(*pair) for pair in zip(examples, each, strict=True)] for way, each in texts.items()}
        whole = [place for place in range(len(examples)) if all(each[place] is not None for each in values.values())]
        kept = {way: [each[place] for place in whole] for way, each in values.items()}
        pairs = {
            (later, earlier): compare_values(measure, kept[earlier], kept[later])
            for earlier, later in combinations(texts, 2)
        }
    return {pair: comparison for pair, comparison in pairs.items() if comparison is not None}


def _show_way(said: Sequence[Said], spent: Sequence[Spent]) -> dict[str, Any]:
    questions = sum(each.questions for each in spent)
    each_s = [each.seconds / each.questions for each in spent]
    seconds = {
        "value": sum(each.seconds for each in spent) / questions,
        "fastest": min(each_s),
        "slowest": max(each_s),
    }
    return {
        "seconds": {name: round(each, 6) for name, each in seconds.items()},
        "reading_s": round(sum(each.reading_s for each in spent) / questions, 6),
        "prompt_tokens": round(sum(each.prompt_tokens for each in said) / len(said), 1),
        "answer_tokens": round(sum(each.tokens for each in said) / len(said), 1),
        "unfinished": sum(not each.finished for each in said),
    }
