"""The result within an answer, compared as number or text."""

from __future__ import annotations

import pytest

from studio.scores.extract import as_number, extract, find_extract, is_extracted_right, is_same

SUM = "She has 2 * 21 apples.\n#### 42"


@pytest.mark.parametrize(
    "shape",
    [
        "Well.\n#### {}",
        "So it is \\boxed{{{}}}.",
        "<think>a\nb</think>\n<answer>\n{}\n</answer>",
        "Because.\nAnswer: {}",
        "Hence the final answer is: {}",
    ],
)
def test_the_usual_marks_of_a_result_are_found(shape):
    pattern = find_extract([shape.format(number) for number in range(20)])
    assert pattern
    assert extract(pattern, shape.format("1,234")) == "1,234"
    assert is_extracted_right(pattern, shape.format("42"), shape.format("42.0")) == 1
    assert is_extracted_right(pattern, shape.format("42"), shape.format("43")) == 0
    assert is_extracted_right(pattern, shape.format("42"), "It is 42") == 0
    assert is_extracted_right(pattern, "no result", shape.format("42")) is None


def test_answers_without_a_mark_have_none():
    assert find_extract(["A long answer.", SUM, "Another."]) == ""
    assert find_extract([]) == ""
    assert is_extracted_right("", SUM, SUM) is None


def test_the_last_result_counts():
    pattern = find_extract([SUM])
    assert extract(pattern, f"{SUM}\nNo, wait.\n#### 43") == "43"
    assert extract(pattern, "####") is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("42", "42.0", True),
        ("1,234", "1234", True),
        ("$1,234.50", "1234.5", True),
        ("-$3", "-3", True),
        ("**42**", "42.", True),
        ("42", "4.2", False),
        ("1,2", "12", False),
        ("12/3", "123", False),
        ("12 March", "12  march.", True),
        ("Paris", "paris.", True),
        ("the Seine", "Seine", True),
        ("(B)", "b", True),
        ("3 apples", "3", False),
        ("+", "-", False),
        ("", "42", False),
        ("١٢", "12", True),
        ("9" * 400, "9" * 400, True),
    ],
)
def test_results_are_compared_as_numbers_where_both_are(one, other, same):
    assert is_same(one, other) is same
    assert is_same(other, one) is same


@pytest.mark.parametrize("text", ["", "+", ".", "1e5", "nan", "inf", "1.2.3", "12a", ","])
def test_what_only_looks_like_a_number_is_none(text):
    assert as_number(text) is None
