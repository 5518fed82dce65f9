"""What the answers of a data set look like, and whether another answer looks like them."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from studio.quiz.checks import fold

MOST_LABELS = 20
LABEL_CHARACTERS = 40
LEAST_SHARE = 0.8  # of the answers have the form, else it is none
FEWEST = 5  # answers
OPENING_WORDS = (5, 4, 3)
FIRST_KEY = re.compile(r'\s*(?:```(?:json)?\s*)?\{\s*"((?:[^"\\]|\\.)*)"\s*:')


@dataclass(frozen=True)
class Form:
    """`marks` are what an answer is known by: keys of a JSON object, labels, or an opening."""

    kind: Literal["json", "labels", "opening"]
    marks: frozenset[str]

    @property
    def words(self) -> str:
        known = ", ".join(sorted(self.marks)[:5])
        return {
            "json": f"a JSON object with keys such as {known}",
            "labels": f"one of the labels {known}",
            "opening": f"an opening as in “{known} …”",
        }[self.kind]

    def is_alike(self, answer: str) -> bool:
        """Also where a limit cut the answer off: JSON is known by its first key."""
        if self.kind == "json":
            begun = FIRST_KEY.match(answer)
            return bool(begun) and begun[1] in self.marks  # type: ignore[index]
        if self.kind == "labels":
            return fold(answer) in self.marks
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
        opening, times = Counter(" ".join(fold(answer).split()[:count]) for answer in answers).most_common(1)[0]
        if times >= enough and len(opening.split()) == count:
            return Form("opening", frozenset({opening}))
    return None


def _as_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
