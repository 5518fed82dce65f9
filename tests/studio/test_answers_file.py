"""The answers as a table: all of them, whole, and nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import io

import pytest

from studio.compare.answers_file import as_csv, write_answers
from studio.errors import RunError
from tests.studio.reports import make_run, score

LONG = 'a long answer, with "quotes"\nand lines. ' * 50


@pytest.fixture
def run(workspace):
    return make_run(workspace)


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def test_every_answer_stands_there_whole_with_what_it_is_worth(run):
    score(run, lambda row, wanted: LONG, lambda row, wanted: wanted)
    rows = rows_of(write_answers(run).read_text(encoding="utf-8"))
    assert len(rows) > 20
    assert {row["before"] for row in rows} == {LONG}
    assert all(row["after"] == row["wanted"] for row in rows)
    assert {row["fields right, after"] for row in rows} == {"1.0"}
    assert all(row["question"].startswith("Where is parcel") for row in rows)


def test_what_is_still_to_be_voted_on_is_left_out(run):
    score(run, lambda row, wanted: "no", lambda row, wanted: wanted)
    whole = rows_of(write_answers(run).read_text(encoding="utf-8"))
    hidden = {int(whole[0]["example"]) - 1}
    left = rows_of(write_answers(run, hidden).read_text(encoding="utf-8"))
    assert [row["example"] for row in left] == [row["example"] for row in whole[1:]]


@pytest.mark.parametrize("attack", ['=HYPERLINK("http://x")', "+1", "-1", "@SUM(A1)", "\t=1"])
def test_no_answer_is_a_formula(attack):
    found = {"answers": [{"row": 0, "prompt": "?", "wanted": "w", "base": attack, "tuned": "b = 2"}]}
    (row,) = rows_of(as_csv(found))
    assert (row["before"], row["after"]) == (f"'{attack}", "b = 2")


def test_of_a_run_that_was_not_measured_it_says_so(run):
    with pytest.raises(RunError, match="measured"):
        write_answers(run)
