"""What was gained by the form alone is no gain: answers must be to their own questions."""

from __future__ import annotations

import json
import random

import pytest

from studio.compare.weigh import weigh
from studio.scores import chrf
from studio.scores.measures import MEASURES, Example
from studio.scores.own_question import MOST_LOOKS, _steps, doubt, tell
from studio.scores.verdict import Verdict

SILENT = "Sure, here you are"
TICKETS = [
    json.dumps({"kind": "return" if i % 4 else "order", "name": None if i % 3 else f"n{i}", "order": i})
    for i in range(40)
]
LISTS = [json.dumps([{"word": word, "count": i}]) for i, word in enumerate(["sea", "lake", "river", "pond"] * 10)]
SUMS = [f"We add {i} and {i + 3}.\n#### {i % 3}" for i in range(40)]
LETTERS = [
    f"Thank you, customer {i * 37}: parcel {i} comes on day {i % 7} to house {i * 3}, with our thanks."
    for i in range(40)
]
FEW = [json.dumps({"kind": "order", "paid": True, "number": n}) for n in range(4)]
MOODS = ["angry", "calm", "glad", "glad"] * 10
NAMES = [
    f"{first} {last}" for first in ("Mia", "Jo", "Ann", "Li", "Bo") for last in ("Chen", "Diaz", "Khan", "Roy")
] * 2
KINDS = {"tickets": TICKETS, "lists": LISTS, "sums": SUMS, "letters": LETTERS, "moods": MOODS, "names": NAMES}


def verdict_of(wanted, tuned, base=SILENT):
    rows = [{"wanted": text, "base": base, "tuned": answer} for text, answer in zip(wanted, tuned, strict=True)]
    return weigh(wanted, rows)["verdict"]


def shuffled(wanted, seed):
    return random.Random(seed).sample(wanted, len(wanted))


@pytest.mark.parametrize("wanted", KINDS.values(), ids=KINDS)
def test_answers_to_other_questions_are_not_better_than_a_base_that_is_never_right(wanted):
    words = [verdict_of(wanted, shuffled(wanted, seed))["word"] for seed in range(40)]
    # An interval of 95 % is wrong one time in forty to this side.
    assert words.count("better") <= 3, words


@pytest.mark.parametrize("wanted", KINDS.values(), ids=KINDS)
def test_answers_to_their_own_questions_are_better(wanted):
    assert verdict_of(wanted, wanted)["word"] == "better"
    mostly = [text if place % 4 else SILENT for place, text in enumerate(wanted)]
    assert verdict_of(wanted, mostly)["word"] == "better"


def test_the_most_common_label_whatever_is_asked_is_not_better():
    verdict = verdict_of(MOODS, ["glad"] * 40)
    assert verdict["word"] == "can't tell"
    assert "Right label: 0\u00a0% before, 50\u00a0% after" in verdict["reason"]
    assert "may have learned the form alone" in verdict["reason"]
    assert "See whether each question of the data stands with its own answer" in verdict["reason"]


def test_of_few_examples_it_is_asked_too():
    few, others = FEW, [*FEW[1:], FEW[0]]
    assert verdict_of(few, others)["word"] == "can't tell"
    assert "+67 points" in verdict_of(few, others)["reason"], "it would be better by the measure alone"


def test_where_all_wanted_answers_are_the_same_their_form_is_all_there_is():
    assert tell("chrf", [Example("Please write to our office.")] * 40, ["Please write to our office."] * 40) is None
    assert verdict_of(["Please write to our office."] * 40, ["Please write to our office."] * 40)["word"] == "better"


def test_a_measure_that_sees_the_form_alone_is_replaced_by_words_in_common():
    examples = [Example(text) for text in TICKETS]
    told = tell("json_valid", examples, TICKETS)
    assert told
    assert told.measure == MEASURES["word_overlap"]


def test_a_texts_letters_are_counted_once_however_many_it_is_held_against(monkeypatch):
    counted = []
    count = chrf._count
    monkeypatch.setattr(chrf, "_count", lambda text: counted.append(text) or count(text))
    monkeypatch.setattr(chrf, "_KEPT", chrf.Kept(chrf.KEPT_LETTERS))
    answers = [text.replace("Thank", "Thanks to") for text in LETTERS]
    assert tell("chrf", [Example(text) for text in LETTERS], answers)
    assert sorted(counted) == sorted("".join(text.split()) for text in [*LETTERS, *answers])


def test_other_verdicts_stay_as_they_are():
    for word in ("worse", "can't tell"):
        verdict = Verdict(word, "As it is.")
        assert doubt(verdict, "right", [Example(text) for text in TICKETS], shuffled(TICKETS, 1)) is verdict


@pytest.mark.parametrize("count", [2, 3, 12, 40, 1000, 5000])
def test_no_answer_is_held_against_its_own_question_among_others_and_the_looks_are_bounded(count):
    steps = _steps(count)
    assert all(0 < step < count for step in steps)
    assert len(steps) * count <= max(MOST_LOOKS, count)
    assert steps
