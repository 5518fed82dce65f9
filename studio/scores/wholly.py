"""How many answers are the wanted one, beside a measure that forgives: a little nearer is not yet right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

FIELDS = ("fields_right", "schema_valid", "json_valid")  # of JSON, in which no word stands where it stood
ALREADY = ("right", "exact", "label_right", "extracted_right")  # a share of right answers by itself
LONGEST = 400  # letters, in the mean: of longer free text nobody wants each word


def say_wholly(main: str, measures: Mapping[str, Mapping[str, Any]], wanted: Sequence[str]) -> str:
    """A sentence; empty where the measure that decides tells it already, where none does, or of long free text.

    measures: as `Comparison.as_dict` gives them, by their ids; wanted: the wanted answers of the same examples.
    """
    found = measures.get("right")
    if main in ALREADY or not found:
        return ""
    is_form = main in FIELDS
    if not is_form and sum(map(len, wanted)) > LONGEST * len(wanted):
        return ""
    count = found["examples"]
    right = round(found["tuned"]["value"] * count)
    are = f"{right or 'None'} of {count} answers {'is' if right < 2 else 'are'}"
    return f"{are} wholly right." if is_form else f"{are} word for word the wanted {'one' if right < 2 else 'ones'}."
