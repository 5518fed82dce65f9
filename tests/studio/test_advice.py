"""Advice in the terms that people use, with its reason."""

from __future__ import annotations

import itertools

import pytest

from studio.data.advice import CHANGES, TRIED, WISHES, advise
from studio.data.audit.checks import BY_ID
from studio.data.audit.finding import Finding


def steps(*given, examples: int = 2000, findings=()) -> list[str]:
    return [step.what for step in advise(*given, examples, findings).steps]


@pytest.mark.parametrize("change", ["monthly", "weekly"])
def test_facts_that_change_are_searched_not_learned(change):
    advice = advise("knowledge", change, "examples", 5000, [])
    assert (advice.verdict, advice.steps[0].what) == ("no", "Search over your documents (RAG)")


def test_form_and_tone_are_what_fine_tuning_is_for():
    assert advise("behaviour", "weekly", "examples", 300, []).verdict == "yes"


def test_a_prompt_with_examples_comes_first_where_it_was_not_tried():
    assert steps("behaviour", "rarely", "prompt")[0].startswith("A prompt with three to five")
    assert steps("behaviour", "rarely", "examples") == ["Fine-tune"]


def test_too_few_examples_are_said_with_how_many_are_needed():
    assert "More examples: you have 30, and about 50 are needed" in steps(
        "behaviour", "rarely", "examples", examples=30
    )
    assert "More examples: you have 300, and about 1,000 are needed" in steps(
        "reasoning", "rarely", "examples", examples=300
    )


def test_what_is_broken_is_mended_first_if_it_is_more_than_a_little():
    empty = Finding(BY_ID["empty_message"], list(range(20)), 20)
    assert "Mend what is broken: 20 of 100 examples" in steps(
        "behaviour", "rarely", "examples", examples=100, findings=[empty]
    )
    assert steps("behaviour", "rarely", "examples", findings=[empty]) == ["Fine-tune"]


def test_every_way_to_answer_gives_advice_with_a_reason():
    for given in itertools.product(WISHES, CHANGES, TRIED):
        advice = advise(*given, 10, [])
        assert advice.sentence.endswith(".")
        assert advice.steps
        assert all(len(step.why) > 40 for step in advice.steps)
