"""When an answer is right, and how sure one can be of a share."""

from __future__ import annotations

import pytest

from studio.scores.intervals import wilson
from studio.scores.plain import PLAIN, average, measure
from studio.scores.text import is_right, overlap

TICKET = '{"kind": "return", "order": "A-1", "items": [1, 2]}'


@pytest.mark.parametrize(
    ("wanted", "answer", "right"),
    [
        ("Yes, please", " yes,\n please ", True),
        ("Yes", "Yes.", False),
        ("", "", True),
        ("", "words", False),
        (TICKET, '{"order":"A-1","items":[1,2],"kind":"return"}', True),
        (TICKET, f"{TICKET} and more", False),
        (TICKET, f"```json\n{TICKET}\n```", False),
        (TICKET, '{"kind": "return", "order": "A-1", "items": [2, 1]}', False),
        (TICKET, '{"kind": "return", "order": "A-1", "items": [1, 2], "note": null}', False),
        (TICKET, "[" * 100_000, False),
        (TICKET, "9" * 5000, False),
        ("42", "42.0", False),
    ],
)
def test_an_answer_is_right_if_it_says_the_same(wanted, answer, right):
    assert is_right(wanted, answer) is right


def test_json_is_measured_field_by_field():
    values = measure(TICKET, '{"kind": "return", "order": "A-2", "items": [1, 2], "note": "x"}')
    assert values["fields_right"] == pytest.approx(2 / 3)
    assert (values["right"], values["json_valid"]) == (0, 1)
    broken = measure(TICKET, TICKET[:-1])
    assert (broken["right"], broken["json_valid"], broken["fields_right"]) == (0, 0, 0)
    assert measure(TICKET, TICKET) == {"right": 1, "word_overlap": 1, "json_valid": 1, "fields_right": 1}


def test_a_field_that_should_be_null_must_be_there():
    assert measure('{"a": null}', "{}")["fields_right"] == 0
    assert measure("{}", "{}")["right"] == 1


def test_plain_text_has_no_measures_of_json():
    assert measure("Yes", '{"a": 1}').keys() == {"right", "word_overlap"}


@pytest.mark.parametrize(
    ("wanted", "answer", "value"),
    [("a b c", "c b a", 1), ("a b", "b c", 0.5), ("a a b", "a", 0.5), ("a", "b", 0), ("", "", 1), ("a", "", 0)],
)
def test_words_in_common_are_counted_each_as_often_as_it_stands(wanted, answer, value):
    assert overlap(wanted, answer) == overlap(answer, wanted) == pytest.approx(value)


def test_an_average_counts_only_the_rows_that_have_the_measure():
    rows = [measure(TICKET, TICKET), measure("Yes", "No")]
    assert average(rows) == {"right": 0.5, "fields_right": 1, "json_valid": 1, "word_overlap": 0.5}
    assert list(average(rows)) == list(PLAIN)
    assert average([]) == {}


def test_an_interval_holds_the_share_and_shrinks_with_more_examples():
    assert wilson(0, 0) == (0, 1)
    assert wilson(0, 10) == pytest.approx((0, 0.2775), abs=1e-4)
    assert wilson(1, 10) == pytest.approx((0.7225, 1), abs=1e-4)
    assert wilson(0.5, 100) == pytest.approx((0.4038, 0.5962), abs=1e-4)
    low, high = wilson(0.5, 10_000)
    assert 0.49 < low < 0.5 < high < 0.51
