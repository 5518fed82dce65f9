"""Beside a measure that forgives, how many answers are the wanted one is said, where that tells something."""

from __future__ import annotations

import json

import pytest

from studio.compare.weigh import weigh
from studio.scores.wholly import LONGEST, say_wholly

LETTERS = [f"Thank you, customer {n * 37}: parcel {n} comes on day {n % 7} to house {n * 3}." for n in range(16)]
LONG = [f"{letter} {'We are sorry that it took so long. ' * 12}" for letter in LETTERS]
TICKETS = [json.dumps({"order": n, "name": f"n{n}"}) for n in range(16)]
MOODS = ["angry", "calm", "glad", "glad"] * 10


def reason(wanted: list[str], tuned: list[str], base: str = "Sure.") -> str:
    rows = [{"wanted": text, "base": base, "tuned": said} for text, said in zip(wanted, tuned, strict=True)]
    verdict: dict[str, str] = weigh(wanted, rows)["verdict"]
    return verdict["reason"]


@pytest.mark.parametrize(
    ("right", "said"),
    [
        (0, "None of 16 answers is word for word the wanted one."),
        (1, "1 of 16 answers is word for word the wanted one."),
        (16, "16 of 16 answers are word for word the wanted ones."),
    ],
)
def test_of_free_text_that_came_nearer_the_reason_says_how_many_answers_are_right(right, said):
    assert said in reason(LETTERS, LETTERS[:right] + [text[:-9] for text in LETTERS[right:]])


def test_a_json_object_is_wholly_right_in_whatever_order():
    half = [json.dumps({"order": n, "name": "?"}) for n in range(13)]
    turned = [json.dumps({"name": f"n{n}", "order": n}) for n in range(13, 16)]
    assert "3 of 16 answers are wholly right." in reason(TICKETS, half + turned)


@pytest.mark.parametrize("wanted", [LONG, MOODS])
def test_of_long_text_and_where_the_measure_counts_right_answers_already_nothing_is_added(wanted):
    said = reason(wanted, wanted)
    assert "100\u00a0% after" in said
    assert "word for word" not in said


def test_of_what_did_not_get_better_nothing_is_added():
    assert "of 16 answers" not in reason(LETTERS, ["Sure."] * 16)


def test_the_border_of_long_text_is_that_of_the_mean():
    right = {"right": {"examples": 2, "tuned": {"value": 0.5}}}
    assert say_wholly("chrf", right, ["a" * 2 * LONGEST, ""])
    assert say_wholly("chrf", right, ["a" * 2 * LONGEST, "a"]) == ""
    assert say_wholly("chrf", {}, ["a"]) == ""
