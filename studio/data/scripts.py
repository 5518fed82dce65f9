"""Scripts that are written without blanks between words: Chinese, Japanese, Thai, Lao, Khmer and Burmese.

Each letter with the marks on it counts as a word of its own, as in the multilingual successors of SQuAD.
Source: Lewis et al. 2020, MLQA, https://arxiv.org/abs/1910.07475; its evaluation splits Chinese into characters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise
from operator import add

# Ranges of a character class; digits and punctuation of these scripts are those of other texts.
UNSPACED = (
    "\u2e80-\u2fd5\u3005\u3007\u3021-\u3029\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"  # Han
    "\u3041-\u3096\u3099-\u309a\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # Kana
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ecd\u0edc-\u0edf"  # Thai, Lao
    "\u1780-\u17d3\u17dd\u1000-\u103f\u1050-\u108f\u109a-\u109d\ua9e0-\ua9ef\ua9fa-\ua9fe\uaa60-\uaa7f"  # Khmer, Burma
)
_ANY = re.compile(f"[{UNSPACED}]")
MARKS = "".join(
    letter for letter in map(chr, range(0xFFFF)) if _ANY.match(letter) and unicodedata.category(letter)[0] == "M"
)
LETTER = f"[{UNSPACED}][{MARKS}]*"
PUNCTUATION = "".join(letter for letter in map(chr, range(0x20000)) if unicodedata.category(letter)[0] == "P")
_WORD = re.compile(rf"{LETTER}|[^\s{UNSPACED}]+")
_TERM = re.compile(rf"[{UNSPACED}]+|[^\W{UNSPACED}]+")
_LETTER = re.compile(LETTER)


def is_unspaced(text: str) -> bool:
    """Whether some of it is written without blanks."""
    return not text.isascii() and _ANY.search(text) is not None


def split_words(text: str) -> list[str]:
    """Between blanks, as `str.split`, and each letter of a script without blanks by itself."""
    return _WORD.findall(text) if is_unspaced(text) else text.split()


def find_terms(text: str) -> Iterator[tuple[str, int, int]]:
    """Words without case, and where they begin and end; of a script without blanks each two letters that follow on.

    Two letters are about a word there; the pairs overlap, and a letter that stands alone is a term too.
    """
    for found in _TERM.finditer(text):
        if not _ANY.match(found.group()):
            yield found.group().casefold(), *found.span()
            continue
        letters = [letter.span() for letter in _LETTER.finditer(text, *found.span())]
        for (begin, _), (_, last) in pairwise(letters):
            yield text[begin:last], begin, last
        if len(letters) == 1:
            yield found.group(), *found.span()


def split_terms(text: str) -> list[str]:
    """The terms of `find_terms` without their places, which take longer to find."""
    terms: list[str] = []
    for run in _TERM.findall(text.casefold()):
        if not _ANY.match(run):
            terms.append(run)
            continue
        letters = _LETTER.findall(run)
        terms += map(add, letters, letters[1:]) if len(letters) > 1 else letters
    return terms
