"""A run that was measured is weighed anew by similarity of meaning, in a worker, and nobody is asked again."""

from __future__ import annotations

import pytest

from studio.compare import proof
from studio.scores import meaning
from studio.scores.choice import make_choice
from studio.store import read_json
from tests.studio.reports import document_of, make_run, score, words_of


def letter(number: int) -> str:
    return f"Parcel {number * 37} was found again and comes to your house in {number % 7} days."


def test_kept_answers_are_weighed_anew_in_a_worker_and_the_report_tells_it(workspace, monkeypatch):
    run = make_run(workspace, wanted=letter)
    score(run, lambda row, wanted: "I cannot help.", lambda row, wanted: wanted.replace("house", "home"))
    before = read_json(run.folder / "scores.json")
    monkeypatch.setattr(meaning, "_embed", pytest.fail)  # in this process, which the worker is not
    list(proof.choose(run, make_choice("meaning")))
    after = read_json(run.folder / "scores.json")
    assert (before["main"], after["main"], after["suited"]) == ("chrf", "meaning", "chrf")
    assert after["answers"] == before["answers"]
    told = after["measures"]["meaning"]
    assert told["word"] == after["verdict"]["word"] == "better"
    assert told["base"]["value"] < 0.3 < 0.8 < told["tuned"]["low"] <= told["tuned"]["high"] < 1
    assert told["difference"]["low"] > 0.5
    assert "“similarity of meaning” was chosen by hand to decide" in words_of(document_of(run))
