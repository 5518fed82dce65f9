"""One word and why, then each measure; scores of the first version are shown without what they lack."""

from __future__ import annotations

from html import escape

from components.scores_view import show_scores
from studio.compare.weigh import weigh
from studio.scores.measures import MEASURES


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
    assert "<strong>+100\u00a0points</strong> (+" in shown
    assert "✓ better" in shown
    assert "<b>" not in shown


def test_where_lower_is_better_it_says_so_and_what_each_measure_means_needs_no_mouse():
    rows = [{"wanted": "Yes.", "base": "No.", "tuned": "Yes.", "base_loss": 2.0, "tuned_loss": 1.0} for _ in range(20)]
    shown = show_scores({"examples": 20, **weigh(["Yes."] * 20, rows)})
    table, _, meanings = shown.partition("<summary>What these mean</summary>")
    assert "<strong>words in common, folded</strong></th>" in table
    assert "loss (lower is better)</th>" in table
    assert "<strong>\u22121.00</strong>" in table, "a loss has no points"
    for measure in ("right", "loss"):
        assert f"<strong>{MEASURES[measure].title}</strong>: {escape(MEASURES[measure].help)}</li>" in meanings
    assert MEASURES["label_right"].help not in meanings, "it is not shown"


def test_scores_of_the_first_version_have_no_verdict():
    shown = show_scores({"examples": 40, "base": {"right": 0.0}, "tuned": {"right": 0.5}, "answers": []})
    assert "50\u00a0%" in shown
    assert "Difference" not in shown
