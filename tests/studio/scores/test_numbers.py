"""A result compared as a number is one in whatever way people write it."""

from __future__ import annotations

import time
from dataclasses import replace
from fractions import Fraction

import pytest

from studio.scores.expected import Expected, learn_expected
from studio.scores.extract import is_extracted_right
from studio.scores.measures import MEASURES, Example
from studio.scores.numbers import as_number, decimals_of


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1,234.50", "1234.5"), ("1.234,50", "1234.5"), ("1.234.567", "1234567"), ("1,234,567", "1234567"),
        ("3,5", "3.5"), ("-3,5", "-3.5"), ("0,123", "0.123"), ("0.123", "0.123"), ("1234,567", "1234.567"),
        ("1 234,50", "1234.5"), ("1\u202f234", "1234"), ("12’500.25", "12500.25"), (",5", "0.5"), (".5", "0.5"),
        ("42 %", "42"), ("42%", "42"), ("4,2\u00a0%", "4.2"), ("$3", "3"), ("-$3", "-3"),
        ("3 €", "3"), ("¥1200", "1200"),
        ("1e5", "100000"), ("1.5E-3", "0.0015"), ("2e+2", "200"), ("\u22127", "-7"),
        ("½", "1/2"), ("1½", "3/2"), ("-1 ½", "-3/2"), ("3/4", "3/4"), ("6 / 8", "3/4"),
        ("1 1/2", "3/2"), ("-3/4", "-3/4"),
        ("\\frac{3}{4}", "3/4"), ("\\dfrac{10}{4}", "5/2"), ("\uff13\uff0e\uff15", "3.5"),
        ("\uff11\uff12\uff05", "12"), ("١٢", "12"), ("**42.**", "42"),
    ],
)  # fmt: skip
def test_a_number_is_read_in_the_only_way_that_there_is(text, number):
    assert as_number(text, ".") == as_number(text, ",") == Fraction(number)


@pytest.mark.parametrize(
    ("text", "by_point", "by_comma"), [("1.234", "1.234", "1234"), ("-12,345", "-12345", "-12.345")]
)
def test_of_two_ways_the_data_set_decides(text, by_point, by_comma):
    assert as_number(text) == as_number(text, ".") == Fraction(by_point)
    assert as_number(text, ",") == Fraction(by_comma)


@pytest.mark.parametrize(
    "text",
    ["", "+", "-", ".", ",", "%", "e5", "nan", "inf", "1.2.3", "12a", "1,23,456", "3 apples", "10²", "3/0", "1/2/3",
     "/2", "1 2", "1e9999999", "9" * 5000, "½½"],
)  # fmt: skip
def test_what_only_looks_like_a_number_is_none(text):
    began = time.process_time()
    assert as_number(text) is None
    assert time.process_time() - began < 0.5


def test_a_data_set_tells_how_its_numbers_are_written():
    german = ["Das macht 3,5 Euro.\n#### 3,5", "Zusammen.\n#### 1.234", "Also 12.500 Stück.\n#### 1.234,50"]
    assert decimals_of(german) == learn_expected(german * 10).decimals == ","
    assert decimals_of(["#### 1,234", "#### 3.5"]) == "."
    assert decimals_of(["#### 1.234", "no number"]) == decimals_of([]) == "."
    right = MEASURES["extracted_right"].value
    for expected in (learn_expected(german * 10), replace(learn_expected(german * 10), read_as="number")):
        assert [right(Example(german[1], expected), f"#### {given}") for given in ("1234", "1.234,0", "1,234")] == [
            1,
            1,
            0,
        ]
    older = {name: value for name, value in Expected().as_dict().items() if name != "decimals"}
    assert Expected.from_dict(older) == Expected()


def test_numbers_are_compared_as_such_by_hand_too():
    pattern = "#### (.+)"
    for wanted, given in (("0.75", "3/4"), ("42 %", "42%"), ("1e5", "100,000"), ("½", "0,5")):
        assert is_extracted_right(pattern, f"#### {wanted}", f"#### {given}", "number") == 1
        assert is_extracted_right(pattern, f"#### {wanted}", f"#### {given}", "text") == 0
