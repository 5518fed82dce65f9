"""Figures of answers, the words that differ, and where an answer may come from. What models say is text here."""

from __future__ import annotations

import re

from components.answers_view import Said, show_apart, show_figures, show_nearest
from studio.compare.chat import Figures
from studio.compare.nearest import nearest
from studio.data.conversation import Conversation, Message

ATTACK = "<script>alert(1)</script>"


def marked(html: str) -> list[str]:
    return re.findall(r"<mark>(.*?)</mark>", html)


def test_each_answer_has_its_own_speed_and_sureness():
    shown = show_figures(
        [Said("Before", "", Figures(21, True, 0.5, 2.5, 0.42)), Said(ATTACK, ATTACK, Figures(1, True, 0.4, 0.4, 0.981))]
    )
    assert "21 tokens, the first after 0.5 s, 10 tokens a second, 42\u00a0% sure of its words" in shown
    assert ATTACK not in shown
    assert "1 token, the first after 0.4 s, 98\u00a0% sure of its words" in shown


def test_who_was_stopped_before_the_first_token_has_no_speed():
    silent = Said("Before", "", Figures(0, False, 0.0, 0.0, None))
    assert show_figures([silent, silent]).count("no token") == 2


def test_only_what_one_of_them_says_is_marked():
    shown = show_apart([("Before", "The red box is here."), ("After", "The blue box was here.")])
    before, after = shown.split("<strong>After")
    assert marked(before) == ["red", "is"]
    assert marked(after) == ["blue", "was"]


def test_where_there_are_no_blanks_the_letters_that_differ_are_marked():
    before, after = show_apart([("Before", "包裹星期一到。"), ("After", "包裹星期五到、")]).split("<strong>After")
    assert marked(before) == ["一", "。"]
    assert marked(after) == ["五", "、"]
    before, after = show_apart([("Before", "ขอบคุณ order 4"), ("After", "ขอบใจ order 5")]).split("<strong>After")
    assert (marked(before), marked(after)) == (["คุณ", "4"], ["ใจ", "5"])


def test_the_first_is_laid_beside_each_other_one():
    shown = show_apart([("Before", "a b"), ("Step 4", "a c"), ("After", "a d")])
    assert marked(shown) == ["b", "c", "b", "d"]
    assert show_apart([("Before", "alone")]) == ""


def test_what_is_the_same_or_endless_is_said_in_words():
    assert "Before and After say the same" in show_apart([("Before", "yes"), ("After", "yes")])
    assert "too long" in show_apart([("Before", "a " * 2000), ("After", "b " * 2000)])


def test_nearest_examples_show_what_they_share_with_the_answer():
    example = Conversation((Message("user", f"Where? {ATTACK}"), Message("assistant", f"In Porto, {ATTACK}")), row=6)
    shown = show_nearest("After", nearest([example], "PORTO it is"))
    assert marked(shown) == ["Porto"]
    assert "Example 7, " in shown
    assert ATTACK not in shown
    assert "shares a word" in show_nearest("After", [])


def test_shared_pairs_of_letters_are_marked_as_one():
    example = Conversation((Message("user", "?"), Message("assistant", "三十天内接受<b>退货、谢谢。")), row=6)
    assert marked(show_nearest("After", nearest([example], "三十天可以退货"))) == ["三十天", "退货"]


def test_what_models_say_is_text():
    assert ATTACK not in show_apart([(ATTACK, ATTACK), (ATTACK, f"{ATTACK} more")])
