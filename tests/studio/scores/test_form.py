"""Whether an answer has the form that was wanted: JSON, its fields, its schema, a code block, a pattern."""

from __future__ import annotations

import json
from dataclasses import replace

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from studio.errors import SettingError
from studio.scores.expected import Expected, learn_expected
from studio.scores.form import MOST_NESTED, by_field, fields_right, has_code_block, is_json_object, share_by_field
from studio.scores.measures import MEASURES, Example
from studio.scores.schema import fits, infer_schema
from studio.scores.text import is_right

TICKET = '{"kind": "return", "order": "A-1", "items": [1, 2]}'
VALUES = some.recursive(
    some.none()
    | some.booleans()
    | some.integers(-3, 3)
    | some.sampled_from([0.5, 1.0, 2.0])
    | some.sampled_from("abc"),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.sampled_from("abcd"), inner, max_size=4),
    max_leaves=8,
)


def tickets(count: int) -> list[str]:
    kinds = ("return", "order", "complaint")
    made = [
        {"kind": kinds[i % 3], "order": f"A-{i}", "urgent": i % 2 == 0, "items": [{"name": f"n{i}", "count": i}]}
        | ({"note": f"Note {i}"} if i % 4 == 0 else {})
        for i in range(count)
    ]
    return [json.dumps(each) for each in made]


def test_json_is_measured_field_by_field():
    nearly = '{"kind": "return", "order": "A-2", "items": [1, 2], "note": "x"}'
    assert fields_right(TICKET, nearly) == pytest.approx(2 / 3)
    assert by_field(TICKET, nearly) == {"kind": True, "order": False, "items": True}
    assert (is_json_object(TICKET, TICKET[:-1]), fields_right(TICKET, TICKET[:-1])) == (0, 0)
    assert fields_right('{"a": null}', "{}") == 0
    assert (is_json_object("Yes", TICKET), fields_right("Yes", TICKET)) == (None, None)
    assert share_by_field([(TICKET, nearly), (TICKET, TICKET), ("Yes", "No")]) == {
        "kind": (2, 2),
        "order": (1, 2),
        "items": (2, 2),
    }


@pytest.mark.parametrize(
    ("wanted", "answer", "same"),
    [
        ('{"paid": true}', '{"paid": 1}', False),
        ('{"paid": 1}', '{"paid": true}', False),
        ('{"n": 0}', '{"n": false}', False),
        ('{"n": [1, {"is": true}]}', '{"n": [1, {"is": 1}]}', False),
        ('{"n": 1}', '{"n": 1.0}', True),
        ('{"n": true}', '{"n": true}', True),
    ],
)
def test_yes_is_no_number(wanted, answer, same):
    assert is_right(wanted, answer) is same
    assert fields_right(wanted, answer) == float(same)


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_what_only_python_takes_for_json_is_none(word):
    assert is_json_object(TICKET, f'{{"kind": {word}}}') == 0
    assert is_json_object(TICKET, f'{{"kind": "{word}"}}') == 1
    assert is_right(TICKET, f'{{"kind": {word}}}') is False
    assert MEASURES["schema_valid"].value(Example(TICKET, Expected(schema={})), f"[{word}]") == 0


def nested(levels: int) -> str:
    return '{"kind": ' + "[" * (levels - 1) + "]" * (levels - 1) + "}"


@pytest.mark.parametrize("levels", [MOST_NESTED + 1, 500, 900, 990, 100_000])
def test_an_answer_nested_without_end_is_wrong_and_breaks_nothing(levels):
    deepest = nested(MOST_NESTED)
    assert is_right(deepest, deepest)
    assert fits(json.loads(deepest), learn_expected([deepest] * 30).schema)
    assert (is_json_object(TICKET, nested(levels)), fields_right(TICKET, nested(levels))) == (0, 0)
    assert not is_right(TICKET, nested(levels))
    assert is_right(nested(levels), nested(levels)), "compared as text"
    assert learn_expected([nested(levels)] * 30).schema is None


@settings(max_examples=200, deadline=None)
@given(some.lists(VALUES, max_size=30), VALUES)
def test_a_schema_takes_all_that_it_was_learned_from_and_is_read_as_jsonschema_reads_it(values, other):
    schema = infer_schema(values)
    judge = jsonschema.Draft202012Validator(schema)
    judge.check_schema(schema)
    for value in values:
        assert fits(value, schema)
        assert judge.is_valid(value)
    assert fits(other, schema) == judge.is_valid(other)


@pytest.mark.parametrize(
    ("change", "keeps"),
    [
        ({}, True),
        ({"order": "never seen"}, True),
        ({"note": "y"}, True),
        ({"kind": "cancel"}, False),
        ({"urgent": "yes"}, False),
        ({"items": [{"name": "n"}]}, False),
        ({"items": []}, True),
        ({"price": 3}, False),
    ],
)
def test_a_ticket_keeps_the_fields_types_and_choices_of_the_others(change, keeps):
    expected = learn_expected(tickets(60))
    first = json.loads(tickets(1)[0])
    value = MEASURES["schema_valid"].value(Example(tickets(1)[0], expected), json.dumps(first | change))
    assert value == float(keeps)
    assert MEASURES["schema_valid"].value(Example(tickets(1)[0], expected), "{") == 0
    assert expected.schema["required"] == ["items", "kind", "order", "urgent"]
    assert Expected.from_dict(json.loads(json.dumps(expected.as_dict()))) == expected


def test_keys_that_are_names_are_not_demanded_of_others():
    schema = infer_schema([{f"person {i}": i} for i in range(40)])
    assert fits({"somebody else": 3}, schema)
    assert not fits({"somebody else": "three"}, schema)


def test_a_few_examples_close_nothing():
    schema = infer_schema([json.loads(text) for text in tickets(4)])
    assert fits(json.loads(tickets(1)[0]) | {"kind": "cancel", "price": 3}, schema)


@pytest.mark.parametrize(
    ("text", "has"),
    [
        ("So:\n```python\nprint(1)\n```\nDone.", True),
        ("```\nx\n```", True),
        ("~~~sh\nls\n~~~", True),
        ("```python\nprint(1)", False),
        ("use `ls`", False),
        ("``` inline ```", False),
        ("", False),
    ],
)
def test_a_code_block_begins_and_ends(text, has):
    assert has_code_block(text) is has
    assert MEASURES["has_code"].value(Example("```\nx\n```"), text) == float(has)
    assert MEASURES["has_code"].value(Example("x"), text) is None


def test_a_pattern_that_the_person_gave_is_looked_for():
    value = MEASURES["pattern_found"].value
    expected = Expected().with_patterns(pattern=r"^Ticket \d+")
    assert [value(Example("x", expected), text) for text in ("Hello\nTicket 12", "ticket", "")] == [1, 0, 0]
    assert value(Example("x"), "Ticket 12") is None
    assert replace(expected, pattern="") == Expected()
    with pytest.raises(SettingError, match="no regular expression"):
        Expected().with_patterns(extract="(")
