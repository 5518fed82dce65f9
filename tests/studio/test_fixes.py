"""What a mend does to an example, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from studio.data.audit.checks import CHECKS
from studio.data.conversation import Conversation, Message
from studio.data.fixes import BY_CHECK, FIXES, Around
from studio.data.tokens import label_tokens, load_tokenizer


@pytest.fixture
def around(make_tokenizer: Any) -> Around:
    folder: Path = make_tokenizer("ChatML")
    return Around(load_tokenizer(folder), 120)


@pytest.fixture
def mend(around: Around) -> Any:
    """`mend(check, *turns)` gives the texts after; turns are question and answer by turns."""

    def mend(check: str, *turns: str | tuple[str, str]) -> list[str] | None:
        messages = [
            Message(*turn) if isinstance(turn, tuple) else Message("assistant" if n % 2 else "user", turn)  # type: ignore[arg-type]
            for n, turn in enumerate(turns)
        ]
        after = BY_CHECK[check].apply((Conversation(tuple(messages)), "test"), around)
        return [message.content for message in after[0].messages] if after else None

    return mend


def test_every_mend_is_of_a_check_that_there_is():
    assert {fix.check for fix in FIXES} <= {check.id for check in CHECKS}
    assert len(BY_CHECK) == len(FIXES)


def test_the_same_value_has_the_same_mark_within_an_example(mend):
    asked = "I am mia.chen@example.org, write to leo@example.org or Mia.Chen@example.org. Tel. +49 30 901820"
    assert mend("personal_data", asked, "I wrote to leo@example.org.") == [
        "I am [EMAIL], write to [EMAIL 2] or [EMAIL]. Tel. [PHONE]",
        "I wrote to [EMAIL 2].",
    ]


def test_a_key_is_masked(mend):
    after = mend("secret", "Use ghp_" + "a1" * 18 + " please", "I shall.")
    assert after == ["Use [SECRET] please", "I shall."]


@pytest.mark.parametrize(
    ("broken", "whole"),
    [
        ("CafÃ© au lait", "Café au lait"),
        ("It\u200bs here\x07", "Its here"),
        ("<p>Dear Mia,</p><p>thank you &amp; bye</p>", "Dear Mia,\nthank you & bye\n"),
        ("One<br/>two <strong>three</strong>", "One\ntwo three"),
        ("“Quotes” stay as they are, and ﬁne ligatures", "“Quotes” stay as they are, and ﬁne ligatures"),
        ("<p>Write</p> `a <b> c` now", "Write\n `a <b> c` now"),
    ],
)
def test_text_is_repaired_and_what_was_whole_is_left_alone(mend, broken, whole):
    assert mend("broken_text", broken, "Yes.") == [whole, "Yes."]


def test_marks_of_a_template_are_removed(mend):
    assert mend("template_marks", "<|im_start|>user Hi<|im_end|>", "[INST] Hello [/INST]") == ["user Hi", "Hello"]


def test_what_one_side_says_twice_is_joined_and_the_end_is_an_answer(mend):
    assert mend("role_order", ("user", "Hi"), ("user", "there"), ("assistant", "Hello")) == ["Hi\n\nthere", "Hello"]
    assert mend("last_not_assistant", "Hi", "Hello", "Bye") == ["Hi", "Hello"]
    assert mend("last_not_assistant", "Hi") is None


def test_an_answer_is_shortened_at_the_last_sentence_that_fits(mend, around):
    answer = "One is short. Two is longer than that. " + "Three goes on and on. " * 20
    shorter = mend("answer_cut_off", "Tell me", answer)
    assert answer.startswith(shorter[1])
    assert shorter[1].endswith(".")
    one_more = answer[: answer.index(".", len(shorter[1])) + 1]
    sizes = [
        label_tokens(Conversation((Message("user", "Tell me"), Message("assistant", text))), around.tokenizer, 9999)
        for text in (shorter[1], one_more)
    ]
    assert len(sizes[0].input_ids) <= around.max_length < len(sizes[1].input_ids)
    assert mend("answer_cut_off", "Tell me", "word " * 100) is None


@pytest.mark.parametrize("check", ["exact_duplicate", "refusal", "empty_message", "very_long"])
def test_what_is_dropped_is_gone(mend, check):
    assert mend(check, "Hi", "Hello") is None


def test_a_leak_is_moved_and_nothing_else(around):
    placed = (Conversation((Message("user", "Hi"), Message("assistant", "Hello"))), "test")
    assert BY_CHECK["split_leak"].apply(placed, around) == (placed[0], "train")
