"""A held-out part of one to three examples, from the answers to the report: all of it stands, and claims nothing."""

from __future__ import annotations

import pytest

from components.scores_view import show_scores
from studio.compare.proof import read_scores
from studio.data.datasets import open_dataset
from studio.report.write import write_report
from studio.workspace import Workspace
from tests.studio.reports import document_of, make_run, score


@pytest.mark.parametrize(("examples", "held_out"), [(4, 1), (20, 2), (30, 3)])
def test_of_very_few_examples_all_is_shown_and_it_cannot_be_told_whether_it_is_better(
    workspace: Workspace, examples: int, held_out: int
) -> None:
    run = make_run(workspace, examples=examples)
    assert open_dataset(workspace, run.recipe.data).counts["test"] == held_out
    score(run, lambda row, wanted: "Hello!", lambda row, wanted: wanted)
    found = read_scores(run)
    assert found
    assert found["verdict"]["word"] == "can't tell"
    assert {each["word"] for each in found["measures"].values()} == {"can't tell"}
    assert "too few examples to tell" in found["verdict"]["reason"]
    for each in found["measures"].values():
        low, high = each["difference"]["low"], each["difference"]["high"]
        assert low is None or low <= each["difference"]["value"] <= high
    page = show_scores(found)
    assert "Can’t tell" in page
    assert page.count("<td>too few examples to tell</td>") >= len(found["measures"])
    assert "None" not in page
    assert "nan" not in page
    verdict = document_of(run)["verdict"]
    assert verdict["word"] == "Can’t tell"
    some = f"On {held_out} example{'s' * (held_out > 1)} that no training saw"
    assert verdict["sentences"][0].startswith(some)
    assert verdict["sentences"][0].endswith("of too few examples to tell.")
    written = write_report(run)
    assert written.pdf.read_bytes().startswith(b"%PDF")
    assert "Can’t tell" in written.html.read_text(encoding="utf-8")
