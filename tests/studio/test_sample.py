"""The sample data set in assets/sample is what its generator writes, varied, and true to its own e-mails."""

import importlib.util
import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SAMPLE = Path(__file__).parents[2] / "assets" / "sample"
FIELDS = ["name", "order", "product", "wishes"]


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tunesmith_sample", SAMPLE / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # a dataclass looks its own module up while it is made
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def rows() -> list[list[dict[str, str]]]:
    lines = (SAMPLE / "orders.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["messages"] for line in lines]


@pytest.fixture(scope="module")
def pairs(rows: list[list[dict[str, str]]]) -> list[tuple[str, dict[str, Any]]]:
    return [(row[1]["content"], json.loads(row[2]["content"])) for row in rows]


def test_the_file_holds_exactly_what_the_generator_writes(generator):
    written = generator.render_lines(generator.build_examples())
    assert (SAMPLE / "orders.jsonl").read_bytes() == written.encode()


def test_there_are_400_conversations_under_one_system_prompt(rows):
    assert len(rows) == 400
    assert {tuple(message["role"] for message in row) for row in rows} == {("system", "user", "assistant")}
    assert len({row[0]["content"] for row in rows}) == 1


def test_every_answer_is_json_with_the_same_fields_in_the_same_order(generator, rows, pairs):
    for row, (_, ticket) in zip(rows, pairs, strict=True):
        assert list(ticket) == FIELDS
        assert json.dumps(ticket, ensure_ascii=False) == row[2]["content"]
        assert ticket["order"] is None or ticket["order"].isdecimal()
        assert 1 <= len(ticket["wishes"]) <= 2
        assert len(set(ticket["wishes"])) == len(ticket["wishes"])
        assert set(ticket["wishes"]) <= set(generator.WISHES)


def test_every_value_stands_word_for_word_in_its_email(pairs):
    for email, ticket in pairs:
        for field in ("name", "order", "product"):
            assert ticket[field] is None or email.count(ticket[field]) == 1, (field, email)


def test_no_email_comes_twice(pairs):
    assert len({" ".join(email.lower().split()) for email, _ in pairs}) == len(pairs)


def test_at_least_200_sentences_of_different_wording_are_used(generator):
    assert generator.count_frames(generator.build_examples()) >= 200


def test_a_frame_with_other_words_filled_in_is_not_counted_again(generator):
    frames = ["Please cancel {the}.", "Please cancel {my}.", "Where is {o}?"]
    examples = [generator.Example("toys", (frame,), "", {}) for frame in frames]
    assert generator.count_frames(examples) == 2


def test_the_emails_come_from_at_least_six_kinds_of_shops(generator):
    assert len({example.shop for example in generator.build_examples()}) >= 6


def test_every_wish_is_asked_often_and_many_emails_ask_two(pairs):
    wishes = [wish for _, ticket in pairs for wish in ticket["wishes"]]
    assert min(wishes.count(wish) for wish in set(wishes)) >= 40
    assert len(set(wishes)) == 6
    assert sum(len(ticket["wishes"]) > 1 for _, ticket in pairs) >= 0.15 * len(pairs)


@pytest.mark.parametrize("field", ["name", "order", "product"])
def test_some_emails_leave_a_field_out_and_most_do_not(pairs, field):
    missing = sum(ticket[field] is None for _, ticket in pairs)
    assert 0.05 * len(pairs) <= missing <= 0.4 * len(pairs)


def test_emails_are_written_in_differing_hands(pairs):
    emails = [email for email, _ in pairs]
    assert sum(email.islower() for email in emails) >= 10
    assert sum(bool(re.search(r"[A-Z]{2,} [A-Z]{2,} [A-Z]{2,}", email)) for email in emails) >= 10
    assert any("!!" in email for email in emails)
    assert any("#" in email for email in emails)
    assert any("no. " in email for email in emails)


def test_the_examples_are_short_enough_to_train_on_a_small_machine(rows):
    lengths = [sum(len(message["content"]) for message in row) for row in rows]
    assert sum(lengths) / len(lengths) <= 330
    assert max(lengths) <= 520
