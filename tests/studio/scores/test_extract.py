"""The result within an answer, compared as number or text."""

from __future__ import annotations

import time

import pytest

from studio.scores.extract import PATTERNS, extract, find_extract, is_extracted_right, is_same

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


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize(
    "again", [" ", "\n", " \n", "<answer>", "<answer> ", "\\boxed{", "{a", "#### ", "\n####", "answer: ", "answer:\n"]
)
def test_an_answer_that_repeats_without_end_is_looked_through_at_once(pattern, again):
    began = time.process_time()
    for begin in ("", "<answer>", "\\boxed{", "answer:", "####"):
        extract(pattern, begin + again * 4000)
    assert time.process_time() - began < 1, "by the square of it, it would be some seconds"


def test_the_tag_that_was_opened_last_is_the_one_that_counts():
    pattern = find_extract(["<answer>42</answer>"])
    assert extract(pattern, "<answer>41 or <answer> 42\n</answer>") == "42"
    assert extract(pattern, "<answer>a\n < b</answer> <answer>c") == "a\n < b"
