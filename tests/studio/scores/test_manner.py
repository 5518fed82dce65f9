"""How an answer is given."""

from __future__ import annotations

import pytest

from studio.scores.manner import language_kept, length_match, refusal, repetition

GERMAN = "Vielen Dank für Ihre Nachricht, wir schicken Ihnen morgen ein neues Paket ohne weitere Kosten zu."
ENGLISH = "Thank you for your message, we will send you a new parcel tomorrow without any further costs."


def test_a_length_is_held_against_the_wanted_one_in_both_directions():
    assert length_match("four", "fourfour") == length_match("fourfour", " four ") == 0.5
    assert (length_match("a", "b"), length_match("a", ""), length_match(" ", "b")) == (1, 0, None)


def test_going_round_in_circles_is_repetition():
    words = " ".join(f"word{i}" for i in range(60))
    assert repetition(words) == 0
    assert repetition("I will send it again. " * 20) > 0.9
    assert repetition("") == repetition("yes yes yes yes") == 0


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ("I'm sorry, but I can't help with that.", 1),
        ("As an AI language model, I have no orders.", 1),
        ("Es tut mir leid, aber ich kann das nicht.", 1),
        (ENGLISH, 0),
        ("", 0),
    ],
)
def test_a_refusal_counts_where_none_was_wanted(answer, value):
    assert refusal(ENGLISH, answer) == value
    assert refusal("I cannot help with that.", answer) is None


def test_a_language_is_kept_or_not_where_both_can_be_told():
    assert language_kept(GERMAN, GERMAN) == 1
    assert language_kept(GERMAN, ENGLISH) == 0
    assert language_kept("Ja.", ENGLISH) is language_kept(GERMAN, "Ja.") is None
