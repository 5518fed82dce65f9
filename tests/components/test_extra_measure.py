"""A measure that is an extra: offered where it was added; where not, one line says how to add it."""

from __future__ import annotations

import gradio as gr
import pytest

from components.answers_table import show_answers
from components.choice_form import build_choice_form, show_help
from components.scores_view import show_scores
from studio.compare.weigh import weigh
from studio.scores.choice import Choice, Typed, make_choice

LETTERS = [f"Parcel {n * 37} was found again and comes to your house in {n % 7} days." for n in range(40)]
HOW = "“similarity of meaning” is an extra. In Tunesmith’s folder, “python launch.py --add similarity” adds it."


@pytest.fixture
def without(monkeypatch):
    """As where the extra was not added."""
    monkeypatch.setattr("studio.extras.find_spec", lambda module: None)


def found(choice=None):
    rows = [{"prompt": f"Where is it, {n}?", "row": n, "wanted": each, "base": "No.", "tuned": each}
            for n, each in enumerate(LETTERS)]  # fmt: skip
    return {"examples": 40, **weigh(LETTERS, rows, choice), "answers": rows}


def offered(scores, picked="auto"):
    with gr.Blocks():
        form = build_choice_form()
    shown = {output.elem_id: value for output, value in form.show(Typed(picked), scores).items()}
    return [value for _, value in shown["choose-measure"].choices], shown["choose-help"]


def test_where_it_was_added_it_is_offered_before_and_after_measuring():
    for scores in (None, found()):
        measures, help = offered(scores)
        assert "meaning" in measures
        assert "--add" not in help
    help = show_help("meaning")
    for words in ("in English", "Not for: is it true", "no order of words", "not” or another number"):
        assert words in help


def test_where_it_was_not_added_it_is_not_offered_and_one_line_says_how_and_what_is_fetched(without):
    for scores in (None, found()):
        measures, help = offered(scores)
        assert "meaning" not in measures
        assert help.count("<p") == 1
        assert HOW in help
        assert "It fetches wordllama from PyPI with its model in it, about 19 MB, once" in help
    assert HOW in show_help("chrf")
    assert "similarity of meaning" not in show_scores(found())


def test_scores_from_before_it_was_added_offer_it_all_the_same(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("studio.extras.find_spec", lambda module: None)
        before = found()
    assert "meaning" not in before["apply"]
    assert "meaning" in offered(before)[0]


def test_what_was_picked_when_it_was_there_still_stands_in_the_form(without):
    assert "meaning" in offered(None, "meaning")[0]


def test_it_is_shown_in_its_own_unit_with_an_interval():
    shown = show_scores(found(make_choice("meaning")))
    assert "<strong>similarity of meaning</strong></th><td>0.0" in shown or "</th><td>-0.0" in shown
    assert "<td>1.00</td>" in shown
    assert "Similarity of meaning: " in shown
    assert "Below each answer: similarity of meaning" in show_answers(found(make_choice("meaning")))
    assert ">1.00</span>" in show_answers(found(make_choice("meaning")))
    assert "similarity of meaning</th>" in show_scores(found(Choice()))
