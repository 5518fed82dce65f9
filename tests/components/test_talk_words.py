"""While several answer, it says who has answered, who writes and who is still silent."""

from __future__ import annotations

from components.talk_words import words_of_waiting
from studio.compare.voices import Voice

BASE, RUN, STEP = Voice("base", "a"), Voice("run", "a"), Voice("checkpoint", "a", "8")
NAMES = {BASE: "Before", RUN: "After", STEP: "Step 8"}


def test_before_anybody_has_said_a_word_all_of_them_read():
    silent = dict.fromkeys(NAMES, "")
    assert words_of_waiting(NAMES, False, silent, ()) == "All are reading your question …"
    assert words_of_waiting({BASE: "Before", RUN: "After"}, False, {}, ()) == "Both are reading your question …"
    assert words_of_waiting(NAMES, True, silent, ()) == "They answer one after the other …"


def test_who_has_answered_is_no_longer_said_to_be_reading():
    texts = {BASE: "Hello.", RUN: "Good day.", STEP: "Goo"}
    words = words_of_waiting(NAMES, False, texts, {BASE, RUN})
    assert words == "Before and After have answered. Step 8 is writing …"
    assert words_of_waiting(NAMES, False, texts, ()) == "Before, After and Step 8 are writing …"
    assert words_of_waiting(NAMES, False, texts, NAMES) == "Before, After and Step 8 have answered."


def test_of_those_who_come_after_others_none_is_said_to_read_before_it_can_be_known():
    begun = {BASE: "Hel", RUN: "", STEP: ""}
    assert words_of_waiting(NAMES, True, begun, ()) == "Before is writing, After and Step 8 are still to answer …"
    last = words_of_waiting(NAMES, True, {**begun, RUN: "Good day."}, {BASE, RUN})
    assert last == "Before and After have answered. Step 8 is reading your question …"


def test_an_empty_answer_is_an_answer():
    assert words_of_waiting(NAMES, False, {STEP: "Goo"}, {BASE}) == (
        "Before has answered. Step 8 is writing, After is reading your question …"
    )


def test_one_alone_reads_then_writes():
    alone = {BASE: "Before"}
    assert words_of_waiting(alone, False, {BASE: ""}, ()) == "It is reading your question …"
    assert words_of_waiting(alone, False, {BASE: "Hel"}, ()) == "It is writing …"
