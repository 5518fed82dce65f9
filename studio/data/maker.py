"""A model asked for examples, and the pairs in what it wrote."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from studio.data.json_rows import parse_first
from studio.served import ServedModel

SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "examples": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"question": {"type": "string"}, "answer": {"type": "string"}},
                "required": ["question", "answer"],
            },
        }
    },
    "required": ["examples"],
}


@dataclass
class Maker(ServedModel):
    schema: Mapping[str, Any] = field(default_factory=lambda: SCHEMA)
    temperature: float = 0.9  # the same prompt is asked again and again, and must not give the same


def parse_pairs(text: str) -> list[tuple[str, str]]:
    """Questions and answers out of what a model wrote: its JSON as a whole, else each object that can be read."""
    found: list[tuple[str, str]] = []
    place = 0
    while (place := text.find("{", place)) >= 0:
        try:
            value, end = parse_first(text, place)
        except json.JSONDecodeError:
            place += 1
            continue
        pairs = _pairs_of(value)
        found += pairs
        place = end if pairs else place + 1
    return found


def _pairs_of(value: Any) -> list[tuple[str, str]]:
    if not isinstance(value, dict):
        return []
    if isinstance(value.get("examples"), list):
        return [pair for each in value["examples"] for pair in _pairs_of(each)]
    if "question" not in value or "answer" not in value:
        return []
    question, answer = (
        part if isinstance(part, str) else json.dumps(part, ensure_ascii=False)
        for part in (value["question"], value["answer"])
    )
    return [(question.strip(), answer.strip())]
