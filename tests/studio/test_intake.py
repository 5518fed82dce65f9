"""A file is taken in by a process of its own: it tells how far it is, and is called off without a trace."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from studio.data import intake
from studio.data.datasets import list_datasets
from studio.data.formats import Mapping
from studio.data.intake import Reading, call_off, first_rows, take_in, taken
from studio.errors import TunesmithError
from studio.workspace import Workspace


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def pairs(count: int) -> list[dict[str, str]]:
    return [{"question": f"Question number {n}?", "answer": f"Answer {n}"} for n in range(count)]


def take(workspace: Workspace, path: Path, reading: Reading | None = None) -> Any:
    for _ in take_in(workspace, path, reading):
        pass
    return taken(workspace, path)


def test_a_file_becomes_a_data_set_named_after_it(workspace, tmp_path):
    dataset = take(workspace, write(tmp_path / "shop.orders.jsonl", *pairs(10)))
    assert (dataset.name, dataset.description["source"]) == ("shop", "shop.orders.jsonl")
    assert dataset.description["examples"] == 10


def test_how_it_is_read_can_be_changed(workspace, tmp_path):
    rows = [{"instruction": f"Do {n}", "input": f"this {n}", "output": f"done {n}", "Wish": "x"} for n in range(6)]
    path = write(tmp_path / "shop.jsonl", *rows)
    assert take(workspace, path).description["shapes"] == {"Alpaca": 6}
    assert take(workspace, path, Reading(shape="question and answer")).description["shapes"] == {
        "question and answer": 6
    }
    mapped = take(workspace, path, Reading(Mapping("instruction", "output", context="input")))
    assert mapped.conversations()[0].messages[0].content == "this 0\n\nDo 0"


def test_what_cannot_be_read_is_said_and_leaves_nothing(workspace, tmp_path):
    path = tmp_path / "rubbish.jsonl"
    path.write_bytes(bytes(range(256)) * 10)
    with pytest.raises(TunesmithError, match="could not be read"):
        take(workspace, path)
    assert list_datasets(workspace) == []
    assert not list(workspace.datasets.glob(".new-*"))


def test_reading_is_called_off_and_nothing_is_kept(workspace, tmp_path):
    path = write(tmp_path / "large.jsonl", *(pairs(1000) * 200))
    seen = []

    def watch() -> None:
        for progress in take_in(workspace, path):
            seen.append(progress)
            if "examples" in progress.message:
                call_off(workspace, path)

    with pytest.raises(TunesmithError, match="It was stopped"):
        watch()
    assert 0 < seen[-1].share < 0.8
    assert list_datasets(workspace) == []
    take(workspace, write(tmp_path / "small.jsonl", *pairs(4)))  # clears what the killed process left
    assert [folder.name for folder in workspace.datasets.iterdir() if folder.is_dir()] == ["small"]


def test_the_first_rows_are_enough_to_name_the_columns(tmp_path):
    rows = first_rows(write(tmp_path / "shop.jsonl", *({"Wish": f"w{n}", "Spell": f"s{n}"} for n in range(500))))
    assert len(rows) == 200


def test_a_reading_survives_being_passed_on():
    for reading in (Reading(), Reading(shape="Alpaca"), Reading(Mapping("a", "b", "c", "d"))):
        assert intake.Reading.from_json(reading.as_json()) == reading
