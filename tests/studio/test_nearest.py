"""Where an answer may come from."""

from __future__ import annotations

import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from studio.compare.nearest import nearest
from studio.data.conversation import Conversation, Message
from studio.data.likeness import fold

ANSWERS = [
    "Your parcel left Hamburg on Monday.",
    "Your parcel left Porto on Friday, and Porto says it is late.",
    "We take it back within thirty days.",
    "The parcel waits at the harbour of Porto.",
    "Thank you for writing to us.",
]
EXAMPLES = [
    Conversation((Message("user", f"Question {row}"), Message("assistant", answer)), row=row)
    for row, answer in enumerate(ANSWERS)
]


def test_the_likest_answer_comes_first_with_what_it_shares():
    first, *rest = nearest(EXAMPLES, "Porto: your parcel left on Friday.")
    assert first.example.row == 1
    assert {"porto", "friday"} <= set(first.shared)
    assert first.shared[0] in ("friday", "porto"), "what few answers have says most"
    assert [near.likeness for near in rest] == sorted((near.likeness for near in rest), reverse=True)
    assert all(0 < near.likeness <= 1 for near in rest)


def test_what_shares_no_word_is_not_near():
    assert nearest(EXAMPLES, "Zebra!") == []
    assert nearest(EXAMPLES, "") == []
    assert nearest([], "parcel") == []
    assert len(nearest(EXAMPLES, "parcel", count=2)) == 2


def test_an_answer_that_was_learned_by_heart_is_wholly_like():
    assert nearest(EXAMPLES, ANSWERS[2].upper())[0].likeness == pytest.approx(1)


def test_likeness_is_that_of_scikit_learn():
    asked = "porto parcel left porto friday"
    table = TfidfVectorizer(sublinear_tf=True, token_pattern=r"\S+")
    rows = table.fit_transform(map(fold, ANSWERS))
    expected = (rows @ table.transform([fold(asked)]).T).toarray()[:, 0]
    found = {near.example.row: near.likeness for near in nearest(EXAMPLES, asked)}
    assert found == pytest.approx({row: value for row, value in enumerate(expected) if value > 0})


@pytest.mark.parametrize(
    ("answers", "asked", "shared"),
    [
        (["您的包裹星期一离开汉堡。", "我们在三十天内接受退货。", "谢谢您的来信。"], "三十天内可以退货吗",
         {"三十", "十天", "天内", "退货"}),
        (["返品は三十日以内です。", "荷物は月曜に出ました。"], "荷物はいつ出ますか", {"荷物", "物は"}),
        (["พัสดุของคุณออกแล้ว", "ขอบคุณที่เขียนมา"], "พัสดุอยู่ไหน", {"พัส", "สดุ"}),
    ],
)  # fmt: skip
def test_where_there_are_no_blanks_pairs_of_letters_are_compared(answers, asked, shared):
    examples = [
        Conversation((Message("user", "?"), Message("assistant", text)), row=row) for row, text in enumerate(answers)
    ]
    first = nearest(examples, asked)[0]
    assert first.example.wanted == max(answers, key=lambda text: sum(pair in text for pair in shared))
    assert shared <= set(first.shared)
    assert nearest(examples, answers[1])[0].likeness == pytest.approx(1)


def test_likeness_of_chinese_is_that_of_scikit_learn_by_pairs_of_letters():
    answers, asked = ["我想退货可以吗", "退货要几天", "包裹到了"], "几天可以退货"
    examples = [Conversation((Message("assistant", text),), row=row) for row, text in enumerate(answers)]
    table = TfidfVectorizer(sublinear_tf=True, analyzer="char", ngram_range=(2, 2))
    rows = table.fit_transform(answers)
    expected = (rows @ table.transform([asked]).T).toarray()[:, 0]
    found = {near.example.row: near.likeness for near in nearest(examples, asked)}
    assert found == pytest.approx({row: value for row, value in enumerate(expected) if value > 0})
