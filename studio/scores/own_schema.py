"""A JSON schema that a person gives: what of it can be checked is, and what can't is refused by name.

Source: JSON Schema, draft 2020-12, https://json-schema.org/draft/2020-12/json-schema-validation
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from studio.errors import SettingError
from studio.scores.form import parse
from studio.scores.schema import TYPES, Schema

MOST_PARTS = 2_000  # a reference may stand often; each use of it is a part
SAID = {"$schema", "$id", "$comment", "$defs", "definitions", "title", "description", "default", "examples", "format",
        "deprecated", "readOnly", "writeOnly"}  # fmt: skip
COUNTS = {"minLength", "maxLength", "minItems", "maxItems"}
BOUNDS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
LISTED = {"anyOf", "oneOf", "allOf"}
Fits = Callable[[Any], bool]


def read_schema(text: str) -> Schema:
    """Without references: each stands where it was referred to.

    Raises: SettingError if it is no JSON, no schema, or asks for what is not checked here.
    """
    try:
        given = parse(text)
    except ValueError as error:
        raise SettingError(f"The schema is no JSON: {error}.", "Mend it, or leave the field empty.") from None
    if not isinstance(given, dict):
        raise SettingError("The schema is no JSON object.", 'Write one as {"type": "object", "required": ["name"]}.')
    return _Reader(given).schema


class _Reader:
    def __init__(self, given: dict[str, Any]) -> None:
        self.given = given
        self.parts = 0
        self.schema: Schema = self._read(given, ())

    def _read(self, part: Any, within: tuple[str, ...]) -> Any:
        """`within`: the references that led here."""
        self.parts += 1
        if self.parts > MOST_PARTS:
            raise SettingError(f"The schema has more than {MOST_PARTS:,} parts.", "Give a smaller one.")
        if isinstance(part, bool):
            return part
        if not isinstance(part, dict):
            raise _wrong(f"{json.dumps(part)[:60]} stands where a schema should")
        read: Schema = {}
        for name, value in part.items():
            if name == "$ref":
                read.setdefault("allOf", []).append(self._follow(value, within))
            elif name == "properties" and isinstance(value, dict):
                read[name] = {key: self._read(each, within) for key, each in value.items()}
            elif name in ("items", "additionalProperties", "not"):
                read[name] = self._read(value, within)
            elif name in LISTED and isinstance(value, list) and value:
                read.setdefault(name, []).extend(self._read(each, within) for each in value)
            elif name in PLAIN:
                if not PLAIN[name](value):
                    raise _wrong(f"“{name}” can't be {json.dumps(value)[:60]}")
                read[name] = value
            elif name not in SAID:
                raise _wrong(f"“{name}” is not checked here, or not in that form")
        return read

    def _follow(self, reference: Any, within: tuple[str, ...]) -> Any:
        if reference in within:
            raise _wrong(f"“{reference}” refers to itself")
        found: Any = self.given
        for step in _steps(reference):
            if not isinstance(found, dict) or step not in found:
                raise _wrong(f"“{reference}” leads nowhere")
            found = found[step]
        return self._read(found, (*within, reference))


def _steps(reference: Any) -> Iterator[str]:
    if not isinstance(reference, str) or not reference.startswith("#/"):
        raise _wrong(
            f"{json.dumps(reference)[:60]} does not lead to a part of the schema itself, as “#/$defs/name” does"
        )
    for step in reference.split("/")[1:]:
        yield step.replace("~1", "/").replace("~0", "~")


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _are_types(value: Any) -> bool:
    names = value if isinstance(value, list) else [value]
    return bool(names) and all(isinstance(name, str) and name in TYPES for name in names)


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


PLAIN: dict[str, Fits] = {
    "type": _are_types,
    "enum": lambda value: isinstance(value, list),
    "const": lambda value: True,
    "required": _are_names,
    **dict.fromkeys(COUNTS, _is_count),
    **dict.fromkeys(BOUNDS, _is_number),
}


def _wrong(what: str) -> SettingError:
    known = sorted({*PLAIN, *LISTED, "properties", "items", "additionalProperties", "not", "$ref"})
    return SettingError(f"The schema can't be used: {what}.", f"What can be checked: {', '.join(known)}.")
