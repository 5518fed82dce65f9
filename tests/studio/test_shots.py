"""Examples for a prompt: of what is learned from alone, different sets, and none that does not fit."""

from __future__ import annotations

import json

import pytest

from studio.compare.shots import FEWEST, MOST, find_sets, kind_of, with_shots
from studio.data.conversation import Conversation, Message
from studio.errors import DataError
from studio.scores.expected import Expected, learn_expected

WISHES = ("refund", "exchange", "cancel")


def example(number: int, answer: str = "", system: str = "") -> Conversation:
    told = Message("user", f"My parcel {number * 7919} has not come, please {WISHES[number % 3]} it.")
    messages = (told, Message("assistant", answer or json.dumps({"order": str(number)})))
    return Conversation(((Message("system", system),) if system else ()) + messages, row=number)


TRAIN = [example(number) for number in range(60)]


def sets_of(train=TRAIN, room_tokens=10_000, length=100):
    expected = learn_expected([each.wanted for each in train])
    return find_sets(train, expected, lambda each: length, room_tokens)


def test_sets_hold_three_to_five_examples_of_those_given_and_no_two_are_the_same():
    found = sets_of()
    assert {each.how for each in found} == {"spread", "kinds", "drawn"}
    assert all(FEWEST <= len(each.examples) <= MOST for each in found)
    assert {len(each.examples) for each in found} == {3, 4, 5}
    assert all(set(each.rows) <= {known.row for known in TRAIN} for each in found)
    assert all(len(set(each.rows)) == len(each.rows) for each in found)
    assert len({frozenset(each.rows) for each in found}) == len(found) > 5


def test_the_same_examples_give_the_same_sets():
    assert sets_of() == sets_of()


def test_a_spread_set_has_one_of_each_group_of_examples_that_are_alike():
    groups = [
        [Conversation((Message("user", f"{word} {word} {n}"), Message("assistant", word)), row=10 * place + n)
         for n in range(10)]
        for place, word in enumerate(("parcel", "invoice", "harvest"))
    ]  # fmt: skip
    spread = next(each for each in sets_of([each for group in groups for each in group]) if each.how == "spread")
    assert {row // 10 for row in spread.rows} == {0, 1, 2}


def test_a_set_of_kinds_begins_with_the_commonest_kinds():
    answers = ["refund"] * 30 + ["exchange"] * 20 + ["cancel"] * 10
    kinds = next(
        each for each in sets_of([example(n, answer) for n, answer in enumerate(answers)]) if each.how == "kinds"
    )
    assert [each.wanted for each in kinds.examples] == ["refund", "exchange", "cancel"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ('{"a": "x", "b": null}', '{"b": null, "a": "y"}', True),
        ('{"a": "x", "b": null}', '{"a": "x", "b": "y"}', False),
        ('{"a": [1, 2]}', '{"a": [3]}', False),
        ("four words are here", "and here are five words", True),
        ("four words are here", "one", False),
    ],
)
def test_answers_are_of_a_kind_by_their_fields_or_their_length(one, other, same):
    assert (kind_of(one, Expected()) == kind_of(other, Expected())) is same


def test_what_is_too_long_for_the_room_is_left_out_and_sets_are_cut_to_what_fits():
    lengths = {each.row: 900 if each.row % 2 else 100 for each in TRAIN}
    found = find_sets(TRAIN, Expected(), lambda each: lengths[each.row], 420)
    assert all(each.row % 2 == 0 for shots in found for each in shots.examples)
    assert {len(each.examples) for each in found} == {3, 4}


def test_where_no_three_fit_it_says_how_much_room_there_is_and_what_to_do():
    with pytest.raises(DataError, match=r"no room for 3 examples: 200 tokens are left .* an example takes 100") as told:
        sets_of(room_tokens=200)
    assert "fine-tuning is the way" in told.value.do


def test_of_two_examples_there_is_one_set():
    (only,) = sets_of(TRAIN[:2])
    assert sorted(only.rows) == [0, 1]


def test_passages_are_no_examples():
    passages = [Conversation((Message("text", "Once upon a time."),), row=n) for n in range(9)]
    with pytest.raises(DataError, match="no question with its answer"):
        sets_of(passages)
    assert all(each.row >= 100 for shots in sets_of([*passages, *(example(100 + n) for n in range(9))])
               for each in shots.examples)  # fmt: skip


def test_examples_stand_between_the_questions_own_system_prompt_and_the_question():
    asked = (Message("system", "Turn it into a ticket."), Message("user", "Where is it?"))
    told = with_shots(asked, [example(1, "one", "Another one."), example(2, "two")])
    assert [message.role for message in told] == ["system", "user", "assistant", "user", "assistant", "user"]
    assert told[0].content == "Turn it into a ticket."
    assert told[-1].content == "Where is it?"
    assert [message.content for message in told if message.role == "assistant"] == ["one", "two"]
    assert not any(message.learned for message in told[1:-1])


def test_without_examples_a_prompt_is_as_it_was():
    asked = (Message("system", "Be brief."), Message("user", "Where is it?"))
    assert with_shots(asked, []) == asked


def test_an_example_of_several_turns_is_shown_to_its_last_answer():
    long = Conversation(
        (Message("user", "a"), Message("assistant", "b"), Message("user", "c"), Message("assistant", "d"))
    )
    assert [message.content for message in with_shots((Message("user", "e"),), [long])] == ["a", "b", "c", "d", "e"]
