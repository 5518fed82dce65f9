"""A JSON schema inferred from a data set's answers, and whether a value keeps to it.

Of a schema is understood what inference writes, and what `own_schema.read_schema` lets through.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

Schema = dict[str, Any]

MOST_CHOICES = 12
FEWEST_A_CHOICE = 5  # times that each was seen, on average
FEWEST_TO_CLOSE = 20  # objects after which a key that was never seen is a wrong one
_NAMES = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}
TYPES = {*_NAMES.values(), "null"}


def infer_schema(values: Sequence[Any]) -> Schema:
    """The narrowest schema that all values keep to; of none the one that all keep to.

    Keys and choices count as a closed set only if none was seen but once: the share of those seen once tells how
    many more are to come. Source: Good 1953, The population frequencies of species.
    """
    if not values:
        return {}
    types = {_type_of(value) for value in values}
    if "number" in types:
        types -= {"integer"}
    schema: Schema = {"type": sorted(types) if len(types) > 1 else next(iter(types))}
    if choices := _choices(values, types):
        schema["enum"] = choices
    if objects := [value for value in values if isinstance(value, dict)]:
        schema |= _infer_object(objects)
    if items := [item for value in values if isinstance(value, list) for item in value]:
        schema["items"] = infer_schema(items)
    return schema


def _type_of(value: Any) -> str:
    return "null" if value is None else _NAMES[type(value)]


def _choices(values: Sequence[Any], types: set[str]) -> list[Any]:
    if "string" not in types or types - {"string", "null"}:
        return []
    counts = Counter(values)
    is_closed = (
        len(counts) <= MOST_CHOICES and len(values) >= FEWEST_A_CHOICE * len(counts) and 1 not in counts.values()
    )
    return sorted(counts, key=lambda value: (value is None, value)) if is_closed else []


def _infer_object(objects: Sequence[dict[str, Any]]) -> Schema:
    counts = Counter(key for each in objects for key in each)
    if not counts:
        return {}
    if len(objects) >= FEWEST_TO_CLOSE and max(counts.values()) < len(objects) / 2 and 1 in counts.values():
        # Keys that are data, such as names: what they hold can be learned, they themselves not.
        return {"additionalProperties": infer_schema([value for each in objects for value in each.values()])}
    schema: Schema = {
        "properties": {key: infer_schema([each[key] for each in objects if key in each]) for key in counts},
        "required": sorted(key for key, count in counts.items() if count == len(objects)),
    }
    if len(objects) >= FEWEST_TO_CLOSE and 1 not in counts.values():
        schema["additionalProperties"] = False
    return schema


def fits(value: Any, schema: Schema | bool) -> bool:
    """Whether a value keeps to a schema of ours, as jsonschema would say."""
    if isinstance(schema, bool):
        return schema
    types = schema.get("type", [])
    wanted = [types] if isinstance(types, str) else types
    if wanted and not any(_is_of(value, name) for name in wanted):
        return False
    if "enum" in schema and not any(is_same(value, each) for each in schema["enum"]):
        return False
    if "const" in schema and not is_same(value, schema["const"]):
        return False
    if not _keeps_bounds(value, schema) or not _fits_parts(value, schema):
        return False
    if isinstance(value, dict):
        return _fits_object(value, schema)
    return not isinstance(value, list) or all(fits(item, schema.get("items", True)) for item in value)


def is_same(one: Any, other: Any) -> bool:
    """As JSON has it: 1 is 1.0, and true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(is_same(one[key], other[key]) for key in one)
    return bool(one == other)


def _keeps_bounds(value: Any, schema: Schema) -> bool:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return (
            ("minimum" not in schema or value >= schema["minimum"])
            and ("maximum" not in schema or value <= schema["maximum"])
            and ("exclusiveMinimum" not in schema or value > schema["exclusiveMinimum"])
            and ("exclusiveMaximum" not in schema or value < schema["exclusiveMaximum"])
        )
    if isinstance(value, str | list):
        of = "Length" if isinstance(value, str) else "Items"
        return bool(schema.get(f"min{of}", 0) <= len(value) <= schema.get(f"max{of}", len(value)))
    return True


def _fits_parts(value: Any, schema: Schema) -> bool:
    return (
        all(fits(value, each) for each in schema.get("allOf", []))
        and ("anyOf" not in schema or any(fits(value, each) for each in schema["anyOf"]))
        and ("oneOf" not in schema or sum(fits(value, each) for each in schema["oneOf"]) == 1)
        and ("not" not in schema or not fits(value, schema["not"]))
    )


def _is_of(value: Any, name: str) -> bool:
    if name == "integer" and isinstance(value, float):
        return value.is_integer()  # JSON knows one kind of number: 1.0 is an integer
    return _type_of(value) in (("integer", "number") if name == "number" else (name,))


def _fits_object(value: dict[str, Any], schema: Schema) -> bool:
    known, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    return all(key in value for key in schema.get("required", [])) and all(
        fits(item, known.get(key, others)) for key, item in value.items()
    )
