"""The answers of a run are read in the order of the run, however long its file is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from studio.train.samples import FIRST_BYTES, MAX_FIRST, MAX_NEWEST, NEWEST_BYTES, read_samples

PROMPTS = ("Mia's order?", "Bob's order?", "Who are you?")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "samples.jsonl"


def look(step: int, answer: str = "An answer.") -> list[dict[str, Any]]:
    return [{"step": step, "prompt": prompt, "wanted": "Wanted.", "answer": answer} for prompt in PROMPTS]


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def test_a_run_that_has_not_answered_yet_has_no_samples(path):
    assert read_samples(path) == []
    path.touch()
    assert read_samples(path) == []


def test_answers_come_as_they_were_written(path):
    rows = [*look(0, "Grüße\u2028 😀"), *look(20)]
    write_rows(path, rows)
    assert read_samples(path) == rows


def test_a_half_written_row_waits_and_what_is_no_row_is_passed_over(path):
    path.write_bytes(b'not json\n[1]\n{"step": "two"}\n{"step": 1, "prompt": "p", "wanted": "w"}\n\xff\xfe\n\n')
    write_rows(path, look(0))
    with path.open("a") as file:
        file.write(json.dumps(look(1)[0])[:-5])
    assert read_samples(path) == look(0)


def test_where_a_run_was_resumed_the_later_answers_count(path):
    write_rows(path, [*look(0), *look(20, "old"), *look(40, "void"), *look(20, "new")])
    assert read_samples(path) == [*look(0), *look(20, "new")]


def test_answers_being_written_anew_stand_beside_those_not_yet_reached(path):
    write_rows(path, [*look(20, "old"), *look(20, "new")[:1]])
    assert [row["answer"] for row in read_samples(path)] == ["old", "old", "new"]


@pytest.mark.parametrize("answer", ["short", "long " * 400])
def test_of_a_long_file_the_first_and_the_newest_rows_are_read(path, answer):
    rows = [row for step in range(2_000) for row in look(step, answer)]
    write_rows(path, rows)
    assert (path.stat().st_size > FIRST_BYTES + NEWEST_BYTES) == (answer != "short")
    samples = read_samples(path)
    assert len(samples) <= MAX_FIRST + MAX_NEWEST
    assert samples[:3] == look(0, answer)
    assert samples[-3:] == look(1_999, answer)
    assert all(sample in rows for sample in samples[:20])


def test_one_line_longer_than_all_that_is_read_is_passed_over(path):
    write_rows(path, [*look(0), look(1, "x" * (2 * NEWEST_BYTES))[0], *look(2)])
    assert [sample["step"] for sample in read_samples(path)] == [0, 0, 0, 2, 2, 2]
