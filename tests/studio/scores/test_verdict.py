"""One word for a run: better, worse or can't tell."""

from __future__ import annotations

import json
import random

import pytest

from studio.scores.comparison import compare
from studio.scores.expected import learn_expected
from studio.scores.measures import Example
from studio.scores.suiting import suiting
from studio.scores.verdict import judge

TICKETS = [json.dumps({"kind": "return" if i % 2 else "order", "order": i, "name": f"n{i}"}) for i in range(40)]
LETTERS = [
    f"Thank you, customer {i * 37}: parcel {i} comes on day {i % 7} to house {i * 3}, with our thanks."
    for i in range(40)
]
MOODS = ["angry", "calm", "glad", "glad"] * 10


def judged(wanted, base, tuned, losses=None):
    expected = learn_expected(wanted)
    examples = [Example(text, expected) for text in wanted]
    suited = suiting(examples)
    found = compare(examples, base, tuned, suited.measures, losses)
    return judge(found, suited.main, wanted), found


def losses(middle, seed):
    dice = random.Random(seed)
    return [middle * dice.lognormvariate(0, 0.4) for _ in range(40)]


def shuffled(wanted):
    return random.Random(4).sample(wanted, len(wanted))


@pytest.mark.parametrize("wanted", [TICKETS, LETTERS, MOODS])
@pytest.mark.parametrize("kind", ["all wrong", "half right", "all right"])
def test_a_run_of_no_steps_cannot_be_told_by_any_measure(wanted, kind):
    right = {"all wrong": 0, "half right": 20, "all right": 40}[kind]
    answers = wanted[:right] + ["Sure, here you are"] * (40 - right)
    same = losses(1.2, 1)
    verdict, found = judged(wanted, answers, list(answers), (same, list(same)))
    assert len(found) > 5
    assert {each.word for each in found.values()} == {"can't tell"}
    assert {each.difference.value for each in found.values()} == {0}
    assert verdict.word == "can't tell"
    assert "Yet" not in verdict.reason


@pytest.mark.parametrize("wanted", [TICKETS, LETTERS, MOODS])
def test_shuffled_answers_are_never_better(wanted):
    for base in (wanted, shuffled(shuffled(wanted))):
        verdict, _ = judged(wanted, base, shuffled(wanted), (losses(1, 1), losses(2, 2)))
        assert verdict.word in ("worse", "can't tell")
    assert judged(wanted, wanted, shuffled(wanted))[0].word == "worse"


def test_a_run_that_learned_its_tickets_is_better_and_the_reason_says_by_how_much():
    base = TICKETS[:4] + ["Sure."] * 36
    verdict, found = judged(TICKETS, base, TICKETS, (losses(1.2, 1), losses(0.1, 2)))
    assert verdict.word == "better"
    assert verdict.reason.startswith(
        "Fields right: 10\u00a0% before, 100\u00a0% after; the difference on 40 held-out examples is "
    )
    assert "+90 points (between +" in verdict.reason
    assert "Yet" not in verdict.reason
    assert found["loss"].word == found["perplexity"].word == found["right"].word == "better"
    assert found["loss"].difference.high < 0
    assert found["perplexity"].base.low < found["perplexity"].base.value < found["perplexity"].base.high


def test_a_measure_that_says_the_opposite_is_named():
    base = TICKETS[:4] + ["Sure."] * 36
    verdict, _ = judged(TICKETS, base, TICKETS, (losses(0.1, 1), losses(1.2, 2)))
    assert verdict.word == "better"
    assert verdict.reason.endswith("Yet it is worse by loss and perplexity.")


def test_where_the_main_measure_cannot_tell_those_that_can_are_named():
    answers = ["Sure."] * 40
    verdict, _ = judged(TICKETS, answers, answers, (losses(1.2, 1), losses(0.1, 2)))
    assert verdict.word == "can't tell"
    assert "which chance alone could do. Yet it is better by loss and perplexity." in verdict.reason


def test_without_an_example_nothing_can_be_told():
    verdict, found = judged([], [], [])
    assert (verdict.word, found) == ("can't tell", {})


def test_a_measure_counts_the_examples_of_which_it_says_something_for_both():
    wanted = ["```\nx\n```", "plain", "```\ny\n```"]
    found = compare(
        [Example(text) for text in wanted], ["a", "b", "c"], wanted, ["has_code", "extracted_right", "loss"]
    )
    assert found["has_code"].examples == 2
    assert "extracted_right" not in found
    assert "loss" not in found
    assert json.loads(json.dumps(found["has_code"].as_dict()))["word"] == "can't tell"


def test_a_small_sure_difference_is_told_apart_and_nothing_is_rounded_to_all():
    wanted = [json.dumps({name: row for name in "abcdefgh"}) for row in range(400)]
    wrong = json.dumps({name: "no" for name in "abcdefgh"})
    base = [wrong if row < 10 else text for row, text in enumerate(wanted)]
    tuned = [wrong if row < 1 else text for row, text in enumerate(wanted)]
    told = judged(wanted, base, tuned)[0].reason.replace("\u00a0", " ")
    assert told.startswith(
        "Fields right: 98 % before, 99.8 % after; the difference on 400 held-out examples is +2 points"
    )
    nearly = [wrong if row in (1, 2) else text for row, text in enumerate(wanted)]
    told = judged(wanted, tuned, nearly)[0].reason.replace("\u00a0", " ")
    assert told.startswith("Fields right: 99.8 % before, 99.5 % after")
    assert "is \u22120.2 points (between \u2212" in told or "is \u22120.3 points (between \u2212" in told
