"""How near an answer's words are to the wanted ones. Each takes (wanted, answer) and gives 0 to 1."""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Sequence

from studio.data.scripts import LETTER, PUNCTUATION, split_words
from studio.scores.form import as_object
from studio.scores.schema import is_same

_FULL_WIDTH = re.compile("[\uff01-\uffee\u3000]+")
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_WITHOUT_PUNCTUATION = str.maketrans("", "", string.punctuation + PUNCTUATION)
_OF_ROUGE = re.compile(f"[a-z0-9]+|{LETTER}")


def is_right(wanted: str, answer: str) -> bool:
    """Equal as JSON where it is JSON, else equal but for blanks and case."""
    target = as_object(wanted)
    if target is not None:
        return is_same(target, as_object(answer))
    return " ".join(wanted.split()).casefold() == " ".join(answer.split()).casefold()


def overlap(wanted: str, answer: str) -> float:
    """F1 of the words in common."""
    return _f1(split_words(wanted.casefold()), split_words(answer.casefold()))


def fold(text: str) -> str:
    """Without case, punctuation, English articles and spare blanks; full-width forms are as the usual ones.

    Sources: SQuAD, https://arxiv.org/abs/1606.05250; of punctuation beyond ASCII MLQA, https://arxiv.org/abs/1910.07475.
    """
    if not text.isascii():
        text = _FULL_WIDTH.sub(lambda found: unicodedata.normalize("NFKC", found.group()), text)
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_WITHOUT_PUNCTUATION)).split())


def exact(wanted: str, answer: str) -> bool:
    """Equal when both are folded."""
    return fold(wanted) == fold(answer)


def token_f1(wanted: str, answer: str) -> float:
    """F1 of the folded words in common; of two empty texts 1. Source: SQuAD 2.0, https://arxiv.org/abs/1806.03822."""
    return _f1(split_words(fold(wanted)), split_words(fold(answer)))


def _f1(wanted: Sequence[str], answer: Sequence[str]) -> float:
    if not wanted or not answer:
        return float(wanted == answer)
    return 2 * (Counter(wanted) & Counter(answer)).total() / (len(wanted) + len(answer))


def rouge_words(text: str) -> list[str]:
    """What ROUGE counts: runs of a to z and digits, as rouge-score does, and each letter of a script without blanks.

    A text in another script has none.
    """
    return _OF_ROUGE.findall(text.lower())


def rouge_1(wanted: str, answer: str) -> float:
    """F1 of single words, without stemming. Source: Lin 2004, ROUGE, https://aclanthology.org/W04-1013."""
    one, other = rouge_words(wanted), rouge_words(answer)
    return _f1(one, other) if one and other else 0.0


def rouge_l(wanted: str, answer: str) -> float:
    """F1 of the longest common subsequence of words, without stemming. Source: as ROUGE-1."""
    one, other = rouge_words(wanted), rouge_words(answer)
    return 2 * longest_common(one, other) / (len(one) + len(other)) if one and other else 0.0


def longest_common(one: Sequence[str], other: Sequence[str]) -> int:
    """Length of the longest common subsequence: a row of the table in one integer, a bit a word.

    Two answers of a thousand words take a millisecond; the table itself takes a second.
    Source: Hyyrö 2004, Bit-parallel LCS-length computation revisited.
    """
    places: dict[str, int] = {}
    for place, word in enumerate(one):
        places[word] = places.get(word, 0) | 1 << place
    every = (1 << len(one)) - 1
    row = every
    for word in other:
        shared = row & places.get(word, 0)
        row = (row + shared | row - shared) & every
    return len(one) - row.bit_count()
