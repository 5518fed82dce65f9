"""Which measures suit a data set."""

from __future__ import annotations

import json

import pytest

from studio.scores.expected import learn_expected
from studio.scores.measures import MEASURES, Example
from studio.scores.suiting import suiting

TICKETS = [json.dumps({"kind": "return" if i % 2 else "order", "order": i}) for i in range(40)]
MOODS = ["angry", "calm", "glad", "glad"] * 10
SUMS = [f"He buys {i} and then {i} more.\n#### {2 * i}" for i in range(40)]
CODE = [f"This adds {i}:\n```python\ndef add(x):\n    return x + {i}\n```" for i in range(40)]
CAPITALS = [f"Town {i} on the river" for i in range(40)]
LETTERS = [
    f"Thank you for message {i}. We are sorry that the parcel came late and will send a new one tomorrow; "
    "the old one you may keep. If there is anything else that we can do for you, please write to us again."
    for i in range(40)
]


def suited(wanted):
    expected = learn_expected(wanted)
    return suiting([Example(text, expected) for text in wanted])


@pytest.mark.parametrize(
    ("wanted", "main", "others", "without"),
    [
        (TICKETS, "fields_right", {"right", "json_valid", "schema_valid"}, {"label_right", "chrf", "language_kept"}),
        (MOODS, "label_right", {"macro_f1", "label_known"}, {"json_valid", "repetition", "rouge_l"}),
        (SUMS, "extracted_right", {"right"}, {"label_right", "schema_valid"}),
        (CODE, "chrf", {"has_code"}, {"extracted_right"}),
        (CAPITALS, "token_f1", {"exact", "chrf"}, {"repetition", "rouge_l"}),
        (LETTERS, "chrf", {"rouge_1", "rouge_l", "repetition", "language_kept"}, {"has_code", "exact"}),
        ([json.dumps([i, i + 1]) for i in range(40)], "schema_valid", {"right"}, {"json_valid"}),
    ],
)
def test_measures_go_by_what_the_wanted_answers_are(wanted, main, others, without):
    found = suited(wanted)
    assert found.main == main
    assert {main, "loss", "perplexity", "right", *others} <= set(found.measures)
    assert not without & set(found.measures)
    assert [name for name in MEASURES if name in found.measures] == list(found.measures)
    assert found.reason.startswith("The wanted answers ")
    assert found.reason.endswith(".")


@pytest.mark.parametrize("wanted", [TICKETS, MOODS, SUMS, CODE, CAPITALS, LETTERS])
def test_the_wanted_answer_itself_is_as_good_as_can_be(wanted):
    found, expected = suited(wanted), learn_expected(wanted)
    for name in set(found.measures) - {"loss", "perplexity", "macro_f1"}:
        measure = MEASURES[name]
        values = [measure.value(Example(text, expected), text) for text in wanted]
        assert {value for value in values if value is not None} == {float(measure.higher_is_better)}, name


def test_a_pattern_that_was_given_is_measured():
    expected = learn_expected(LETTERS).with_patterns(pattern="message")
    assert "pattern_found" in suiting([Example(text, expected) for text in LETTERS]).measures


def test_without_examples_the_loss_is_left():
    assert suiting([]).main == "loss"


def test_every_measure_says_what_it_is_in_a_sentence():
    assert {"right", "fields_right", "json_valid", "word_overlap", "loss", "perplexity"} <= MEASURES.keys()
    for measure in MEASURES.values():
        assert measure.help.endswith(".")
        assert measure.title
    assert not MEASURES["loss"].higher_is_better
    assert MEASURES["loss"].value is MEASURES["perplexity"].value is None


@pytest.mark.parametrize("name", [name for name, each in MEASURES.items() if each.value])
@pytest.mark.parametrize("answer", ["", "\x00", "[" * 50_000, "{}", "null", "NaN", "\ud800", "1" * 6000, "```"])
def test_no_answer_is_too_odd_to_be_measured(name, answer):
    for wanted in (TICKETS, MOODS, SUMS, LETTERS):
        value = MEASURES[name].value(Example(wanted[0], learn_expected(wanted)), answer)
        low, high = MEASURES[name].bounds
        assert value is None or low <= value <= high
