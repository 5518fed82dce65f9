"""What a report is made of. Page and paper both draw these parts, so that both say the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from studio.scores.intervals import FEWEST

Tone = Literal["", "good", "bad", "warn"]
WORDS = {"better": "✓ better", "worse": "✖ worse", "can't tell": "can’t tell"}
TOO_FEW = "too few examples to tell"
TONES: dict[str, Tone] = {"better": "good", "worse": "bad", "green": "good", "amber": "warn", "red": "bad"}


def say_word(word: str, examples: int) -> str:
    """What a difference says, in a cell: also that it says nothing because there are too few examples."""
    return TOO_FEW if word == "can't tell" and examples < FEWEST else WORDS[word]


@dataclass(frozen=True)
class Words:
    """A paragraph; a `fine` one is for who wants to know more."""

    text: str
    fine: bool = False
    kind: Literal["words"] = field(default="words", init=False)


@dataclass(frozen=True)
class Missing:
    """What was not measured, and how it can be."""

    what: str
    how: str
    kind: Literal["missing"] = field(default="missing", init=False)


@dataclass(frozen=True)
class Cell:
    """`fine` stands smaller beneath; a tone never tells what the text does not."""

    text: str
    fine: str = ""
    tone: Tone = ""
    code: bool = False


@dataclass(frozen=True)
class Table:
    """The first cell of each row is its head. `strong` are the numbers of rows that decide."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    strong: tuple[int, ...] = ()
    kind: Literal["table"] = field(default="table", init=False)


@dataclass(frozen=True)
class Picture:
    """`svg` has no colours of its own: `pictures.style` gives them. `alt` says all that it shows."""

    svg: str
    alt: str
    caption: str


@dataclass(frozen=True)
class Pictures:
    """Beside each other where there is room."""

    pictures: tuple[Picture, ...]
    kind: Literal["pictures"] = field(default="pictures", init=False)


@dataclass(frozen=True)
class Case:
    """One held-out example with both answers; the values are those of the measure that decides, as words."""

    place: str
    question: str
    wanted: str
    before: str
    after: str
    before_value: str
    after_value: str


@dataclass(frozen=True)
class Cases:
    cases: tuple[Case, ...]
    kind: Literal["cases"] = field(default="cases", init=False)


@dataclass(frozen=True)
class Fold:
    """Closed at first on a page, small on paper."""

    title: str
    parts: tuple[Words | Table, ...]
    kind: Literal["fold"] = field(default="fold", init=False)


Part = Words | Missing | Table | Pictures | Cases | Fold


@dataclass(frozen=True)
class Section:
    id: str
    title: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Figure:
    """One of the few numbers that stand at the top."""

    label: str
    value: str
    fine: str = ""
    tone: Tone = ""


@dataclass(frozen=True)
class Verdict:
    word: str
    tone: Tone
    sentences: tuple[str, str, str]


@dataclass(frozen=True)
class Document:
    """`date` is that of writing, YYYY-MM-DD."""

    title: str
    about: str
    date: str
    verdict: Verdict
    figures: tuple[Figure, ...]
    sections: tuple[Section, ...]
