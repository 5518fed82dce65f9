"""What the answers of a data set look like, and whether another answer looks like them."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from studio.data.scripts import is_unspaced, split_words
from studio.quiz.checks import fold

MOST_LABELS = 20
LABEL_CHARACTERS = 40
LEAST_SHARE = 0.8  # of the answers have the form, else it is none
FEWEST = 5  # answers
OPENING_WORDS = (5, 4, 3)
MOST_BEGINNINGS = 5
LABEL_WORDS = 4
GREETING_WORDS = 5  # among which a comma makes the first one a greeting: "Dear Ms Chen, …"
FRAME = " \t-*_#>•"  # what Markdown writes around words
LABEL = re.compile(r"([^\W\d_][^\n:\uff1a]{0,39}?)\s*[:\uff1a](?!//)")
WORD = re.compile(r"[^\W\d_]+")
FIRST_KEY = re.compile(r'\s*(?:```(?:json)?\s*)?\{\s*"((?:[^"\\]|\\.)*)"\s*:')


@dataclass(frozen=True)
class Form:
    """`marks` are what an answer is known by: keys of a JSON object, labels, an opening, or beginnings of lines."""

    kind: Literal["json", "labels", "opening", "lines"]
    marks: frozenset[str]

    @property
    def words(self) -> str:
        known = ", ".join(sorted(self.marks)[:5])
        return {
            "json": f"a JSON object with keys such as {known}",
            "labels": f"one of the labels {known}",
            "opening": f"an opening as in “{known} …”",
            "lines": f"lines that begin with {_either(sorted(self.marks))}",
        }[self.kind]

    def is_alike(self, answer: str) -> bool:
        """Also where a limit cut the answer off: JSON is known by its first key."""
        if self.kind == "json":
            begun = FIRST_KEY.match(answer)
            return bool(begun) and begun[1] in self.marks  # type: ignore[index]
        if self.kind == "labels":
            return fold(answer) in self.marks
        if self.kind == "lines":
            known = set(map(str.casefold, self.marks))
            return any(mark.casefold() in known for line in answer.splitlines() for mark in _beginnings(line))
        return any(fold(answer).startswith(opening) for opening in self.marks)


def detect_form(answers: Sequence[str]) -> Form | None:
    """None where they have no form of their own, or are too few to tell."""
    answers = [answer for answer in answers if answer.strip()]
    if len(answers) < FEWEST:
        return None
    enough = LEAST_SHARE * len(answers)
    objects = [known for known in map(_as_object, answers) if known]
    if len(objects) >= enough:
        counts = Counter(key for known in objects for key in known)
        return Form("json", frozenset(key for key, count in counts.items() if count >= len(objects) / 10))
    folded = Counter(map(fold, answers))
    few = len(folded) <= min(MOST_LABELS, len(answers) // 3)
    if few and all(len(label) <= LABEL_CHARACTERS for label in folded):
        return Form("labels", frozenset(folded))
    for count in OPENING_WORDS:
        opening, times = Counter(_opening(fold(answer), count) for answer in answers).most_common(1)[0]
        if opening and times >= enough:
            return Form("opening", frozenset({opening}))
    lines = _common_beginnings(answers, enough)
    return Form("lines", frozenset(lines)) if lines else None


def _opening(text: str, count: int) -> str:
    """So many words; where no blanks stand between them twice as many letters. Empty if it has fewer."""
    beginning = " ".join(text.split()[:count])
    if is_unspaced(beginning):
        count *= 2
    words = split_words(text)[:count]
    if len(words) < count:
        return ""
    end = 0
    for word in words:
        end = text.index(word, end) + len(word)
    return text[:end]


def _common_beginnings(answers: Sequence[str], enough: float) -> list[str]:
    """Labels and first words at which lines of enough answers begin, as they are written there, the commonest first.

    A first word that often stands elsewhere too, as “the”, is no form: any answer could begin with it.
    """
    written: dict[str, str] = {}
    times: Counter[str] = Counter()
    elsewhere: Counter[str] = Counter()
    for answer in answers:
        lines = [line for line in answer.splitlines() if line.strip()]
        marks = [
            mark
            for line in lines
            for mark in _beginnings(line)
            if mark.endswith(":") or len(lines) > 1 or _greets(line)
        ]
        for mark in marks:
            written.setdefault(mark.casefold(), mark)
        times.update(set(map(str.casefold, marks)))
        elsewhere.update({word.casefold() for line in lines for word in WORD.findall(line)[1:]})
    rare = (1 - LEAST_SHARE) * len(answers)
    found = [mark for mark, count in times.items() if count >= enough and elsewhere[mark] <= rare]
    labels = tuple(mark for mark in found if mark.endswith(":"))
    alone = [mark for mark in found if mark in labels or not any(WORD.findall(each)[0] == mark for each in labels)]
    return [written[mark] for mark in sorted(alone, key=lambda mark: (-times[mark], mark))[:MOST_BEGINNINGS]]


def _beginnings(line: str) -> Iterator[str]:
    """The first word of a line, and its label with the colon, if it has them."""
    line = line.lstrip(FRAME)
    label = LABEL.match(line)
    if label and len(label[1].split()) <= LABEL_WORDS:
        yield f"{label[1].rstrip(FRAME)}:"
    word = WORD.match(line)
    if word and not is_unspaced(word[0]):
        yield word[0]


def _greets(line: str) -> bool:
    return any(word.endswith(",") for word in line.split()[:GREETING_WORDS])


def _either(marks: Sequence[str]) -> str:
    quoted = [f"“{mark}”" for mark in marks]
    return " or ".join(filter(None, [", ".join(quoted[:-1]), quoted[-1]]))


def _as_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
