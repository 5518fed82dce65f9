"""What others answered is kept with its questions, and weighed anew when the run is."""

from __future__ import annotations

import pytest

from studio.compare.chosen import keep_choice
from studio.compare.others import keep, read_others, read_scored, weigh_anew, weigh_other
from studio.compare.voices import Voice, marks_of_voice
from studio.runs import Run, workspace_of
from studio.scores.choice import make_choice
from studio.store import read_json, write_json
from tests.studio.reports import make_run, score


@pytest.fixture
def run(workspace) -> Run:
    """A checkpoint of it, which says all that is wanted, was asked the same questions."""
    run = make_run(workspace)
    answers = score(run, lambda row, wanted: "Hello!", lambda row, wanted: wanted)
    voice = Voice("checkpoint", run.id, "40")
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        write_json(run.checkpoints / "checkpoint-40" / name, {})
    found = weigh_other(run, [row["wanted"] for row in answers], [0.1] * len(answers))
    keep(run, voice, {**found, "of": marks_of_voice(workspace_of(run.folder), voice), "unread": ""})
    return run


def change_rows(run: Run, first: int, more: int = 0) -> None:
    """Leave out the first rows of scores.json, and put in as many that nobody else was asked."""
    scores = read_json(run.folder / "scores.json")
    rows = scores["answers"][first:] + [{**row, "row": row["row"] + 1000} for row in scores["answers"][:more]]
    write_json(run.folder / "scores.json", {**scores, "answers": rows})


def test_by_another_measure_they_are_weighed_anew_without_being_asked(run: Run):
    assert next(iter(read_others(run).values()))["main"] == "fields_right"
    keep_choice(run, make_choice("length_match"))
    weigh_anew(run)
    (other,) = read_scored(run)
    assert other.found["main"] == "length_match"
    assert other.found["measures"]["length_match"]["tuned"]["value"] == 1
    assert other.is_current


def test_of_fewer_questions_those_count_and_for_more_it_must_be_asked_again(run: Run):
    change_rows(run, first=3)
    assert not read_scored(run)[0].is_current
    weigh_anew(run)
    (other,) = read_scored(run)
    assert (other.is_current, other.found["examples"]) == (True, 27)
    change_rows(run, first=0, more=1)
    weigh_anew(run)
    (other,) = read_scored(run)
    assert (other.is_current, other.found["examples"]) == (False, 27)
