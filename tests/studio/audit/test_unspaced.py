"""What is planted in prose that is written without blanks between words, and what is found.

The prose is paragraphs of the Universal Declaration of Human Rights, https://www.unicode.org/udhr/.
"""

from __future__ import annotations

import json
from pathlib import Path
from statistics import mean

import pytest

from studio.data.audit.run import audit
from studio.data.conversation import Conversation, Message
from studio.data.scripts import find_terms, split_words
from studio.scores.manner import repetition
from tests.studio.audit.planted import Planted

PROSE: dict[str, list[str]] = json.loads((Path(__file__).parent / "unspaced.json").read_text(encoding="utf-8"))
EACH = 4


def with_another_word(text: str, letters: str) -> str:
    """The first two letters that stand side by side after the middle are others."""
    terms = (
        (begin, end) for term, begin, end in find_terms(text) if begin > len(text) // 2 and len(split_words(term)) == 2
    )
    begin, end = next(terms)
    return text[:begin] + letters + text[end:]


@pytest.mark.parametrize("language", PROSE)
def test_doubles_circles_and_copies_are_found_without_blanks(language: str, starter: Path) -> None:
    prose, made = PROSE[language], Planted()
    for number, text in enumerate(prose):
        made.add(str(number), text)
    for number, text in enumerate(prose[:EACH]):
        other = "".join(split_words(prose[number + 1])[:2])
        made.add(str(number), with_another_word(text, other), "near_duplicate")
        made.add(f"{number}?", f"“{text}”", "exact_duplicate")
        made.add(f"Again {number}", "".join(split_words(text)[:14]) * 8, "repetition")
        made.add(f"{number}: {prose[-1 - number]} {prose[-2 - number]}", prose[-1 - number], "answer_copies_prompt")
    found = {
        finding.check.id: set(finding.rows)
        for finding in audit(
            [(each, "train") for each in made.conversations], len(made.conversations), [], starter, 8192, lambda _: None
        ).findings
    }
    for check, rows in made.rows.items():
        assert found.get(check) == rows, check


@pytest.mark.parametrize("language", PROSE)
def test_usual_prose_hardly_repeats_itself_and_a_loop_does_nearly_all_the_time(language: str) -> None:
    assert mean(map(repetition, PROSE[language])) < 0.1
    assert min(repetition("".join(split_words(text)[:14]) * 8) for text in PROSE[language]) > 0.8
    assert repetition("".join(split_words(PROSE[language][0])[:20])) == 0


def test_a_sentence_that_opens_many_answers_is_found_where_no_blank_follows_it(starter: Path) -> None:
    prose = PROSE["Chinese"]
    answers = [f"感谢您的来信。{text}" for text in prose] + [text.replace(",", "。", 1) for text in prose]
    examples = [
        (Conversation((Message("user", str(row)), Message("assistant", answer)), row), "train")
        for row, answer in enumerate(answers)
    ]
    found = {each.check.id: each.rows for each in audit(examples, 24, [], starter, 8192, lambda _: None).findings}
    assert sorted(found["boilerplate"]) == list(range(12))
