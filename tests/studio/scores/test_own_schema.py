"""A schema that a person gives: checked as jsonschema does, or refused by name."""

from __future__ import annotations

import json

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from studio.errors import SettingError
from studio.scores.own_schema import read_schema
from studio.scores.schema import fits

# As Pydantic writes one: titles, a reference, a choice of types, bounds.
TICKET = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Ticket",
    "type": "object",
    "$defs": {
        "Item": {"type": "object", "properties": {"count": {"type": "integer", "minimum": 1, "exclusiveMaximum": 9}},
                 "required": ["count"], "additionalProperties": False},
    },
    "properties": {
        "order": {"type": "string", "minLength": 2, "maxLength": 4},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
        "items": {"type": "array", "items": {"$ref": "#/$defs/Item"}, "minItems": 1, "maxItems": 2},
        "kind": {"oneOf": [{"const": "order"}, {"const": 1}, {"enum": [[1], {"a": True}, False]}]},
        "price": {"allOf": [{"maximum": 10}, {"exclusiveMinimum": 0}], "not": {"const": 5}},
    },
    "required": ["order"],
}  # fmt: skip
LEAVES = (
    some.none()
    | some.booleans()
    | some.integers(-1, 11)
    | some.sampled_from([1.0, 5.0, 0.5, "", "ab", "abcde", "order"])
)
VALUES = some.recursive(
    LEAVES,
    lambda inner: (
        some.lists(inner, max_size=3)
        | some.dictionaries(
            some.sampled_from(["order", "note", "items", "kind", "price", "count", "a"]), inner, max_size=5
        )
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(VALUES, some.sampled_from(["", *TICKET["properties"]]))
def test_a_value_keeps_to_it_just_where_jsonschema_says_so(value, field):
    judge = jsonschema.Draft202012Validator(TICKET)
    ticket = {"order": "4821", field: value} if field else value
    assert fits(ticket, read_schema(json.dumps(TICKET))) == judge.is_valid(ticket)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("{", "is no JSON: "),
        ("[]", "is no JSON object"),
        ('{"pattern": "^a"}', "“pattern” is not checked here"),
        ('{"type": "text"}', '“type” can\'t be "text"'),
        ('{"type": []}', "“type” can't be"),
        ('{"minimum": "3"}', "“minimum” can't be"),
        ('{"minItems": -1}', "“minItems” can't be"),
        ('{"required": "name"}', "“required” can't be"),
        ('{"properties": {"a": 3}}', "3 stands where a schema should"),
        ('{"anyOf": []}', "“anyOf” is not checked here, or not in that form"),
        ('{"$ref": "https://example.org/schema"}', "does not lead to a part of the schema itself"),
        ('{"$ref": "#/$defs/none"}', "“#/$defs/none” leads nowhere"),
        ('{"$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}, "$ref": "#/$defs/a"}', "“#/$defs/a” refers to itself"),
        ('{"a":' * 5000 + "1" + "}" * 5000, "The schema"),
    ],
)
def test_what_can_not_be_checked_is_refused_by_name(given, said):
    with pytest.raises(SettingError) as raised:
        read_schema(given)
    assert said in raised.value.what
    assert raised.value.do


def test_references_that_multiply_without_end_are_refused():
    doubling = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)} | {"d40": {}}
    with pytest.raises(SettingError, match="more than 2,000 parts"):
        read_schema(json.dumps({"$defs": doubling, "$ref": "#/$defs/d0"}))
