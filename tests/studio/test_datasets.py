"""A data set of the workspace: saved once, whole, and split for good."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from studio.data.conversation import Conversation, Message
from studio.data.datasets import (
    Dataset,
    is_learnable,
    list_datasets,
    open_dataset,
    read_examples,
    save_dataset,
)
from studio.data.formats import Conversion
from studio.errors import DataError
from studio.workspace import SAMPLE, Workspace


def examples(tmp_path: Path, *values: Any) -> Conversion:
    path = tmp_path / "shop.jsonl"
    path.write_text("".join(f"{value if isinstance(value, str) else json.dumps(value)}\n" for value in values))
    return read_examples(path)


def pairs(count: int) -> list[dict[str, str]]:
    return [{"question": f"Question {n}?", "answer": f"Answer {n}"} for n in range(count)]


def save(workspace: Workspace, tmp_path: Path, *values: Any, name: str = "shop") -> Dataset:
    return save_dataset(workspace, name, "shop.jsonl", examples(tmp_path, *values))


def test_what_is_saved_is_read_again(workspace, tmp_path):
    saved = save(workspace, tmp_path, *pairs(10), "broken", {"question": "Unanswered?", "answer": ""})
    dataset = open_dataset(workspace, "shop")
    assert dataset == saved
    assert dataset.counts == {"train": 8, "validation": 1, "test": 1, "left_out": 1}
    assert [conversation.row for conversation in dataset.conversations()] == [*range(10), 11]
    assert [conversation.row for conversation in dataset.conversations("left_out")] == [11]
    assert (dataset.unreadable_rows, [row.line for row in dataset.unreadable]) == ([10], [11])
    assert dataset.description["rows"] == 12


def test_the_parts_are_the_whole_and_share_nothing(workspace, tmp_path):
    dataset = save(workspace, tmp_path, *pairs(30))
    parts = [{c.row for c in dataset.conversations(split)} for split in ("train", "validation", "test")]
    assert [len(part) for part in parts] == [24, 3, 3]
    assert set.union(*parts) == set(range(30))


def test_the_hash_is_that_of_the_content(workspace, tmp_path):
    dataset = save(workspace, tmp_path, *pairs(3))
    assert dataset.sha256 == hashlib.sha256((dataset.folder / "examples.jsonl").read_bytes()).hexdigest()


def test_the_same_content_under_the_same_name_is_one_data_set(workspace, tmp_path):
    first = save(workspace, tmp_path, *pairs(4))
    assert save(workspace, tmp_path, *pairs(4)) == first
    other = save(workspace, tmp_path, *pairs(5))
    assert other.name == "shop-2"
    assert save(workspace, tmp_path, *pairs(5)) == other
    assert save(workspace, tmp_path, *pairs(4), name="twin").name == "twin"
    assert {dataset.name for dataset in list_datasets(workspace)} == {"shop", "shop-2", "twin"}


def test_a_name_cannot_leave_the_workspace(workspace, tmp_path):
    dataset = save(workspace, tmp_path, *pairs(3), name="../../etc/passwd")
    assert dataset.folder.parent == workspace.datasets


def test_a_folder_that_was_never_finished_is_no_data_set(workspace, tmp_path):
    save(workspace, tmp_path, *pairs(3))
    (workspace.datasets / "half").mkdir()
    (workspace.datasets / "half" / "examples.jsonl").write_text("{")
    (workspace.datasets / ".DS_Store").write_bytes(b"left by a file manager")
    assert [dataset.name for dataset in list_datasets(workspace)] == ["shop"]
    with pytest.raises(DataError, match="no data set 'half'"):
        open_dataset(workspace, "half")


@pytest.mark.parametrize("name", ["", "elsewhere", ".", "..", "../datasets/shop", "/etc"])
def test_a_data_set_that_is_not_there_is_said(workspace, tmp_path, name):
    save(workspace, tmp_path, *pairs(3))
    (workspace.root / "dataset.json").write_text("{}")
    with pytest.raises(DataError, match="There is no data set"):
        open_dataset(workspace, name)


def test_examples_without_any_answer_are_no_data_set(workspace, tmp_path):
    with pytest.raises(DataError, match=r"shop\.jsonl holds no example with a question and an answer"):
        save(workspace, tmp_path, {"question": "Why?", "answer": ""})
    assert list_datasets(workspace) == []


def test_text_with_half_a_character_is_saved(workspace, tmp_path):
    dataset = save(workspace, tmp_path, *pairs(3), {"question": "Smile \ud83d", "answer": "ok"}, {"\ud83d": 1})
    assert dataset.conversations()[3].messages[0].content == "Smile \ufffd"
    assert "\ufffd" in dataset.unreadable[0].text


def test_the_system_prompt_of_most_examples_is_the_data_sets_own(workspace, tmp_path):
    kind = [{**pair, "system": "Be kind."} for pair in pairs(4)]
    assert save(workspace, tmp_path, *kind[:3], *pairs(2)).system == "Be kind."
    assert save(workspace, tmp_path, *kind[:2], *pairs(2), name="mixed").system == ""


@pytest.mark.parametrize(
    ("roles", "learnable"),
    [
        ("user assistant", True),
        ("system user assistant user assistant", True),
        ("user assistant user", False),
        ("system assistant", False),
        ("", False),
    ],
)
def test_an_example_is_learned_from_if_it_ends_with_an_answer(roles, learnable):
    conversation = Conversation(tuple(Message(role, "words") for role in roles.split()))
    assert is_learnable(conversation) is learnable


def test_the_sample_is_all_learned_from(workspace):
    dataset = save_dataset(workspace, "sample", SAMPLE.name, read_examples(SAMPLE))
    assert dataset.counts["left_out"] == 0
    assert dataset.unreadable == []
    assert dataset.counts["train"] / dataset.description["examples"] == pytest.approx(0.8, abs=0.02)
