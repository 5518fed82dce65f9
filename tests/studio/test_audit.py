"""What is found in examples, and on which rows; each check is told from its neighbours."""

from __future__ import annotations

from typing import Any

import pytest

from studio.data.audit.checks import CHECKS, UNREADABLE, audit
from studio.data.audit.finding import Subject
from studio.data.conversation import Conversation, Message, Role
from studio.data.review import review
from studio.data.tokens import Labelled, load_tokenizer

FULL = "This is an answer of the usual length, with a sentence or two in it."


def talk(*messages: tuple[Role, str], row: int = 0) -> Conversation:
    return Conversation(tuple(Message(role, content) for role, content in messages), row)


def pairs(*answers: str) -> list[Conversation]:
    return [talk(("user", f"Question {row}?"), ("assistant", a), row=row) for row, a in enumerate(answers)]


def found(*conversations: Conversation, **more: Any) -> dict[str, list[int]]:
    subject = Subject(list(conversations), more.get("unreadable_rows", []), [], [])
    return {finding.check.id: finding.rows for finding in audit(subject)}


def test_every_check_says_what_it_finds_why_and_how_bad_and_has_an_id_of_its_own():
    assert len({check.id for check in CHECKS}) == len(CHECKS)
    for check in CHECKS:
        assert check.id.isidentifier()
        assert "{count}" in check.title
        assert check.why.endswith(".")
        assert check.severity in ("error", "warning", "note")


def test_good_examples_give_no_finding():
    greeting = talk(("system", "Be kind."), ("user", "Hi"), ("assistant", FULL), row=3)
    assert found(*pairs(FULL, FULL + " And more.", FULL + " Or less."), greeting) == {}


@pytest.mark.parametrize(
    ("check", "messages"),
    [
        ("empty_message", [("user", "Hi"), ("assistant", " \n")]),
        ("empty_message", [("user", ""), ("assistant", FULL)]),
        ("too_few_turns", [("system", "Be kind."), ("assistant", FULL)]),
        ("role_order", [("user", "Hi"), ("user", "Well?"), ("assistant", FULL)]),
        ("last_not_assistant", [("user", "Hi"), ("assistant", FULL), ("user", "Thanks")]),
        ("identity_leak", [("user", "Hi"), ("assistant", "As an AI language model, I cannot.")]),
    ],
)
def test_each_flaw_is_found_by_its_own_check_alone(check, messages):
    assert found(talk(*messages, row=7)) == {check: [7]}


def test_a_conversation_without_messages_is_no_example():
    assert set(found(talk())) == {"too_few_turns", "last_not_assistant"}


def test_two_answers_of_tools_in_a_row_are_in_order():
    calls = [("user", "Weather?"), ("assistant", "I look."), ("tool", "Rome: sun"), ("tool", "Oslo: rain")]
    assert "role_order" not in found(talk(*calls, ("assistant", FULL)))


def test_rows_are_those_of_the_file_as_read():
    examples = pairs(FULL, "", FULL, "")
    assert found(*examples, unreadable_rows=[4])["empty_message"] == [1, 3]
    assert found(*examples, unreadable_rows=[4])["unreadable_row"] == [4]


def test_the_worst_stands_first():
    examples = [*pairs("As an AI, I cannot.", ""), *pairs(FULL)]
    findings = audit(Subject(examples, [9], [], []))
    assert [finding.check.severity for finding in findings] == sorted(
        (finding.check.severity for finding in findings), key=["error", "warning", "note"].index
    )
    assert findings[0].check is UNREADABLE


def test_the_first_of_duplicates_stays_unmarked():
    same = [
        talk(("user", question), ("assistant", FULL), row=row) for row, question in enumerate(["a b", "A  b!", "c"])
    ]
    again = talk(("user", "a b?"), ("assistant", FULL.upper()), row=3)
    assert found(*same, again)["exact_duplicate"] == [1, 3]


def test_a_stub_among_full_answers_is_found_and_short_answers_among_their_like_are_not():
    assert found(*pairs(*[FULL] * 9, "No"))["very_short"] == [9]
    assert "very_short" not in found(*pairs("spam", "ham", "spam", "no"))


def test_an_answer_far_beyond_the_others_is_found():
    assert found(*pairs(*[FULL] * 9, FULL * 30))["very_long"] == [9]
    assert "very_long" not in found(*pairs(*[FULL] * 9, FULL * 3))
    assert "very_long" not in found(*pairs("a", "a" * 100)), "too few to say what is usual"


@pytest.mark.parametrize(
    "answer",
    [
        "as an AI, I can't",
        "As a large language model I do not eat",
        "I’m just an AI",
        "I am an AI assistant",
        "my knowledge cutoff is 2021",
        "I was trained by OpenAI",
    ],
)
def test_an_answer_in_an_assistants_voice_is_found(answer):
    assert "identity_leak" in found(*pairs(answer))


@pytest.mark.parametrize("answer", ["It serves as an aid", "Maintain it as an airfield", "The Himalayas are high"])
def test_words_that_only_look_like_it_are_not(answer):
    assert "identity_leak" not in found(*pairs(answer))


def test_an_assistants_voice_in_the_question_teaches_nothing():
    assert found(talk(("user", "As an AI, what are you?"), ("assistant", FULL))) == {}


def test_a_cut_answer_is_found_and_a_cut_question_is_not():
    one, other = pairs(FULL, FULL + " Indeed.")
    labelled = [Labelled([1], [1], 9, 0), Labelled([1], [1], 9, 3)]
    findings = audit(Subject([one, other], [], [one, other], labelled))
    assert [(finding.check.id, finding.rows) for finding in findings] == [("answer_cut_off", [1])]


def test_a_finding_speaks_of_one_or_of_many():
    one, many = (
        next(f for f in audit(Subject(pairs(*answers), [], [], [])) if f.check.id == "empty_message")
        for answers in (["", FULL], ["", "", FULL])
    )
    assert one.sentence == "1 example with an empty message"
    assert many.sentence == "2 examples with an empty message"
    assert many.as_dict() == {"check": "empty_message", "severity": "error", "count": 2, "rows": [0, 1]}


def test_a_review_counts_with_the_models_own_tokens(starter):
    examples = [talk(("system", "Be kind."), ("user", "Hi"), ("assistant", "Hello there"), row=0)]
    found = review(examples, [1], load_tokenizer(starter), max_length=2048)
    assert (found.turns, found.refused) == (2, 0)
    assert found.learned_tokens == 3  # Hello, there, <|im_end|>
    assert found.tokens > found.learned_tokens
    assert [finding.check.id for finding in found.findings] == ["unreadable_row"]
    short = review(examples, [], load_tokenizer(starter), max_length=found.tokens - 3)
    assert [finding.check.id for finding in short.findings] == ["answer_cut_off"]
    assert short.tokens == found.tokens
