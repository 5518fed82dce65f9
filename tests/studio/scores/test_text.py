"""Words in common, equal to the packages by which others measure."""

from __future__ import annotations

import random
import re
import string
import sys
import unicodedata

import pytest
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics.chrf import CHRF

from studio.data.scripts import is_unspaced
from studio.scores.chrf import Kept, chrf
from studio.scores.measures import MEASURES, Example
from studio.scores.text import exact, fold, is_right, longest_common, overlap, rouge_1, rouge_l, token_f1

TICKET = '{"kind": "return", "order": "A-1", "items": [1, 2]}'
ODD = [
    "", " ", "\n\t", ".", "the", "The a an", "a.b.c", "42", "42.0", "1,234", "you're", "İstanbul ǅ ß ﬁ", "naïve café",
    "我想退货", "我想 退货 订单 42", "Привет, мир", "مرحبا", "🙂🙂", "a\u0301 e\u200bf", "x" * 300, "the " * 50,
    "C++ & C#", "don't panic: the answer is 42!", "e-mail\u00a0me", "\x00\x1f", "“quoted”", "_under_score_", "A AN THE",
]  # fmt: skip


def texts() -> list[tuple[str, str]]:
    """Odd ones, and some hundred made of few words, so that much is in common, in many orders."""
    dice = random.Random(3)
    words = ["the", "a", "cat", "Cat,", "sat", "42", "on", "mat.", "naïve", "猫", "Straße", "—", "x1", "it's", "an"]
    made = [" ".join(dice.choices(words, k=dice.randrange(0, 30))) for _ in range(600)]
    letters = ["".join(dice.choices(string.printable + "äé中文🙂", k=dice.randrange(0, 60))) for _ in range(200)]
    every = [*ODD, *made, *letters]
    return [(one, other) for one in ODD for other in ODD] + list(
        zip(every, dice.sample(every, len(every)), strict=True)
    )


class Letters:
    """How rouge-score is told to read a script without blanks: each Chinese letter is a word."""

    def tokenize(self, text: str) -> list[str]:
        return re.sub("[^a-z0-9\u4e00-\u9fff]+", " ", re.sub("([\u4e00-\u9fff])", r" \1 ", text.lower())).split()


def test_rouge_is_that_of_the_rouge_score_package():
    usual = RougeScorer(["rouge1", "rougeL"], use_stemmer=False)
    chinese = RougeScorer(["rouge1", "rougeL"], tokenizer=Letters())
    assert sum(is_unspaced(wanted + answer) for wanted, answer in texts()) > 100
    for wanted, answer in texts():
        scores = (chinese if is_unspaced(wanted + answer) else usual).score(wanted, answer)
        assert rouge_1(wanted, answer) == pytest.approx(scores["rouge1"].fmeasure), (wanted, answer)
        assert rouge_l(wanted, answer) == pytest.approx(scores["rougeL"].fmeasure), (wanted, answer)


def test_chrf_is_that_of_sacrebleu():
    scorer = CHRF()
    for wanted, answer in texts():
        assert chrf(wanted, answer) * 100 == pytest.approx(scorer.sentence_score(answer, [wanted]).score)


def test_chrf_of_long_texts_is_that_of_sacrebleu():
    dice, scorer = random.Random(8), CHRF()
    words = ["".join(dice.choices("etaoinshr猫", k=dice.randrange(1, 9))) for _ in range(400)]
    for _ in range(10):
        wanted = dice.choices(words, k=dice.randrange(300, 900))
        answer = [word if dice.random() < 0.7 else dice.choice(words) for word in wanted]
        one, other = " ".join(wanted), "\n".join(answer)
        assert chrf(one, other) * 100 == pytest.approx(scorer.sentence_score(other, [one]).score, abs=1e-9)


def test_runs_of_texts_are_kept_up_to_so_many_letters():
    kept = Kept(most_letters=100)
    for number in range(50):
        kept.of(f"a text, number {number:02}")
    assert kept.letters == sum(map(len, kept.runs)) <= 100
    assert list(kept.runs)[-1] == "a text, number 49"
    for text in ("x" * 200, "y" * 300):
        kept.of(text)
    assert list(kept.runs) == ["x" * 200, "y" * 300], "a pair is compared, however long"


