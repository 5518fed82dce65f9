"""What a person measures by, where it is not what looking at the data would choose."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, get_args

from studio.data.audit.form import LONGEST_LABEL, label_of
from studio.errors import SettingError
from studio.extras import EXTRAS
from studio.scores.expected import Expected
from studio.scores.extract import Reading, extract
from studio.scores.labels import read_label
from studio.scores.measures import MEASURES, Measure
from studio.scores.numbers import as_number
from studio.scores.own_schema import read_schema
from studio.scores.schema import Schema
from studio.scores.search import require_pattern, require_quick
from studio.scores.suiting import Suiting

AS_SUITS = "auto"
# What each field, once filled, makes it possible to measure by.
OF_FIELDS = {
    "pattern": ("pattern_found",),
    "extract": ("extracted_right",),
    "labels": ("label_right", "macro_f1", "label_known"),
    "schema": ("schema_valid",),
}


@dataclass(frozen=True)
class Choice:
    """Each field empty where the data decide. `schema` is as `read_schema` gives it; `labels` are folded."""

    measure: str = ""
    pattern: str = ""
    extract: str = ""
    read_as: Reading = ""
    labels: tuple[str, ...] = ()
    schema: Schema | None = None

    def __bool__(self) -> bool:
        return self != Choice()

    @property
    def given(self) -> set[str]:
        """Measures that something else than the data is behind."""
        found = {name for field, names in OF_FIELDS.items() if getattr(self, field) for name in names}
        return found | ({"extracted_right"} if self.read_as else set())

    def applied_to(self, found: Expected) -> Expected:
        return replace(
            found,
            schema=found.schema if self.schema is None else self.schema,
            labels=self.labels or found.labels,
            pattern=self.pattern or found.pattern,
            extract=self.extract or found.extract,
            read_as=self.read_as or found.read_as,
        )

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "labels": list(self.labels)}

    @classmethod
    def from_dict(cls, kept: dict[str, Any]) -> Choice:
        return cls(**{**kept, "labels": tuple(kept["labels"])})


@dataclass(frozen=True)
class Typed:
    """The arguments of `make_choice` as they stand in a form, whether or not they make sense."""

    measure: str = AS_SUITS
    pattern: str = ""
    extract: str = ""
    read_as: str = ""
    labels: str = ""
    schema: str = ""

    @classmethod
    def of(cls, choice: Choice) -> Typed:
        schema = json.dumps(choice.schema, ensure_ascii=False, indent=1) if choice.schema is not None else ""
        labels = "\n".join(choice.labels)
        return cls(choice.measure or AS_SUITS, choice.pattern, choice.extract, choice.read_as, labels, schema)


def make_choice(
    measure: str = "", pattern: str = "", extract: str = "", read_as: str = "", labels: str = "", schema: str = ""
) -> Choice:
    """From what was typed: labels a line each, the schema as JSON. Blank is empty.

    Raises: SettingError with what is wrong.
    """
    pattern, extract, schema = (text if text.strip() else "" for text in (pattern, extract, schema))
    require_pattern(pattern)
    require_pattern(extract)
    measure = "" if measure == AS_SUITS else measure
    if measure and measure not in MEASURES:
        there = [each.id for each in MEASURES.values() if is_at_hand(each)]
        raise SettingError(f"There is no measure {measure!r}.", f"Those there are: {', '.join(there)}.")
    if measure:
        require_at_hand(MEASURES[measure])
    if measure == "pattern_found" and not pattern:
        raise SettingError(f"“{MEASURES[measure].title}” needs a pattern.", "Give one, or let another measure decide.")
    if read_as not in get_args(Reading):
        raise SettingError(f"Results can't be compared as {read_as!r}.", "Compare them as number or as text.")
    reading: Reading = "number" if read_as == "number" else "text" if read_as == "text" else ""
    kept = read_schema(schema) if schema else None
    return Choice(measure, pattern, extract, reading, _read_labels(labels), kept)


def is_at_hand(measure: Measure) -> bool:
    """Whether it can be computed here: it needs no extra, or one that was added."""
    return not measure.extra or EXTRAS[measure.extra].is_added


def require_at_hand(measure: Measure) -> None:
    """Raises: SettingError with how to add the extra that it needs."""
    if not is_at_hand(measure):
        raise SettingError(f"“{measure.title}” is an extra, and is not here.", EXTRAS[measure.extra].how)


def _read_labels(text: str) -> tuple[str, ...]:
    lines = [line for line in text.splitlines() if line.strip()]
    for line in lines:
        if not label_of(line):
            raise SettingError(
                f"“{line.strip()[:60]}” is too long for a label.", f"A label has up to {LONGEST_LABEL} characters."
            )
    labels = sorted({label_of(line) for line in lines})
    if len(labels) == 1:
        raise SettingError("One label alone tells nothing apart.", "Write two or more, each on a line of its own.")
    return tuple(labels)


def require_sense(choice: Choice, expected: Expected, wanted: Sequence[str], answers: Sequence[str]) -> None:
    """Whether it can be held against these wanted answers. Raises: SettingError if not, or if it takes too long."""
    require_quick([choice.pattern, choice.extract], [*wanted, *answers])
    results = [extract(expected.extract, text) for text in wanted] if expected.extract else []
    if choice.extract and not any(result is not None for result in results):
        raise SettingError(
            f"“{choice.extract}” is found in none of the wanted answers.", "Then there is nothing to compare; mend it."
        )
    if choice.read_as and not results:
        raise SettingError("There is no pattern that takes a result out of an answer.", "Give one, such as #### (.+).")
    if choice.read_as == "number" and not any(result and as_number(result) is not None for result in results):
        raise SettingError(
            "None of the wanted results is a number.", "Mend the pattern, or compare the results as text."
        )
    if choice.labels and not any(read_label(choice.labels, text) for text in wanted):
        raise SettingError(
            f"None of the wanted answers is one of your labels: {', '.join(choice.labels)[:200]}.",
            "Write them as they stand in the data.",
        )


def decides(choice: Choice, suited: Suiting) -> Suiting:
    """The measures that suit, and those that were asked for; `reason` as it suits."""
    chosen = {*suited.measures, *choice.given, *([choice.measure] if choice.measure else [])}
    main = choice.measure or suited.main
    return Suiting(tuple(name for name in MEASURES if name in chosen), main, suited.reason)


def is_by_hand(choice: Choice, main: str, suited: str) -> bool:
    """Whether what decides is another measure than the data would choose, or is read by what the person gave."""
    return main != suited or main in choice.given


def say_choice(choice: Choice, main: str, suited: str, word: str) -> str:
    """In sentences, for window and report alike. `word`: what the measure that suits says; empty if nothing."""
    if not is_by_hand(choice, main, suited):
        return ""
    title = MEASURES[main].title
    if main == suited:
        said = f"“{title}” decides, by what was given by hand{say_fields(choice, main)}."
    else:
        said = f"“{title}” was chosen by hand to decide{say_fields(choice, main)}."
        said += f" By looking at the data it would be “{MEASURES[suited].title}”"
        said += f", which says: {word}.".replace("'", "’") if word else "."
    return (
        f"{said} Whoever picks a measure after seeing the answers can find one that flatters, so this is no clean test."
    )


def say_fields(choice: Choice, main: str) -> str:
    """ " (the pattern “^Ticket”)": what was given by hand for this measure; empty where nothing was."""
    said = {
        "pattern": f"the pattern “{choice.pattern}”",
        "extract": f"the pattern “{choice.extract}”",
        "labels": f"{len(choice.labels)} labels",
        "schema": "a schema",
    }
    found = [words for field, words in said.items() if getattr(choice, field) and main in OF_FIELDS[field]]
    if choice.read_as and main == "extracted_right":
        found.append(f"results compared as {choice.read_as}{'s' if choice.read_as == 'number' else ''}")
    return f" ({' and '.join(found)})" if found else ""
