"""Which examples are learned from, watched and held out."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest

from studio.data.conversation import Conversation, Message
from studio.data.likeness import fold_all, key_of
from studio.data.splits import assign_splits


def pair(question: str, answer: str = "yes", system: str = "") -> Conversation:
    head = (Message("system", system),) if system else ()
    return Conversation((*head, Message("user", question), Message("assistant", answer)))


def fingerprint(conversation: Conversation) -> int:
    return key_of(fold_all(conversation.turns))


def test_a_hundred_examples_are_split_80_10_10():
    splits = assign_splits([pair(f"question {n}") for n in range(100)], seed=1)
    assert Counter(splits) == {"train": 80, "validation": 10, "test": 10}


def test_the_same_seed_splits_the_same_way_and_another_does_not():
    many = [pair(f"question {n}") for n in range(100)]
    assert assign_splits(many, 1) == assign_splits(many, 1)
    assert assign_splits(many, 1) != assign_splits(many, 2)


def test_the_order_of_the_file_does_not_move_an_example_to_another_side():
    many = [pair(f"question {n}") for n in range(60)]
    shuffled = random.Random(0).sample(many, len(many))
    assert dict(zip(many, assign_splits(many, 1), strict=True)) == dict(
        zip(shuffled, assign_splits(shuffled, 1), strict=True)
    )


def test_duplicates_stay_on_one_side():
    many = [pair(f"question {n % 20}{'!' * (n // 20)}".upper() if n % 3 else f"question  {n % 20}") for n in range(80)]
    sides: dict[int, set[str]] = {}
    for conversation, split in zip(many, assign_splits(many, 7), strict=True):
        sides.setdefault(fingerprint(conversation), set()).add(split)
    assert len(sides) == 20
    assert all(len(splits) == 1 for splits in sides.values())
    assert {split for splits in sides.values() for split in splits} == {"train", "validation", "test"}


@pytest.mark.parametrize("distinct", [0, 1, 2])
def test_too_few_to_hold_any_out_are_all_learned_from(distinct):
    assert assign_splits([pair(f"question {n % max(1, distinct)}") for n in range(distinct * 3)], 1) == (
        ["train"] * distinct * 3
    )


@pytest.mark.parametrize("count", [3, 4, 5, 9, 14])
def test_no_side_is_empty_from_three_examples_on(count):
    assert set(assign_splits([pair(f"question {n}") for n in range(count)], 1)) == {"train", "validation", "test"}


def test_case_blanks_and_punctuation_make_no_difference():
    assert fingerprint(pair("  Where is\n it?", "Here.")) == fingerprint(pair("where is it", "HERE"))
    assert fingerprint(pair("Where?", system="Be kind.")) == fingerprint(pair("Where?"))


def test_words_that_move_from_the_question_to_the_answer_make_another_example():
    assert fingerprint(pair("is it so", "yes")) != fingerprint(pair("is it", "so yes"))


def test_nearly_the_same_stays_on_one_side_too():
    words = " ".join(f"word{n}" for n in range(60))
    alike = [pair(f"{words} but {n}") for n in range(30)]
    splits = assign_splits(alike + [pair(f"question {n}") for n in range(30)], 1)
    assert len(set(splits[:30])) == 1
    assert set(splits) == {"train", "validation", "test"}


def test_a_large_cluster_does_not_fill_a_small_side():
    many = [pair("again")] * 60 + [pair(f"question {n}") for n in range(40)]
    assert Counter(assign_splits(many, 1)) == {"train": 80, "validation": 10, "test": 10}


def test_a_side_that_the_file_names_is_kept_and_the_other_is_drawn():
    many = [replace(pair(f"question {n}"), split="test" if n < 7 else "train") for n in range(57)]
    splits = assign_splits(many, 1)
    assert splits[:7] == ["test"] * 7
    assert Counter(splits[7:]) == {"train": 45, "validation": 5}


def test_what_is_like_a_held_out_example_goes_with_it_unless_the_file_says_otherwise():
    twins = [replace(pair("same"), split="test"), pair("same"), replace(pair("same"), split="train")]
    splits = assign_splits([*twins, *(pair(f"question {n}") for n in range(20))], 1)
    assert splits[:3] == ["test", "test", "train"]


def test_a_file_that_names_training_alone_is_split_all_the_same():
    splits = assign_splits([replace(pair(f"question {n}"), split="train") for n in range(30)], 1)
    assert Counter(splits) == {"train": 24, "validation": 3, "test": 3}
