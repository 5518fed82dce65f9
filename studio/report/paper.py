"""The report as a PDF, set by Typst from assets/report.typ. All words reach it as data, never as its source."""

from __future__ import annotations

import importlib
import json
import re
import unicodedata
from typing import Any

from studio.errors import TunesmithError
from studio.report.page import cut
from studio.report.pictures import style
from studio.workspace import ASSETS

TEMPLATE = ASSETS / "report.typ"
MOST_LETTERS = 220  # of an answer: twenty examples take two pages
LONG_WORD = re.compile(r"\S{19,}")
BREAK_EVERY = 6
BREAK = "\u200b"  # a blank of no width: where a word without end may be broken
COLOURS = {
    "ink": "#1e293b", "quiet": "#475569", "line": "#cbd5e1", "ground": "#ffffff",
    "before": "#b45309", "after": "#4338ca",
}  # fmt: skip
RULES = style(COLOURS, "Libertinus Serif")


def render_paper(document: dict[str, Any]) -> bytes:
    """`document` as `as_plain` gives it; tagged, and PDF/UA-1 where each sign has a font on this machine.

    Raises: TunesmithError if Typst cannot set it.
    """
    try:
        pages: bytes = set_paper(document, format="pdf", pdf_standards=["ua-1"])
    except TunesmithError:  # that standard refuses a sign without a font; readers still copy and hear it
        pages = set_paper(document, format="pdf")
    return pages


def set_paper(document: dict[str, Any], **options: Any) -> Any:
    typst = importlib.import_module("typst")  # its 80 MB are read once somebody wants a PDF
    given = json.dumps(prepare(document), ensure_ascii=False)
    try:
        return typst.compile(TEMPLATE.read_bytes(), sys_inputs={"report": given}, **options)
    except typst.TypstError as error:
        raise TunesmithError(
            f"The PDF could not be set: {str(error)[:200]}", "The page as HTML is written; print it from a browser."
        ) from error


def prepare(value: Any) -> Any:
    """For paper: answers are cut shorter, words without end can be broken, and pictures have their colours."""
    if isinstance(value, list):
        return [prepare(each) for each in value]
    if not isinstance(value, dict):
        return breakable(value) if isinstance(value, str) else value
    if "svg" in value:
        return {**value, "svg": value["svg"].replace(">", f"><style>{RULES}</style>", 1)}
    if "question" in value:
        texts = {name: _side(cut(value[name], MOST_LETTERS)) for name in ("question", "wanted", "before", "after")}
        return {**value, **texts}
    return {name: prepare(each) for name, each in value.items()}


def _side(text: str) -> dict[str, str]:
    """A text with the side that it begins at: that of its first letter."""
    first = next((kind for kind in map(unicodedata.bidirectional, text) if kind in ("L", "R", "AL")), "L")
    return {"text": breakable(text), "dir": "ltr" if first == "L" else "rtl"}


def breakable(text: str) -> str:
    return LONG_WORD.sub(_break, text)


def _break(word: re.Match[str]) -> str:
    """Between letters only: what is drawn onto the letter before stays with it."""
    parts, since = [], 0
    for before, sign in zip(" " + word[0], word[0], strict=False):
        joined = unicodedata.combining(sign) or unicodedata.category(sign) in ("Mn", "Me", "Mc", "Sk", "Cf")
        if since >= BREAK_EVERY and not joined and before != "\u200d":
            parts.append(BREAK)
            since = 0
        parts.append(sign)
        since += 1
    return "".join(parts)
