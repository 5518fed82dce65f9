"""What a data set's answers have in common, so that a single answer can be held against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from studio.scores.extract import Reading, find_extract
from studio.scores.form import as_json
from studio.scores.labels import find_labels
from studio.scores.numbers import Decimals, decimals_of
from studio.scores.schema import Schema, infer_schema
from studio.scores.search import require_pattern


@dataclass(frozen=True)
class Expected:
    """`pattern` must match in each answer, `extract` gives the answer proper; both may be set by the person.

    `schema` is None where the answers are not all JSON; `labels` is empty where they are not one of a few. `decimals`
    says how a number such as 1.234 is to be read.
    """

    schema: Schema | None = None
    labels: tuple[str, ...] = ()
    pattern: str = ""
    extract: str = ""
    read_as: Reading = ""
    decimals: Decimals = "."

    def with_patterns(self, pattern: str = "", extract: str = "") -> Expected:
        """Raises: SettingError if one is no regular expression."""
        for each in (pattern, extract):
            require_pattern(each)
        return replace(self, pattern=pattern, extract=extract)

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "labels": list(self.labels)}

    @classmethod
    def from_dict(cls, kept: dict[str, Any]) -> Expected:
        return cls(**{**kept, "labels": tuple(kept["labels"])})  # an older one does not know `decimals`


def learn_expected(wanted: Sequence[str]) -> Expected:
    """From the wanted answers of a data set; the more there are, the surer. Learned from, not asked: training's too."""
    read = [as_json(text) for text in wanted]
    values = [value for is_json, value in read if is_json and isinstance(value, dict | list)]
    schema = infer_schema(values) if values and len(values) == len(wanted) else None
    labels = () if schema is not None else find_labels(wanted)
    if labels or schema is not None:
        return Expected(schema, labels)
    return Expected(extract=find_extract(wanted), decimals=decimals_of(wanted))
