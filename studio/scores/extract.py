"""The answer proper within an answer, as the 42 in "#### 42", compared as number or text."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Sequence
from typing import Literal

from studio.scores.numbers import Decimals, as_number
from studio.scores.text import fold

Reading = Literal["", "number", "text"]  # how two results are compared; "": as they look

# The group is the answer proper. Ordered: the more a mark is meant for this, the earlier. Each takes time by the length
# of the answer alone, whatever a model that runs away repeats.
PATTERNS = (
    r"^[^\S\n]*####[ \t]*(\S.*)$",
    r"\\boxed\{((?:[^{}]|\{[^{}]*\})*)\}",
    r"<answer>((?:(?!</?answer>).)*)</answer>",
    r"\b(?:final answer|answer|result)(?: is)?:[ \t]*(\S.*)$",
)
MOST = 0.9
_DIGIT = re.compile(r"\d")
_ENDS = " .*_`"


def find_extract(wanted: Sequence[str]) -> str:
    """The pattern that nine in ten of the wanted answers have; empty if none is."""
    return next((each for each in PATTERNS if _share(each, wanted) >= MOST), "") if wanted else ""


def _share(pattern: str, texts: Sequence[str]) -> float:
    return sum(extract(pattern, text) is not None for text in texts) / len(texts)


def extract(pattern: str, text: str) -> str | None:
    """The first group (or all) of the last place that matches; None without one."""
    flags = re.MULTILINE | re.IGNORECASE | (re.DOTALL if "</" in pattern else re.NOFLAG)
    places = deque(re.finditer(pattern, text, flags), maxlen=1)
    if not places:
        return None
    return (places[0][1 if places[0].re.groups else 0] or "").strip()


def is_same(wanted: str, given: str, decimals: Decimals = ".") -> bool:
    """Equal as numbers where both are, else as folded text; with signs where they matter, as beside digits."""
    one, other = as_number(wanted, decimals), as_number(given, decimals)
    if one is not None and other is not None:
        return one == other
    if fold(wanted) == fold(given) == "" or _DIGIT.search(wanted + given):
        return " ".join(wanted.casefold().split()).strip(_ENDS) == " ".join(given.casefold().split()).strip(_ENDS)
    return fold(wanted) == fold(given)


def is_extracted_right(
    pattern: str, wanted: str, answer: str, read_as: Reading = "", decimals: Decimals = "."
) -> float | None:
    """None where the wanted answer itself has no such place, or no number there where one is asked for."""
    target = extract(pattern, wanted) if pattern else None
    if target is None or (read_as == "number" and as_number(target) is None):
        return None
    given = extract(pattern, answer)
    return float(given is not None and _IS_SAME[read_as](target, given, decimals))


def is_same_number(wanted: str, given: str, decimals: Decimals = ".") -> bool:
    number = as_number(wanted, decimals)
    return number is not None and number == as_number(given, decimals)


def is_same_text(wanted: str, given: str, _: Decimals = ".") -> bool:
    """But for case and blanks: 42 is not 42.0."""
    return wanted.casefold().split() == given.casefold().split()


Same = Callable[[str, str, Decimals], bool]
_IS_SAME: dict[Reading, Same] = {"": is_same, "number": is_same_number, "text": is_same_text}
