"""What is measured by hand: it changes what decides, says so, and is refused where it makes no sense."""

from __future__ import annotations

import json

import pytest

from studio.compare.weigh import weigh
from studio.errors import SettingError
from studio.scores.choice import Choice, make_choice
from studio.scores.measures import MEASURES

MOODS = ["angry", "calm", "glad", "glad"] * 10
SUMS = [f"He buys {n}.\n#### {n},000" for n in range(1, 41)]
LETTERS = [f"Dear {n}, thank you for your message; we will send what is missing tomorrow." for n in range(40)]


def rows(wanted, base, tuned):
    return [
        {"wanted": each, "base": base(each), "tuned": tuned(each), "base_loss": 2.0, "tuned_loss": 1.0 + n % 3 / 10}
        for n, each in enumerate(wanted)
    ]


def weighed(wanted, choice, base=lambda each: "No.", tuned=lambda each: each):
    found = weigh(wanted, rows(wanted, base, tuned), choice)
    assert json.loads(json.dumps(found)) == found
    return found


def test_without_a_choice_the_data_decide_and_nothing_is_said_of_a_hand():
    found = weighed(LETTERS, Choice())
    assert found["main"] == found["suited"] == "chrf"
    assert (found["by_hand"], found["chosen"]) == ("", None)


@pytest.mark.parametrize(
    "measure", [each for each in MEASURES if each not in ("has_code", "fields_right", "json_valid")]
)
def test_every_measure_that_says_something_may_decide(measure):
    wanted, base = [f"{mood}." for mood in MOODS], "No."
    choice = make_choice(measure, pattern="a", labels="angry\ncalm\nglad", schema="{}")
    if measure == "extracted_right":
        wanted = [f"{mood} {n}" for n, mood in enumerate(MOODS)]
        choice = make_choice(measure, extract=r"(\d+)")
    elif measure == "language_kept":
        wanted, base, choice = (
            LETTERS,
            "Lieber Freund, vielen Dank für die Nachricht von gestern.",
            make_choice(measure),
        )
    found = weighed(wanted, choice, lambda each: base)
    assert found["main"] == measure
    assert measure in found["measures"]
    assert measure in found["apply"]
    assert found["verdict"]["reason"].casefold().startswith(MEASURES[measure].title.casefold())
    assert f"“{MEASURES[measure].title}”" in found["by_hand"]
    assert "no clean test" in found["by_hand"]
    values = found["by_example"]
    assert all(len(values[side]) == len(wanted) for side in ("base", "tuned"))
    assert any(value is not None for value in values["tuned"])


def test_a_measure_that_says_nothing_of_these_examples_can_not_decide():
    with pytest.raises(SettingError, match="“valid JSON” says nothing of these examples"):
        weighed(LETTERS, make_choice("json_valid"))
    assert "json_valid" not in weighed(LETTERS, Choice())["apply"]


def test_where_another_decides_it_is_told_what_the_data_would_have_said():
    found = weighed(LETTERS, make_choice("repetition"), tuned=lambda each: each * 3)
    assert found["verdict"]["word"] == "worse"
    assert "“repeats itself” was chosen by hand to decide." in found["by_hand"]
    assert "it would be “chrF”, which says: better." in found["by_hand"]


def test_the_measure_that_suits_is_not_called_chosen_by_hand_until_the_hand_changes_how_it_reads():
    assert weighed(LETTERS, make_choice("chrf"))["by_hand"] == ""
    found = weighed(MOODS, make_choice(labels="angry\ncalm"))
    assert found["by_hand"].startswith("“right label” decides, by what was given by hand (2 labels).")
    assert found["measures"]["label_right"]["examples"] == 20


@pytest.mark.parametrize(
    ("read_as", "base", "tuned", "right"),
    [
        ("", lambda each: each.replace(",", ""), lambda each: each.replace(",000", ",000.0"), (1, 1)),
        ("number", lambda each: each.replace(",", ""), lambda each: each.replace("#### ", "#### about "), (1, 0)),
        ("text", lambda each: each.replace(",", ""), lambda each: each.upper(), (0, 1)),
    ],
)
def test_results_are_compared_as_the_person_says(read_as, base, tuned, right):
    found = weighed(SUMS, make_choice("extracted_right", extract="#### (.+)", read_as=read_as), base, tuned)
    measured = found["measures"]["extracted_right"]
    assert (measured["base"]["value"], measured["tuned"]["value"]) == right


def test_a_pattern_of_ones_own_takes_out_the_first_brackets_of_the_last_place():
    wanted = [f"First 1 then x={n}" for n in range(40)]
    choice = make_choice("extracted_right", extract=r"x=(\d+)")
    found = weighed(wanted, choice, lambda each: each.replace("x=", "y="), lambda each: each.replace("x=", "x=0 x="))
    assert found["measures"]["extracted_right"]["base"]["value"] == 0
    assert found["measures"]["extracted_right"]["tuned"]["value"] == 1


def test_a_schema_of_ones_own_stands_in_for_the_inferred_one():
    wanted = [json.dumps({"order": n}) for n in range(40)]
    schema = '{"type": "object", "properties": {"order": {"maximum": 9}}}'
    found = weighed(wanted, make_choice("schema_valid", schema=schema), tuned=lambda each: '{"order": 3}')
    assert found["measures"]["schema_valid"]["tuned"]["value"] == 1
    assert "(a schema)" in found["by_hand"]
    assert found["expected"]["schema"] == json.loads(schema)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"measure": "best"}, "There is no measure 'best'"),
        ({"measure": "pattern_found"}, "“matches the pattern” needs a pattern"),
        ({"pattern": "("}, "is no regular expression"),
        ({"extract": "("}, "is no regular expression"),
        ({"read_as": "sound"}, "Results can't be compared as 'sound'"),
        ({"labels": "angry"}, "One label alone"),
        ({"labels": "calm\nCALM."}, "One label alone"),
        ({"labels": "a\n" + "w" * 41}, "too long for a label"),
        ({"schema": "no"}, "The schema is no JSON"),
    ],
)
def test_what_was_typed_wrongly_is_refused_with_a_sentence(given, said):
    with pytest.raises(SettingError) as raised:
        make_choice(**given)
    assert said in raised.value.what
    assert raised.value.do


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"extract": "@@@ (.+)"}, "is found in none of the wanted answers"),
        ({"labels": "up\ndown"}, "None of the wanted answers is one of your labels: down, up"),
        ({"extract": "Dear (.)", "measure": "label_right"}, "“right label” says nothing of these examples"),
        ({"extract": "(thank)", "read_as": "number"}, "None of the wanted results is a number"),
        ({"read_as": "number"}, "There is no pattern that takes a result"),
        ({"pattern": r"(.|..)+\x00$"}, "takes too long on these answers"),
    ],
)
def test_what_makes_no_sense_of_the_answers_is_refused_with_a_sentence(given, said, monkeypatch):
    monkeypatch.setattr("studio.scores.search.MOST_S", 1.0)
    with pytest.raises(SettingError) as raised:
        weighed(LETTERS, make_choice(**given))
    assert said in raised.value.what
    assert raised.value.do


def test_blank_fields_leave_it_to_the_data():
    assert make_choice("auto", " ", "\n", "", "\n \n", "  ") == Choice()
    assert not make_choice()


def test_a_choice_is_kept_whole():
    choice = make_choice("macro_f1", "^a", "(b)", "text", "Up\ndown.", '{"type": "object"}')
    assert choice.labels == ("down", "up")
    assert Choice.from_dict(json.loads(json.dumps(choice.as_dict()))) == choice
