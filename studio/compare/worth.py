"""What three ways to an answer are worth: the base alone, the base with examples in its prompt, the tuned model.

worth.json, in the folder of a run, or before training beside the data:
  of            whose weights these are
  examples      how many held-out questions all were asked, `of_all` of so many; `at_once`: in batches of how many
  main, why     the measure that decides, and the sentence that says why this one
  ways          base, prompt, tuned -> quality {value, low, high}; a question's seconds {value, and in the fastest
                and the slowest batch}, reading_s, prompt_tokens, answer_tokens; unfinished: answers that the limit cut
  time          the tuned model's against that of the prompt {value, low, high}: 0.33 is a third; None before training
  differences   tuned_prompt, prompt_base, tuned_base -> value, low, high, word
  chosen        how the examples were chosen (see studio.workers.choose), and examples: row, question, answer
  word, recommendation, do
  answers       row, question, wanted, and what each way said
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from studio.compare.recommend import WAYS, Found, Way, after_training, before_training
from studio.compare.shots import HOWS
from studio.report.figures import count, number
from studio.scores import intervals
from studio.scores.comparison import Comparison, compare_values
from studio.scores.expected import learn_expected
from studio.scores.intervals import Interval
from studio.scores.measures import MEASURES, Example
from studio.scores.suiting import suiting

PAIRS = {
    "tuned_prompt": "Fine-tuned, against the examples in the prompt",
    "prompt_base": "The examples in the prompt, against the base alone",
    "tuned_base": "Fine-tuned, against the base alone",
}


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
SLOWED = 1.1  # by an adapter: less is no more than the machine's mood
OF_ALL = "right"  # the measure that says something of every example
Answers = Mapping[Way, Sequence[Said]]
Times = Mapping[Way, Sequence[Spent]]


def weigh_ways(
    everything: Sequence[str], wanted: Sequence[str], answers: Answers, times: Times, shots: int
) -> dict[str, Any]:
    """main, why, ways, differences, word, recommendation and do of worth.json.

    Args:
        everything: The wanted answers of the whole data set, as in `weigh`.
        wanted: Of each question asked; `answers` are in the same order.
        times: Of each batch, the same batches for each way. The tuned way is left out before training.
    """
    expected = learn_expected(everything)
    examples = [Example(each, expected) for each in wanted]
    suited = suiting(examples)
    ways = [way for way in WAYS if way in answers]
    compared = _compare(suited.main, examples, ways, answers) or _compare(OF_ALL, examples, ways, answers)
    measure = compared["prompt", "base"].measure
    quality = {later: each.tuned for (later, _), each in compared.items()}
    quality["base"] = compared["prompt", "base"].base
    shown = {way: _show_way(answers[way], times[way]) | {"quality": quality[way].as_dict()} for way in ways}
    found = Found(
        measure=measure,
        questions=len(wanted),
        shots=shots,
        quality=quality,
        tokens={way: shown[way]["prompt_tokens"] for way in ways},
        differences=compared,
        time=_time(times["tuned"], times["prompt"]) if "tuned" in ways else None,
    )
    recommendation = after_training(found) if "tuned" in ways else before_training(found)
    return {
        "main": measure.id,
        "why": suited.reason,
        "ways": shown,
        "time": found.time.as_dict() if found.time else None,
        "differences": {
            f"{later}_{earlier}": {**each.difference.as_dict(), "word": each.word}
            for (later, earlier), each in compared.items()
        },
        **recommendation.as_dict(),
    }


def _time(one: Sequence[Spent], other: Sequence[Spent]) -> Interval:
    """Of one way against another, by the same batches: a mean of ratios, so of their logarithms."""
    logs = [math.log(each.seconds / beside.seconds) for each, beside in zip(one, other, strict=True)]
    mean = intervals.of_mean(logs)
    return Interval(*(math.exp(min(each, MOST_LOG)) for each in (mean.value, mean.low, mean.high)))


def _compare(
    main: str, examples: Sequence[Example], ways: Sequence[Way], answers: Answers
) -> dict[tuple[Way, Way], Comparison]:
    """(later way, earlier) -> the later minus the earlier. Empty where the measure says nothing of these examples."""
    measure = MEASURES[main]
    value = measure.value
    assert value is not None, "there are wanted answers, so the measure is one of answers"
    values = {
        way: [value(example, said.text) for example, said in zip(examples, answers[way], strict=True)] for way in ways
    }
    pairs = {
        (later, earlier): compare_values(measure, values[earlier], values[later])
        for earlier, later in combinations(ways, 2)
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


def titles_of(found: dict[str, Any]) -> dict[str, str]:
    """What a way is called in a table, for those that were asked."""
    shots = count(len(found["chosen"]["examples"]), "example")
    names = {"base": "The base alone", "prompt": f"The base with {shots} in its prompt", "tuned": "Fine-tuned"}
    return {way: names[way] for way in found["ways"]}


def notes_of(found: dict[str, Any]) -> list[str]:
    """How it was measured and what the figures leave out, in plain sentences."""
    ways, chosen = found["ways"], found["chosen"]
    prompt, some = ways["prompt"], found["of_all"] > found["examples"]
    notes = [
        f"All were asked the same {count(found['examples'], 'held-out question')}"
        f"{', drawn from ' + format(found['of_all'], ',') if some else ''}, which neither training nor the choice of "
        "the examples saw; greedily, so that no luck is in the answers.",
        _say_choice(chosen),
        "A prompt that somebody tends by hand, with instructions of its own, may do better than examples alone.",
        f"Seconds are those of this machine, {found['at_once']} question{'s' if found['at_once'] > 1 else ''} at a "
        "time, each way timed apart and in turn; in brackets the fastest and the slowest batch, for other programs at "
        "work make them longer. Of the "
        f"{number(prompt['seconds']['value'])} s with examples, {number(prompt['reading_s'])} s go into reading the "
        "prompt; a server that keeps the beginning of a prompt in memory saves most of that.",
    ]
    if "tuned" in ways and (ratio := ways["tuned"]["reading_s"] / ways["base"]["reading_s"]) > SLOWED:
        notes.append(
            f"Reading the same question takes the tuned one {ratio:.1f} times as long as the base, since the adapter "
            "is read beside it; merged into it, as in an export, it costs no time of its own."
        )
    for way, title in titles_of(found).items():
        if unfinished := ways[way]["unfinished"]:
            notes.append(
                f"{title}: {count(unfinished, 'answer')} did not come to an end and stopped at the limit of "
                f"{found['most_tokens']:,} tokens, at which the time stops too."
            )
    return notes


def _say_choice(chosen: dict[str, Any]) -> str:
    drawn = f"They are {HOWS[chosen['how']]}."
    if not chosen["weighed"]:
        return (
            f"The examples are from the training part alone. {drawn} There were no others by which to choose "
            "between sets."
        )
    part = "the validation part" if chosen["part"] == "validation" else "the rest of the training part"
    return (
        f"The examples are from the training part alone: of {count(chosen['sets'], 'set')} of three to five, the one "
        f"with which the base was least surprised by {count(chosen['weighed'], 'wanted answer')} of {part} (loss "
        f"{number(chosen['loss'])} a token, {number(chosen['loss_without'])} without examples). {drawn}"
    )
