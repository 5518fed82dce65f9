"""One word and why, then each measure; scores of the first version are shown without what they lack."""

from __future__ import annotations

from components.scores_view import show_scores
from studio.compare.weigh import weigh


def scores(tuned: str) -> dict:
    rows = [{"wanted": f"Yes, {n} <b>.", "base": "No.", "tuned": tuned.format(n=n)} for n in range(20)]
    return {"examples": 20, **weigh([row["wanted"] for row in rows], rows)}


def test_before_anything_was_measured_it_says_what_will_be():
    assert "Not measured yet" in show_scores(None)


def test_the_verdict_stands_first_with_a_sign_and_a_word():
    assert show_scores(scores("Yes, {n} <b>.")).startswith('<div class="note good" role="status">✓ Better.')
    assert show_scores(scores("No.")).startswith('<div class="note note" role="status">▲ Can’t tell.')


def test_each_measure_has_its_difference_with_an_interval_and_a_word():
    shown = show_scores(scores("Yes, {n} <b>."))
    assert "wholly right" in shown
    assert "<strong>+100</strong> (+" in shown
    assert "✓ better" in shown
    assert "<b>" not in shown


def test_scores_of_the_first_version_have_no_verdict():
    shown = show_scores({"examples": 40, "base": {"right": 0.0}, "tuned": {"right": 0.5}, "answers": []})
    assert "50\u00a0%" in shown
    assert "Difference" not in shown
