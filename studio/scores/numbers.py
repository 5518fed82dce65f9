"""Numbers as people write them: 1,234.50 and 1.234,50, 42 %, 1e5, 3/4 and ½."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Literal

Decimals = Literal[".", ","]  # the sign that parts the whole from the rest

LONGEST = 1_000  # characters; what is longer is no number for people
_AROUND = " \t\n\u00a0\u202f$€£¥*_`%٪"
_PLAIN = str.maketrans(
    {**{chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}, "\u2212": "-", "\u2044": "/"}
)
_VULGAR = re.compile("[¼-¾⅐-⅞↉]")
_LATEX = re.compile(r"\\[dt]?frac\{(\d+)\}\{(\d+)\}")
_FRACTION = re.compile(r"([-+]?)(?:(\d+) +)?(\d+) ?/ ?(\d+)")
_GROUPED = re.compile(r"(\d{1,3})((?P<blank>[ '’\u00a0\u202f\u2009])\d{3}(?:(?P=blank)\d{3})*)(?!\d)")
_WITH_POINT = re.compile(r"([-+]?(?:(?!0)\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?)((?:[eE][-+]?\d{1,3})?)")
_WITH_COMMA = re.compile(r"([-+]?(?:(?!0)\d{1,3}(?:\.\d{3})+|\d+)?(?:,\d+)?)((?:[eE][-+]?\d{1,3})?)")
_IN_TEXT = re.compile(r"\d[\d.,]*\d")


def as_number(text: str, decimals: Decimals = ".") -> Fraction | None:
    """1,234.50 and 1.234,50 and $1234.5 are one number; 3 apples is none.

    A sign of money or of percent is left out: 42 % is 42. A comma or a point before three digits alone, as in 1.234,
    can be read in two ways: `decimals` decides. All others are read in the only way that there is.
    """
    if len(text) > LONGEST:
        return None
    bare = text.translate(_PLAIN).strip(_AROUND).removesuffix(".").strip(_AROUND)
    bare = re.sub(r"\A([-+])[$€£¥]", r"\1", bare)
    fraction = _FRACTION.fullmatch(_LATEX.sub(r" \1/\2", _VULGAR.sub(_spelled, bare)).strip())
    if fraction:
        sign, whole, over, under = fraction.groups()
        size = int(whole or 0) + Fraction(int(over), int(under)) if int(under) else None
        return -size if size is not None and sign == "-" else size
    return _read(_GROUPED.sub(lambda found: re.sub(r"\D", "", found.group()), bare), decimals)


def decimals_of(texts: Iterable[str]) -> Decimals:
    """How a data set's numbers are written: by those that can be read in one way only, as 3,5 or 1,234.50."""
    ways = [_only_way(token) for text in texts for token in _IN_TEXT.findall(text)]
    return "," if ways.count(",") > ways.count(".") else "."


def _spelled(found: re.Match[str]) -> str:
    """½ as 1/2, apart from the whole before it."""
    return f" {unicodedata.normalize('NFKC', found.group()).replace(chr(0x2044), '/')}"


def _only_way(token: str) -> str:
    """Empty where a number has no sign that tells, or can be read in two ways."""
    point, comma = _WITH_POINT.fullmatch(token), _WITH_COMMA.fullmatch(token)
    return "." if point and not comma else "," if comma and not point else ""


def _read(bare: str, decimals: Decimals) -> Fraction | None:
    found = {".": _WITH_POINT.fullmatch(bare), ",": _WITH_COMMA.fullmatch(bare)}
    way = decimals if found[decimals] else "," if decimals == "." else "."
    match = found[way]
    if match is None or not match[1].strip("+-"):
        return None
    digits = match[1].replace(",", "") if way == "." else match[1].replace(".", "").replace(",", ".")
    return Fraction(Decimal(digits + match[2]))
