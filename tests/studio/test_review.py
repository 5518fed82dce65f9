"""The audit of a saved data set: in a process of its own, once for each model and length."""

from __future__ import annotations

import json
import shutil

import pytest

from studio.data.datasets import read_examples, save_dataset
from studio.data.review import call_off, read_review, review
from studio.errors import TunesmithError


def test_it_is_done_once_and_kept_for_each_model_and_length(starter, starter_workspace, tmp_path):
    file = tmp_path / "shop.jsonl"
    rows = [{"prompt": f"Question {n}?", "completion": "Write to mia@mail.example.com."} for n in range(5)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    dataset = save_dataset(starter_workspace, "reviewed", file.name, read_examples(file))
    # As two models whose paths begin alike for longer than a file's name would keep.
    models = [tmp_path / ("m" * 90) / name for name in ("one", "other")]
    for model in models:
        shutil.copytree(starter, model)
    assert read_review(dataset, str(models[0]), 2048) is None
    assert list(review(starter_workspace, dataset, str(models[0]), 2048))
    found = read_review(dataset, str(models[0]), 2048)
    assert found is not None
    assert {finding.check.id: finding.count for finding in found.findings}["personal_data"] == 5
    assert list(review(starter_workspace, dataset, str(models[0]), 2048)) == [], "it is known"
    assert read_review(dataset, str(models[1]), 2048) is None
    assert read_review(dataset, str(models[0]), 64) is None


def test_looking_is_called_off_and_begins_anew(starter_workspace, tmp_path):
    file = tmp_path / "many.jsonl"
    rows = ({"prompt": f"What is {n} about?", "completion": f"It is about {n * 7} things."} for n in range(6000))
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    dataset = save_dataset(starter_workspace, "many", file.name, read_examples(file))

    def watch() -> None:
        for progress in review(starter_workspace, dataset, "starter", 512):
            if "Looking" in progress.message:
                call_off(dataset, "starter", 512)

    with pytest.raises(TunesmithError, match="It was stopped"):
        watch()
    assert read_review(dataset, "starter", 512) is None
    for _ in review(starter_workspace, dataset, "starter", 512):
        pass
    assert read_review(dataset, "starter", 512).examples == 6000
