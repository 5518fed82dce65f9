"""Whether a short answer says what was asked for, or has the form that was asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

AROUND = " \t\n.!?,;:\"'`*()“”’"


def fold(text: str) -> str:
    """Without case, and without marks and blanks at its ends; blanks between words are one."""
    return " ".join(text.split()).strip(AROUND).casefold()


def _words(text: str) -> list[str]:
    return [word for word in text.split() if word.strip(AROUND)]


def _is_one_sentence(text: str) -> bool:
    said = text.strip()
    ends = len(re.findall(r"[.!?]+(?=\s|$)", said))
    return said[:1].isalpha() and 3 <= len(_words(said)) <= 20 and ends <= 1 and "\n" not in said


def _is_one_question(text: str) -> bool:
    said = text.strip()
    return said.endswith("?") and said.count("?") == 1 and len(_words(said)) >= 3


def _is_object(text: str) -> bool:
    try:
        return bool(json.loads(text) == {"name": "Ann"})
    except (ValueError, RecursionError):
        return False


def _are_three_items(text: str) -> bool:
    parts = [part.strip(AROUND) for part in text.strip().split(",")]
    return len(parts) == 3 and all(part and len(part.split()) <= 2 for part in parts)


def _is_list_of_three(text: str) -> bool:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return len(lines) == 3 and all(re.match(rf"\s*{n}[.)]\s*\w", line) for n, line in enumerate(lines, start=1))


# What was asked for, by its name in the quiz.
FORMS: dict[str, Callable[[str], bool]] = {
    "one word": lambda text: len(_words(text)) == 1 and text.strip(AROUND).isalpha(),
    "the word PEACE in capitals": lambda text: text.strip(AROUND) == "PEACE",
    "good night in five words": lambda text: len(_words(text)) <= 5 and "night" in text.casefold(),
    "one sentence": _is_one_sentence,
    "one question": _is_one_question,
    "three items with commas": _are_three_items,
    "a numbered list of three": _is_list_of_three,
    "an object with the name Ann": _is_object,
}
