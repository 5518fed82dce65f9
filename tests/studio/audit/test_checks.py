"""What is found in examples, and on which rows; each check is told from its neighbours."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from studio.data.audit import run
from studio.data.audit.checks import CHECKS, UNREADABLE
from studio.data.audit.facts import describe
from studio.data.audit.finding import Example
from studio.data.audit.run import Audit, audit
from studio.data.conversation import Conversation, Message, Role
from studio.data.fixes import BY_CHECK, Around
from studio.data.tokens import load_tokenizer

FULL = "This is an answer of the usual length, with a sentence or two in it."


def talk(*messages: tuple[Role, str], row: int = 0) -> Conversation:
    return Conversation(tuple(Message(role, content) for role, content in messages), row)


def pairs(*answers: str) -> list[Conversation]:
    return [talk(("user", f"Question {row}?"), ("assistant", a), row=row) for row, a in enumerate(answers)]


Found = Callable[..., dict[str, list[int]]]


@pytest.fixture
def audited(starter: Path) -> Callable[..., Audit]:
    def run(*conversations: Conversation, unreadable_rows: Sequence[int] = (), max_length: int = 2048) -> Audit:
        placed = [(conversation, "train") for conversation in conversations]
        return audit(placed, len(placed), unreadable_rows, starter, max_length, lambda progress: None)

    return run


@pytest.fixture
def found(audited: Callable[..., Audit]) -> Found:
    """What is found on which rows, but for the remark that a handful of examples is too few."""

    def run(*conversations: Conversation, **more: Any) -> dict[str, list[int]]:
        findings = audited(*conversations, **more).findings
        return {finding.check.id: finding.rows for finding in findings if finding.check.id != "too_few"}

    return run


def test_every_check_says_what_it_finds_why_and_how_bad_and_has_an_id_of_its_own():
    assert len({check.id for check in CHECKS}) == len(CHECKS)
    for check in CHECKS:
        assert check.id.isidentifier()
        assert "{count}" in check.title
        assert check.why.endswith(".")
        assert check.severity in ("error", "warning", "note")


def test_good_examples_give_no_finding(found):
    greeting = talk(("system", "Be kind."), ("user", "Hi"), ("assistant", FULL), row=3)
    other = "Take the third road on the left, and then ask for the baker: everybody knows him."
    assert found(*pairs(other, "Bread wants flour, water, salt, and an evening in which to rest."), greeting) == {}


@pytest.mark.parametrize(
    ("check", "messages"),
    [
        ("empty_message", [("user", "Hi"), ("assistant", " \n")]),
        ("empty_message", [("user", ""), ("assistant", FULL)]),
        ("too_few_turns", [("system", "Be kind."), ("assistant", FULL)]),
        ("role_order", [("user", "Hi"), ("user", "Well?"), ("assistant", FULL)]),
        ("last_not_assistant", [("user", "Hi"), ("assistant", FULL), ("user", "Thanks")]),
        ("identity_leak", [("user", "Hi"), ("assistant", "As an AI language model, I like bread.")]),
    ],
)
def test_each_flaw_is_found_by_its_own_check_alone(found, check, messages):
    assert found(talk(*messages, row=7)) == {check: [7]}


def test_a_conversation_without_messages_is_no_example(found):
    assert set(found(talk())) == {"too_few_turns", "last_not_assistant"}


def test_two_answers_of_tools_in_a_row_are_in_order(found):
    calls = [("user", "Weather?"), ("assistant", "I look."), ("tool", "Rome: sun"), ("tool", "Oslo: rain")]
    assert "role_order" not in found(talk(*calls, ("assistant", FULL)))


def test_rows_are_those_of_the_file_as_read(found):
    examples = pairs(FULL, "", FULL, "")
    assert found(*examples, unreadable_rows=[4])["empty_message"] == [1, 3]
    assert found(*examples, unreadable_rows=[4])["unreadable_row"] == [4]


def test_the_worst_stands_first(audited):
    findings = audited(*pairs("As an AI, I cannot.", FULL, FULL), unreadable_rows=[9]).findings
    severities = [finding.check.severity for finding in findings]
    assert severities == sorted(severities, key=["error", "warning", "note"].index)
    assert findings[0].check is UNREADABLE


def test_the_first_of_duplicates_stays_unmarked(found):
    same = [
        talk(("user", question), ("assistant", FULL), row=row) for row, question in enumerate(["a b", "A  b!", "c"])
    ]
    again = talk(("user", "a b?"), ("assistant", FULL.upper()), row=3)
    assert found(*same, again)["exact_duplicate"] == [1, 3]


def test_a_stub_among_full_answers_is_found_and_short_answers_among_their_like_are_not(found):
    assert found(*pairs(*[FULL] * 9, "No"))["very_short"] == [9]
    assert "very_short" not in found(*pairs("spam", "ham", "spam", "no"))


def test_an_answer_far_beyond_the_others_is_found(found):
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
def test_an_answer_in_an_assistants_voice_is_found(found, answer):
    assert "identity_leak" in found(*pairs(answer))


@pytest.mark.parametrize("answer", ["It serves as an aid", "Maintain it as an airfield", "The Himalayas are high"])
def test_words_that_only_look_like_it_are_not(found, answer):
    assert "identity_leak" not in found(*pairs(answer))


def test_an_assistants_voice_in_the_question_teaches_nothing(found):
    assert found(talk(("user", "As an AI, what are you?"), ("assistant", FULL))) == {}


def test_a_cut_answer_is_found_and_a_cut_question_is_not(found):
    asked = ("user", "Tell me of bread and of butter, of salt and of honey.")
    one = talk(asked, ("assistant", FULL))
    other = talk(asked, ("assistant", FULL), ("user", "Thanks for all of this, it was a great help to me"), row=1)
    assert found(one, max_length=60)["answer_cut_off"] == [0]
    cut = found(one, other, max_length=72)
    assert "answer_cut_off" not in cut
    assert cut["cut_off"] == [1]
    assert found(one, max_length=20)["nothing_learned"] == [0]


def test_a_finding_speaks_of_one_or_of_many(audited):
    one, many = (
        next(f for f in audited(*pairs(*answers)).findings if f.check.id == "empty_message")
        for answers in (["", FULL], ["", "", FULL])
    )
    assert one.sentence == "1 example with an empty message"
    assert many.sentence == "2 examples with an empty message"
    assert many.as_dict() == {"check": "empty_message", "severity": "error", "count": 2, "rows": [0, 1]}


def test_an_audit_counts_with_the_models_own_tokens(audited):
    example = talk(("system", "Be kind."), ("user", "Hi"), ("assistant", "Hello there"))
    counted = audited(example)
    assert (counted.examples, counted.turns, counted.refused, counted.cut_tokens) == (1, 2, 0, 0)
    assert counted.learned_tokens == 3  # Hello, there, <|im_end|>
    assert audited(example, max_length=counted.tokens - 3).tokens == counted.tokens


def test_an_audit_is_the_same_when_it_was_kept_and_read_again(audited):
    first = audited(*pairs("", FULL, "I'm sorry, but I can't help with that."), unreadable_rows=[3])
    assert Audit.from_dict(json.loads(json.dumps(first.as_dict()))) == first
    assert {finding.check.id for finding in first.findings} >= {"empty_message", "refusal", "unreadable_row"}


def test_large_and_small_data_sets_are_judged_alike(audited, monkeypatch):
    examples = pairs(*(f"{FULL} Number {n % 40}." if n % 9 else "" for n in range(120)))
    alone = audited(*examples)
    monkeypatch.setattr(run, "PIECE", 50)  # more than one piece, so a process for each core
    assert audited(*examples) == alone


def test_one_question_with_two_answers_is_found_on_both_rows(found):
    same = [
        talk(("user", "When do you open?"), ("assistant", answer), row=n) for n, answer in enumerate(["At 8", "at 8."])
    ]
    assert "same_question_other_answer" not in found(*same)
    other = talk(("user", "when do you OPEN"), ("assistant", "At nine"), row=2)
    assert found(*same, other)["same_question_other_answer"] == [0, 1, 2]


LETTERS = (
    "Good morning, I ordered a lamp three weeks ago and it has still not come, please tell me where it is.",
    "The coat that you sent me is too small, and I would like to have it in a larger size if there is one.",
)


def test_a_few_questions_in_another_language_are_found(found):
    examples = [talk(("user", f"{LETTERS[n % 2]} {n}"), ("assistant", f"{n}")) for n in range(38)]
    german = "Guten Tag, ich habe vor drei Wochen eine Lampe bestellt und warte noch immer darauf."
    examples.append(talk(("user", german), ("assistant", "38")))
    assert found(*(replace(e, row=n) for n, e in enumerate(examples)))["language_mix"] == [38]


def test_an_answer_in_the_language_that_was_asked_for_is_right(found):
    german = "Guten Morgen, ich habe vor drei Wochen eine Lampe bestellt, und sie ist noch nicht gekommen."
    asked = [talk(("user", f"{LETTERS[0]} {n}"), ("assistant", f"{LETTERS[1]} {n}"), row=n) for n in range(9)]
    wrong = talk(("user", LETTERS[0]), ("assistant", german), row=9)
    right = talk(("user", f"Translate into German: {LETTERS[0]}"), ("assistant", german), row=10)
    assert found(*asked, wrong, right)["answer_in_other_language"] == [9]


def test_a_sentence_that_opens_many_answers_is_found(found):
    answers = [f"Thank you for your message to us. {FULL[n:]} {n}" for n in range(12)]
    assert found(*pairs(*answers, *(f"{n} {FULL[n:]}" for n in range(30))))["boilerplate"] == list(range(12))


def test_a_label_that_is_far_too_rare_is_found(found):
    labels = ["spam"] * 30 + ["ham"] * 40 + ["eggs"] * 4
    assert found(*pairs(*labels))["unbalanced"] == [70, 71, 72, 73]
    assert "unbalanced" not in found(*pairs(*labels[:70]))


def test_too_few_is_said_by_what_the_examples_are_for(audited):
    def few(*answers: str, question: str = "Say it {}") -> bool:
        examples = [talk(("user", question.format(n)), ("assistant", a), row=n) for n, a in enumerate(answers)]
        return any(finding.check.id == "too_few" for finding in audited(*examples).findings)

    assert few(*[FULL] * 49)
    assert not few(*[FULL] * 50)
    assert few(*[FULL] * 150, question="What is {}?")
    assert few(*["```python\npass\n```"] * 150)


@pytest.mark.parametrize("answer", ["N/A", "...", "Dear [customer name], hi", "TODO", "Lorem ipsum", "{{ name }}"])
def test_words_that_hold_a_place_are_found(found, answer):
    assert found(*pairs(answer))["placeholder"] == [0]


@pytest.mark.parametrize("answer", ["Por supuesto, todo va bien", "[name](https://a.example)", "None of it", "a < b"])
def test_words_that_only_look_like_a_placeholder_are_not(found, answer):
    assert "placeholder" not in found(*pairs(answer))


@pytest.mark.parametrize("mark", ["[EMAIL]", "[PHONE 2]", "[ADDRESS]", "[SECRET]"])
def test_the_marks_of_masking_hold_no_place(found, mark):
    assert found(*pairs(f"We write to {mark} in the morning, as you asked us to do.")) == {}


@pytest.mark.parametrize("mark", ["[email]", "[Email]", "[your name]", "[YOUR EMAIL]", "[NAME]", "[EMAIL] or [email]"])
def test_what_only_looks_like_such_a_mark_holds_a_place(found, mark):
    assert found(*pairs(f"We write to {mark} in the morning, as you asked us to do.")) == {"placeholder": [0]}


def test_whatever_is_masked_is_not_warned_of_again(found, make_tokenizer):
    kinds = {
        "personal_data": "mia@example.org, leo@example.org, +49 30 901820, 12 Long Street, 93.184.216.34",
        "secret": "ghp_" + "a1" * 18,
    }
    around = Around(load_tokenizer(make_tokenizer("ChatML")), 2048)
    for check, values in kinds.items():
        example = pairs(f"As you asked, here it is again: {values}. Please keep it.")[0]
        assert set(found(example)) == {check}
        masked = BY_CHECK[check].mend(example, around)
        assert masked.wanted.count("[") == len(values.split(", "))
        assert found(masked) == {}


STRANGE = (
    "\n",
    "1 ",
    "01 ",
    "DE00 0000 ",
    "mia@mail.example.com ",
    "://a:",
    "`",
    "<a ",
    "[your ",
    "as a ai ",
    "as a-",
    "sorry but as a b ",
    "i'm a b ",
    "{{ a",
    "A",
    "Ã©",
    "-",
)


@pytest.mark.parametrize("strange", STRANGE)
def test_no_text_keeps_a_check_from_ending(strange):
    """Where a pattern tries each place anew from each place, this takes hours."""
    words = strange * (200_000 // len(strange))
    example = Example(talk(("user", words), ("assistant", words)), None)
    for check in CHECKS:
        if check.look:
            list(check.look(example))
    table, _ = describe([example], ["train"])
    assert list(table["answer_length"]) == [len(words.strip())]


def test_answer_that_the_template_does_not_end_is_ended(make_tokenizer):
    """The tokenizer's own mark ends it: without one a model never learns to stop."""
    template = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    folder = make_tokenizer("ChatML", chat_template=template)
    conversation = Conversation((Message("user", "Hi?"), Message("assistant", "Hello.")))
    found = audit([(conversation, "train")], 1, [], folder, 512, lambda progress: None)
    assert "template_marks" not in {finding.check.id for finding in found.findings}
    assert load_tokenizer(folder).render(conversation.messages).endswith("Hello.\n<|im_end|>")


def test_what_the_template_refuses_is_found_with_its_reason(make_tokenizer):
    """What training leaves out is a finding with a count, in the template's own words."""
    folder = make_tokenizer("Gemma")
    talks = [(Message("user", "Hi?"), Message("user", "Hm?"), Message("assistant", f"Hello {n}.")) for n in range(3)]
    placed = [(Conversation(talk, row), "train") for row, talk in enumerate([*talks, (talks[0][0], talks[0][2])])]
    found = audit(placed, 4, [], folder, 512, lambda progress: None)
    (refused,) = (finding for finding in found.findings if finding.check.id == "template_refused")
    assert refused.rows == [0, 1, 2]
    assert refused.why.endswith("3: This model's chat template refuses the conversation: Roles must alternate")
    assert Audit.from_dict(found.as_dict()) == found


def test_system_prompts_that_begin_the_question_are_counted(make_tokenizer):
    talk = (Message("system", "Be brief."), Message("user", "Hi?"), Message("assistant", "Hello."))
    placed = [(Conversation(talk), "train"), (Conversation(talk[1:], 1), "train")]
    for family, count in (("Gemma", 1), ("ChatML", 0)):
        assert audit(placed, 2, [], make_tokenizer(family), 512, lambda progress: None).folded_systems == count
