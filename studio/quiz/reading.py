"""The questions of the quiz, as they lie in assets/quiz: a file a subject, and the off-topic prompts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from studio.quiz.checks import FORMS
from studio.train.recipe import YAML_LOADER
from studio.workspace import ASSETS

FOLDER = ASSETS / "quiz"
OFF_TOPIC = "off_topic.yaml"
# Strict, since YAML reads an unquoted no as False and 5 as a number.
Text = Annotated[str, StringConstraints(strict=True, min_length=1)]


class Item(BaseModel):
    """One question: either `options`, of which the likeliest is the model's choice, or a check of what it writes.

    `begin` is how the answer begins, given to the model, so that only what it knows is asked and not its manner.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ask: Text
    begin: str = ""
    options: tuple[Text, ...] = Field((), max_length=4)
    right: str = Field("", description="The option that is right, as it stands among them.")
    answer: tuple[Text, ...] = Field((), description="What may be written, after folding.")
    form: str = Field("", description="A name in checks.FORMS.")

    @model_validator(mode="after")
    def _can_be_marked(self) -> Self:
        if [bool(self.options), bool(self.answer), bool(self.form)].count(True) != 1:
            raise ValueError(f"{self.ask!r} needs options, an answer or a form, and one of them only")
        if self.options and (len(set(self.options)) < 2 or self.options.count(self.right) != 1):
            raise ValueError(f"{self.ask!r} needs two to four different options with the right one among them")
        if not self.options and (self.right or self.begin):
            raise ValueError(f"{self.ask!r} has no options to choose from")
        if self.form and self.form not in FORMS:
            raise ValueError(f"{self.ask!r} has an unknown form {self.form!r}")
        return self

    @property
    def chance(self) -> float:
        """Share that is right by guessing."""
        return 1 / len(self.options) if self.options else 0.0


class Subject(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Text
    help: Text
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Quiz:
    """`fingerprint` tells whether two models were asked the same."""

    subjects: tuple[Subject, ...]
    off_topic: tuple[str, ...]
    fingerprint: str

    @property
    def items(self) -> tuple[Item, ...]:
        return tuple(item for subject in self.subjects for item in subject.items)


@cache
def read_quiz(folder: Path = FOLDER) -> Quiz:
    """Raises: ValueError at an item that cannot be marked."""
    files = sorted(folder.glob("*.yaml"))
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_text(encoding="utf-8").encode())  # the same where a checkout has other line ends
    known = {file.name: yaml.load(file.read_text(encoding="utf-8"), YAML_LOADER) for file in files}
    off_topic = tuple(map(str, known.pop(OFF_TOPIC)))
    return Quiz(tuple(map(Subject.model_validate, known.values())), off_topic, digest.hexdigest())
