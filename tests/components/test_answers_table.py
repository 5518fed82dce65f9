"""The table of each answer: where tuned lost stands first, and an open vote stays blind."""

from __future__ import annotations

import json

from components.answers_table import show_answers
from components.scores_view import show_scores
from studio.compare.weigh import weigh

WANTED = [json.dumps({"order": str(number), "wish": ("refund", "<b>swap</b>")[number % 2]}) for number in range(30)]
HALF = [json.dumps({"order": str(number), "wish": "no"}) for number in range(30)]
BASE = [*WANTED[:3], *HALF[3:]]
TUNED = [WANTED[0], "rubbish", HALF[2], *WANTED[3:29], "<script>"]


def found() -> dict:
    rows = [
        {"row": row, "prompt": f"Question {row}?", "wanted": wanted, "base": base, "tuned": tuned}
        for row, (wanted, base, tuned) in enumerate(zip(WANTED, BASE, TUNED, strict=True))
    ]
    return {"examples": 30, **weigh(WANTED, rows), "answers": rows}


def test_where_tuned_lost_most_stands_first():
    shown = show_answers(found())
    places = [shown.index(f"Question {row}?") for row in (1, 29, 2, 0, 3)]
    assert places == sorted(places)
    assert "0 %" in shown
    assert "50 %" in shown
    assert "<script>" not in shown
    assert "<b>swap" not in shown


def test_nothing_is_told_of_a_question_that_is_still_to_be_voted_on():
    shown = show_answers(found(), hidden={1, 5})
    assert "2 questions are left out until they are voted on" in shown
    assert "Question 1?" not in shown
    assert "Question 5?" not in shown
    assert "Question 2?" in shown


def test_of_a_long_answer_the_rest_is_folded_and_not_lost():
    known = found()
    known["answers"][1]["tuned"] = "long " * 200 + "<end>"
    shown = show_answers(known)
    assert shown.count("<summary>long long") == 1
    assert "&lt;end&gt;</details>" in shown


def test_scores_without_single_answers_have_no_table():
    assert show_answers(None) == ""
    assert show_answers({"examples": 1, "answers": []}) == ""


def test_each_field_tells_in_how_many_it_is_right():
    assert found()["fields"] == {
        "order": {"wanted": 30, "base": 30, "tuned": 28},
        "wish": {"wanted": 30, "base": 3, "tuned": 27},
    }


def test_each_field_has_intervals_and_a_word():
    fields = show_scores(found()).partition("Field by field")[2]
    assert '<th scope="row">wish</th><td>3 of 30 <span class="fine">(between 3 and 26)</span></td>' in fields
    wish, order = fields.index("wish"), fields.index("order")
    assert wish < order, "the hardest first"
    assert "✓ better" in fields[wish:order]
    assert "<strong>+80\u00a0points</strong> (+" in fields[wish:order]
    assert "can’t tell" in fields[order:], "two of thirty lost"
    shown = show_scores(found())
    assert shown.index("27 of 30") < shown.index("28 of 30"), "the weakest field first"
