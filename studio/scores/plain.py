"""The few measures that every run is told in by name, whatever its data."""

from __future__ import annotations

from collections.abc import Sequence

from studio.scores.measures import MEASURES, Example

PLAIN = ("right", "fields_right", "json_valid", "word_overlap")


def measure(wanted: str, answer: str) -> dict[str, float]:
    """Each measure's name to its value, 0 to 1. Those of JSON only where the wanted answer is a JSON object."""
    found = {name: value(Example(wanted), answer) for name in PLAIN if (value := MEASURES[name].value)}
    return {name: value for name, value in found.items() if value is not None}


def average(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    """The mean of each measure over the rows that have it."""
    known = {name: [row[name] for row in rows if name in row] for name in PLAIN}
    return {name: round(sum(values) / len(values), 4) for name, values in known.items() if values}