def test_exact_match_and_token_f1_are_squads_and_beyond_ascii_those_of_mlqa():
    """Written out here step by step, as the tasks define them."""
    letters = map(chr, range(128, sys.maxunicode))
    signs = {*string.punctuation, *(letter for letter in letters if unicodedata.category(letter).startswith("P"))}

    def normal(text: str) -> str:
        text = "".join(letter for letter in text.lower() if letter not in signs)
        return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())

    def f1(wanted: str, answer: str) -> float:
        gold, given = (re.sub("([\u4e00-\u9fff])", r" \1 ", normal(text)).split() for text in (wanted, answer))
        if not gold or not given:
            return float(gold == given)
        left, same = list(gold), 0
        for word in given:
            if word in left:
                left.remove(word)
                same += 1
        precision, recall = same / len(given), same / len(gold)
        return 2 * precision * recall / (precision + recall) if same else 0.0

    for wanted, answer in texts():
        assert fold(answer) == normal(answer)
        assert exact(wanted, answer) == (normal(wanted) == normal(answer))
        assert token_f1(wanted, answer) == pytest.approx(f1(wanted, answer))


def test_the_longest_common_subsequence_is_that_of_the_table():
    def by_table(one: list[int], other: list[int]) -> int:
        row = [0] * (len(other) + 1)
        for item in one:
            before, row = row, [0]
            for place, each in enumerate(other):
                row.append(before[place] + 1 if item == each else max(before[place + 1], row[place]))
        return row[-1]

    dice = random.Random(5)
    for _ in range(300):
        one, other = ([dice.randrange(6) for _ in range(dice.randrange(90))] for _ in range(2))
        assert longest_common(list(map(str, one)), list(map(str, other))) == by_table(one, other)


@pytest.mark.parametrize(
    ("wanted", "answer", "right"),
    [
        ("Yes, please", " yes,\n please ", True),
        ("Yes", "Yes.", False),
        ("", "", True),
        (TICKET, '{"order":"A-1","items":[1,2],"kind":"return"}', True),
        (TICKET, f"```json\n{TICKET}\n```", False),
        (TICKET, "[" * 100_000, False),
        (TICKET, "9" * 5000, False),
        ("42", "42.0", False),
    ],
)
def test_an_answer_is_right_if_it_says_the_same(wanted, answer, right):
    assert is_right(wanted, answer) is right


@pytest.mark.parametrize(
    ("wanted", "answer", "value"),
    [("a b c", "c b a", 1), ("a b", "b c", 0.5), ("a a b", "a", 0.5), ("a", "b", 0), ("", "", 1), ("a", "", 0)],
)
def test_words_in_common_are_counted_each_as_often_as_it_stands(wanted, answer, value):
    assert overlap(wanted, answer) == overlap(answer, wanted) == pytest.approx(value)


def test_rouge_says_nothing_of_a_text_without_a_word_that_it_counts_and_chrf_does():
    example = Example("Где мой заказ")
    assert MEASURES["rouge_l"].value(example, "Где мой заказ") is None
    assert MEASURES["chrf"].value(example, "Где мой заказ") == 1
    assert 0 < MEASURES["chrf"].value(example, "Где ваш заказ") < 1
    assert MEASURES["chrf"].value(Example(" "), "words") is None


@pytest.mark.parametrize(
    ("wanted", "answer"),
    [
        ("我想退货。", "我想退货"), ("“Paris”", "Paris"), ("¿Qué?", "qué"), ("well… yes", "Well, yes"), ("—", ""),
        ("\uff21\uff22\uff1a\uff11\uff12", "ab12"), ("「はい」", "はい"),
        ("\uff76\uff9e", "ガ"), ("это «да»!", "Это да"), ("नमस्ते।", "नमस्ते"),
    ],
)  # fmt: skip
def test_punctuation_of_every_script_is_folded_away(wanted, answer):
    assert exact(wanted, answer)
    assert token_f1(wanted, answer) == 1


@pytest.mark.parametrize(
    ("wanted", "answer", "value"),
    [
        ("我想退货", "我要退货", 0.75),
        ("我想 退货", "我想退货", 1),
        ("返品したい", "返品したいです", 10 / 12),
        ("ขอคืน", "ขอ", 2 * 2 / 6),
        ("退 order 42", "货 order 42", 2 / 3),
    ],
)
def test_where_there_are_no_blanks_each_letter_is_a_word(wanted, answer, value):
    assert overlap(wanted, answer) == token_f1(wanted, answer) == pytest.approx(value)
    assert rouge_1(wanted, answer) == rouge_l(wanted, answer) == pytest.approx(value)
    assert exact(wanted, answer) is False
