"""General examples are mixed into a data set as a version of it, and leave what is measured alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from studio.data.datasets import open_dataset
from studio.data.mixing import mix_in
from studio.data.versions import differences
from studio.errors import DataError


def write_general(folder: Path, count: int, *more: tuple[str, str]) -> Path:
    rows = [(f"What is the name of hill {n}?", f"It is called hill {n}.") for n in range(count)]
    file = folder / "general.jsonl"
    lines = [json.dumps({"question": question, "answer": answer}) for question, answer in [*rows, *more]]
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


@pytest.mark.parametrize("share", [0.1, 0.2])
def test_the_wished_share_of_what_is_learned_is_general(workspace, data, tmp_path, share):
    before = open_dataset(workspace, data)
    made = mix_in(workspace, before, write_general(tmp_path, 200), share)
    assert made.version == "v1"
    general = [c for c in made.conversations("train") if "hill" in c.wanted]
    assert len(general) / made.counts["train"] == pytest.approx(share, abs=0.02)
    assert {side: count for side, count in made.counts.items() if side != "train"} == {
        side: count for side, count in before.counts.items() if side != "train"
    }
    assert all(change.before is None for change in differences(before, made)), "nothing else changed"
    assert len({c.row for c, _ in made.placed()}) == sum(made.counts.values()), "each row has a number of its own"
    assert "general examples of general.jsonl mixed in" in made.description["did"][0]


def test_the_same_ones_are_drawn_each_time(workspace, data, tmp_path):
    file = write_general(tmp_path, 200)
    one, other = (mix_in(workspace, open_dataset(workspace, data), file, 0.1) for _ in range(2))
    assert one.sha256 == other.sha256
    assert (one.version, other.version) == ("v1", "v2")


def test_a_question_that_the_data_set_has_is_not_learned_by_the_way(workspace, data, tmp_path):
    before = open_dataset(workspace, data)
    asked = [(c.prompt[-1].content.upper(), "something") for c, _ in before.placed()]
    needed = max(1, round(0.1 / 0.9 * before.counts["train"]))
    made = mix_in(workspace, before, write_general(tmp_path, needed, *asked), 0.1)
    assert not [c for c in made.conversations() if c.wanted == "something"]


def test_too_few_examples_are_refused_with_what_is_needed(workspace, data, tmp_path):
    with pytest.raises(DataError, match=r"has 0 examples that are new here"):
        mix_in(workspace, open_dataset(workspace, data), write_general(tmp_path, 0, ("a", "")), 0.2)
