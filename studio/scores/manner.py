"""How an answer is given: its length, its repetitions, refusals, its language."""

from __future__ import annotations

from studio.data.audit.facts import fresh_share
from studio.data.audit.language import language_of
from studio.data.audit.wording import AS_AN_AI, REFUSAL
from studio.data.likeness import fold

BEGINNING = 400  # characters in which a refusal shows


def length_match(wanted: str, answer: str) -> float | None:
    """The shorter's length over the longer's, in characters; None where nothing was wanted."""
    one, other = len(wanted.strip()), len(answer.strip())
    return min(one, other) / max(one, other) if one else None


def repetition(answer: str) -> float:
    """Share of an answer's runs of three words that came before in it; 0 of fewer than 20 words.

    Of a script without blanks a word is each two letters that follow on, so that such a run has four letters.
    """
    return 1 - fresh_share(fold(answer))


def refuses(text: str) -> bool:
    beginning = text[:BEGINNING]
    return REFUSAL.match(beginning) is not None or AS_AN_AI.search(beginning) is not None


def refusal(wanted: str, answer: str) -> float | None:
    """None where a refusal was wanted."""
    return None if refuses(wanted) else float(refuses(answer))


def language_kept(wanted: str, answer: str) -> float | None:
    """Whether both are in one language; None where either has too few words to tell."""
    one = language_of(wanted)
    other = language_of(answer) if one else ""
    return float(one == other) if one and other else None
