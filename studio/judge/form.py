"""What a judge must reply: one JSON object, by this schema, and how it is read."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from studio.data.json_rows import parse_first

CRITERIA = {
    "accuracy": "what it says is right, measured by the reference where there is one",
    "completeness": "all that was asked for is there",
    "form": "it has the form, the length and the tone that were asked for, and that the reference shows",
    "usefulness": "who asked can use it as it stands",
}
WORST, BEST = 1, 5
MOST_TOKENS = 2048  # of a reply; a model that thinks aloud needs more than the two short reasons
MOST_OF_A_REASON = 600  # characters; a small model that begins to repeat itself would not end
Score = Annotated[int, Field(ge=WORST, le=BEST, strict=True)]
Place = Literal["first", "second"]
PLACES: tuple[Place, Place] = ("first", "second")


class Rating(BaseModel):
    """Of one answer. Additions of the judge's own are left aside."""

    model_config = ConfigDict(frozen=True)

    reason: str = Field(min_length=1)
    accuracy: Score
    completeness: Score
    form: Score
    usefulness: Score

    def of(self, criterion: str) -> int:
        return int(getattr(self, criterion))


class Judgement(BaseModel):
    """Of two answers in one order; `better` is its word on the whole."""

    model_config = ConfigDict(frozen=True)

    first: Rating
    second: Rating
    better: Literal["first", "second", "same"]


class UnreadableError(ValueError):
    """A reply that is no judgement; its text says why."""


def _side() -> dict[str, Any]:
    scores = {name: {"type": "integer", "enum": list(range(WORST, BEST + 1))} for name in CRITERIA}
    reason = {"type": "string", "minLength": 1, "maxLength": MOST_OF_A_REASON}
    return _whole({"reason": reason, **scores})  # the reason first: a model thinks by writing


def _whole(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


SCHEMA = _whole(
    {"first": _side(), "second": _side(), "better": {"type": "string", "enum": ["first", "second", "same"]}}
)


def read_judgement(text: str) -> Judgement:
    """The first whole judgement in what a model wrote, whatever stands around it. Raises: UnreadableError."""
    broken, said, place = False, "", 0
    while (place := text.find("{", place)) >= 0:
        try:
            value, end = parse_first(text, place)
        except json.JSONDecodeError:
            broken, place = True, place + 1
            continue
        try:
            return Judgement.model_validate(value)
        except ValidationError as error:
            said = _words_of(error)
        place = end
    raise UnreadableError("there is no whole JSON object in it" if broken or not said else said)


def _words_of(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())[:400]
