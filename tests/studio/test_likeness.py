"""When two texts say the same, whatever script they are written in."""

from __future__ import annotations

import re

import pytest

from studio.data.likeness import find_clusters, fold, sketch
from studio.data.scripts import find_terms, split_terms

WITH_BLANKS = [
    "Thank you for your message, we'll send a NEW parcel (no. 4_821) tomorrow!",
    "Vielen Dank für Ihre Nachricht – die Straße ist gesperrt.",
    "Спасибо за письмо, посылка придёт завтра.",
    "आपके संदेश के लिए धन्यवाद, पार्सल कल आएगा।",
    "شكرا على رسالتك، سيصل الطرد غدا.",
    "메시지 감사합니다. 소포는 내일 도착합니다.",
    "Cảm ơn bạn đã nhắn tin.",
    "?!",
    "",
]


@pytest.mark.parametrize("text", WITH_BLANKS)
def test_where_there_are_blanks_a_word_is_what_stands_between_them(text):
    assert fold(text) == (" ".join(re.findall(r"\w+", text.casefold())) or text.strip())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("你好、世界。我用AI模型 3 次。", "你好世界 我用 ai 模型3次"),
        ("はい、そうです。", "はいそうです"),
        ("สวัสดี ครับ", "สวัสดีครับ"),
        ("សួស្តី\u200bពិភពលោក", "សួស្តីពិភពលោក"),
        ("Danke schön!", "danke  SCHÖN"),
    ],
)
def test_blanks_case_and_punctuation_make_no_other_text(one, other):
    assert fold(one) == fold(other)


def test_a_mark_on_a_letter_makes_another_word():
    assert fold("ป่า") != fold("ป้า")


@pytest.mark.parametrize(
    "text", ["你好世界", "我用AI模型3次", "ภาษาไทย กับ English", "あ", "plain words, two", "\u0e31\u0e31"]
)
def test_terms_are_the_same_with_their_places_and_without(text):
    assert split_terms(text) == [term for term, _, _ in find_terms(text)]


def test_a_few_words_changed_are_nearly_the_same_and_another_text_is_not():
    texts = [
        "感谢您的来信。您的包裹星期一已经离开汉堡、预计星期四送达。如果到时候还没有收到、请再写信告诉我们、我们会马上查询。",
        "感谢您的来信。您的包裹星期二已经离开汉堡、预计星期四送达。如果到时候还没有收到、请再写信告诉我们、我们会马上查询。",
        "感谢您的来信。很抱歉杯子在路上打碎了、我们今天就给您寄一个新的、旧的不用寄回来。还有别的问题、请再写信告诉我们。",
    ]
    assert find_clusters(sketch([fold(text) for text in texts])) == [[0, 1]]
