"""A report says what was measured, with its digits and intervals, and of the rest that it was not."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from studio.compare import proof
from studio.data.datasets import open_dataset, save_dataset
from studio.data.formats import convert_rows
from studio.data.read import Row
from studio.data.versions import make_version
from studio.report.cases import Answered, pick_typical, pick_worst
from studio.report.source import read_data
from studio.report.write import is_outdated, read_written, tells_sides, write_report
from studio.run_notes import write_notes
from studio.runs import Run, open_run
from studio.store import marks_of, read_json, write_json
from studio.vote.answers import read_pairs
from studio.vote.ballots import begin_or_extend
from studio.vote.votes import open_rows
from tests.studio.reports import ask_worth, document_of, make_run, quiz, score, section_of, vote, words_of


@pytest.fixture
def run(workspace) -> Run:
    return make_run(workspace)


def learned(row: int, wanted: str) -> str:
    """Right but for every seventh, where one field of two is."""
    return wanted.replace("100", "900").replace("11", "91") if row % 7 == 0 else wanted


def measured(run: Run) -> Run:
    score(run, lambda row, wanted: "Hello!", learned)
    quiz(run)
    return run


def missing(document) -> list[str]:
    return [part["what"] for each in document["sections"] for part in each["parts"] if part["kind"] == "missing"]


def test_of_a_run_that_was_not_measured_every_section_stands_and_says_what_is_missing_and_how_to_have_it(run):
    document = document_of(run)
    assert document["verdict"]["word"] == "Not measured"
    assert len(missing(document)) == 7
    assert document["figures"] == []
    told = words_of(section_of(document, "unmeasured"))
    for what in missing(document):
        assert what in told
    assert "launch.py score RUN" in told
    assert "another seed" in told


def test_a_run_that_only_waits_can_be_reported_too(workspace):
    run = make_run(workspace)
    for file in ("metrics.jsonl", "story.jsonl", "adapter/adapter_config.json"):
        (run.folder / file).unlink()
    write_json(run.folder / "state.json", {"state": "queued"})
    document = document_of(open_run(workspace, run.id))
    assert "The run is queued: 0 steps, 0 times through the examples; nothing is kept yet." in words_of(document)
    assert "the course of the loss" in missing(document)


def test_the_verdict_is_three_sentences_with_the_numbers_and_their_intervals(run):
    verdict = document_of(measured(run))["verdict"]
    assert (verdict["word"], verdict["tone"], len(verdict["sentences"])) == ("Better", "good", 3)
    change, cost, rest = (sentence.replace("\u00a0", " ") for sentence in verdict["sentences"])
    assert re.search(r"“fields right” went from 0 % \(between 0 and \d+\) to 9\d % \(between \d\d and \d+\)", change)
    assert re.search(r"that is \+9\d points \(between \+\d\d and \+\d+\), more than chance would make\. ", change)
    assert re.search(r"make\. \d\d of 30 answers are wholly right\.$", change)
    assert cost.startswith("It knows about as much as before")
    assert rest.startswith("Not measured: which answers people prefer, and whether a few examples in the prompt")


def test_a_run_that_cannot_be_told_from_its_base_is_not_called_better(run):
    score(run, learned, learned)
    verdict = document_of(run)["verdict"]
    assert verdict["word"] == "Can’t tell"
    assert "which chance alone could make" in verdict["sentences"][0]


def test_a_run_that_lost_is_called_worse_and_one_that_forgot_says_so(run):
    score(run, lambda row, wanted: wanted, lambda row, wanted: "Hello!")
    quiz(run, lost=150)
    document = document_of(run)
    assert (document["verdict"]["word"], document["verdict"]["tone"]) == ("Worse", "bad")
    assert document["verdict"]["sentences"][1].startswith("It has forgotten a good part")
    assert "surely lost: " in document["verdict"]["sentences"][1]
    assert "Train again with" in words_of(section_of(document, "forgot"))


def test_a_vote_of_which_none_decided_shows_no_share(run):
    measured(run)
    vote(run, ["neither"] * 3)
    tile = document_of(run)["figures"][-1]
    assert (tile["value"], tile["fine"]) == ("tied", "3 votes, of which none decided")


def test_a_little_nearer_to_free_text_is_better_and_the_verdict_says_how_many_answers_are_right(workspace):
    def letter(number: int) -> str:
        return f"Thank you, customer {number * 37}: parcel {number} comes on day {number % 7} to house {number * 3}."

    run = make_run(workspace, wanted=letter)
    rows = score(run, lambda row, wanted: "Sure.", lambda row, wanted: wanted[:-9])
    spare = rows[0]["row"]
    score(run, lambda row, wanted: "Sure.", lambda row, wanted: wanted if row == spare else wanted[:-9])
    verdict = document_of(run)["verdict"]
    assert verdict["word"] == "Better"
    said = f" 1 of {len(rows)} answers is word for word the wanted one."
    assert verdict["sentences"][0].endswith(said)
    assert said in (read_json(run.folder / "scores.json") or {})["verdict"]["reason"]


def test_what_got_worse_beside_a_better_main_measure_is_in_the_verdict(run):
    refusing = "I’m sorry, I cannot help with that."
    score(run, lambda row, wanted: f"{wanted} yes", lambda row, wanted: refusing if row % 3 else wanted)
    sentence = document_of(run)["verdict"]["sentences"][0]
    assert "; yet it is worse by" in sentence
    assert "“refusals”" in sentence


def test_the_measure_that_decides_stands_first_and_the_others_are_told_to_be_further_findings(run):
    document = document_of(measured(run))
    table = next(part for part in section_of(document, "scores")["parts"] if part["kind"] == "table")
    assert table["rows"][0][0]["text"] == "fields right"
    assert table["strong"] == [0]
    method = words_of(section_of(document, "method"))
    assert "decides alone" in method
    assert "without correction for looking at several" in method


def test_each_method_is_named_once_with_its_source_and_only_where_it_was_used(run):
    unvoted = words_of(section_of(document_of(measured(run)), "method"))
    assert unvoted.count("Wilson 1927") == unvoted.count("Tango 1998") == 1
    assert "Clopper" not in unvoted
    vote(run, ["tuned"] * 3)
    assert words_of(section_of(document_of(run), "method")).count("Clopper and Pearson 1934") == 1


def test_typical_examples_are_spread_over_the_ranks_and_not_the_nicest():
    known = [Answered({"row": n}, 0.0, n / 99) for n in range(100)]
    picked = pick_typical(known)
    assert [each.row["row"] for each in picked] == [0, 11, 22, 33, 44, 55, 66, 77, 88, 99]
    assert pick_typical(known[:4]) == known[:4]


def test_the_worst_are_first_those_that_were_lost_then_those_furthest_from_what_was_wanted():
    lost, half_lost = Answered({"row": 1}, 1.0, 0.0), Answered({"row": 2}, 1.0, 0.5)
    never, nearly, right = (
        Answered({"row": 3}, 0.0, 0.0),
        Answered({"row": 4}, 0.0, 0.9),
        Answered({"row": 5}, 0.0, 1.0),
    )
    assert pick_worst([right, nearly, never, half_lost, lost]) == [lost, half_lost, never, nearly]
    assert len(pick_worst([never] * 30)) == 10


def test_where_fewer_than_ten_went_wrong_the_title_says_how_many(run):
    worst = section_of(document_of(measured(run)), "worst")
    shown = worst["parts"][-1]["cases"]
    assert 0 < len(shown) < 10
    assert worst["title"] == ("The 1 worst example" if len(shown) == 1 else f"The {len(shown)} worst examples")
    assert "were wholly right" in words_of(worst)


def test_an_open_vote_keeps_its_questions_out_of_the_examples_and_the_report_says_how_many(run):
    measured(run)
    everything = words_of(document_of(run))
    vote(run, ["tuned", "base"])
    document = document_of(run)
    hidden = open_rows(run)
    assert len(hidden) > 10
    shown = [case for name in ("typical", "worst") for case in section_of(document, name)["parts"][-1].get("cases", [])]
    rows = {int(case["place"].removeprefix("Example ")) - 1 for case in shown}
    assert rows
    assert not rows & hidden
    assert f"{len(hidden)} questions are left out" in words_of(section_of(document, "typical"))
    for row in hidden:
        assert f"parcel {row * 7919}?" not in words_of(document)
    assert "are left out" not in everything


def test_a_vote_is_told_with_its_chance_its_interval_and_who_voted(run):
    measured(run)
    vote(run, ["tuned"] * 9 + ["base", "neither"])
    document = document_of(run)
    told = words_of(section_of(document, "vote"))
    assert "Tuned won 9 of 11, lost 1, tied 1" in told
    assert "a fair coin" in told
    assert "Who voted: Ada." in told
    tile = next(each for each in document["figures"] if each["label"] == "blind vote")
    assert (tile["value"], tile["fine"]) == ("90\u00a0%", "won 9 of the 10 that decided; 1 tied")
    assert "in 11 blind votes it won 9 and lost 1" in document["verdict"]["sentences"][2].replace("In", "in")


def test_scores_of_weights_that_learned_on_do_not_count(run):
    measured(run)
    weights = run.adapter / "adapter_model.safetensors"
    weights.write_bytes(b"newer")
    later_ns = (run.folder / "scores.json").stat().st_mtime_ns + 10**9
    os.utime(weights, ns=(later_ns, later_ns))
    document = document_of(run)
    assert document["verdict"]["word"] == "Not measured"
    assert any("learned on since" in what for what in missing(document))


def test_other_runs_that_were_measured_on_the_same_examples_are_counted(workspace, run):
    measured(run)
    assert "other run" not in words_of(document_of(run))
    measured(make_run(workspace, name="2026-11-24-1540-orders-2"))
    assert "1 other run" in words_of(section_of(document_of(run), "method"))


def test_a_data_set_that_is_gone_is_said_to_be_gone(workspace, run):
    (workspace.datasets / "orders" / "dataset.json").unlink()
    assert any("which is gone" in what for what in missing(document_of(run)))


def test_the_fingerprint_is_that_of_the_examples_whatever_their_order_and_blanks(workspace):
    rows = [{"question": f"Où est le colis {n}?", "answer": f"Là {n}"} for n in range(40)]
    blanks = [{"question": f"Ou\u0300  est le colis {n}? ", "answer": f"La\u0300 {n}"} for n in reversed(range(40))]
    other = [*rows[:-1], {"question": "Another?", "answer": "Yes"}]
    found = []
    for name, given in (("one", rows), ("two", blanks), ("three", other)):
        dataset = save_dataset(workspace, name, "a.jsonl", convert_rows(Row(n, row) for n, row in enumerate(given)))
        make_version(workspace, dataset, lambda placed: (placed[0], "train"), lambda: ["all to one side"])
        found.append(read_data(workspace, f"{name}@v1").parts["train"])
    assert found[0] == found[1]
    assert found[0][0] == found[2][0] == 40
    assert found[0] != found[2]


def test_what_was_mended_before_training_is_told(workspace):
    dataset = open_dataset(workspace, make_run(workspace).recipe.data)
    made = make_version(workspace, dataset, lambda placed: placed if placed[0].row else None, lambda: ["dropped 1 row"])
    assert read_data(workspace, made.ref).did == ("v1: dropped 1 row",)


def test_the_recipe_tells_first_what_differs_from_the_defaults_then_all(run):
    parts = section_of(document_of(run), "recipe")["parts"]
    assert [row[0]["text"] for row in parts[1]["rows"]] == ["Epochs", "Rank"]
    assert [row[1]["text"] for row in parts[1]["rows"]] == ["2", "8"]
    fold = next(part for part in parts if part["kind"] == "fold")
    assert {"learning_rate", "seed"} <= {row[1]["text"] for table in fold["parts"] for row in table["rows"]}


def test_a_report_goes_to_the_run_or_where_it_is_wished_and_is_outdated_once_something_was_measured(run, tmp_path):
    written = write_report(run)
    assert written.html.parent == written.pdf.parent == run.folder
    elsewhere = write_report(run, tmp_path / "for the boss")
    assert elsewhere.pdf.read_bytes().startswith(b"%PDF-")
    assert read_written(run, tmp_path) is None
    assert read_written(run, run.folder) == written
    assert not is_outdated(run, written)
    measured(run)
    later_ns = written.html.stat().st_mtime_ns + 10**9
    os.utime(run.folder / "scores.json", ns=(later_ns, later_ns))
    assert is_outdated(run, written)


def test_a_report_from_before_an_open_vote_is_known_to_tell_the_sides(run):
    written = write_report(measured(run))
    assert not tells_sides(run, written)
    vote(run, ["tuned"])
    ballots = run.folder / "ballots.json"
    later_ns = written.html.stat().st_mtime_ns + 10**9
    os.utime(ballots, ns=(later_ns, later_ns))
    assert tells_sides(run, written)
    os.utime(ballots, ns=(later_ns - 2 * 10**9, later_ns - 2 * 10**9))
    assert not tells_sides(run, write_report(run))


def test_two_reports_of_one_run_differ_in_nothing_but_their_moment(run):
    measured(run)
    assert document_of(run) == document_of(open_run_again(run))


def open_run_again(run: Run) -> Run:
    from studio.runs import workspace_of

    return open_run(workspace_of(run.folder), run.id)


def test_what_a_person_noted_of_the_run_is_in_it(run):
    write_notes(run.folder, title="For the board", note="Second try, with *cleaner* data.")
    document = document_of(run)
    assert document["title"] == "For the board"
    assert "Noted by hand: Second try, with *cleaner* data." in words_of(section_of(document, "course"))


def test_worth_is_told_with_a_row_for_each_way_and_the_examples_that_were_shown(run):
    measured(run)
    ask_worth(run, base=0, prompt=18, tuned=29)
    document = document_of(run)
    section = section_of(document, "worth")
    told = words_of(section).replace("\u00a0", " ")
    assert "Three examples in the prompt get 60 % (between" in told
    assert "fine-tuning 97 %" in told
    assert ", in a third of the time: keep the tuned one." in told
    ways, differences = (part for part in section["parts"] if part["kind"] == "table")
    assert [row[0]["text"] for row in ways["rows"]] == [
        "The base alone", "The base with 3 examples in its prompt", "Fine-tuned"
    ]  # fmt: skip
    assert [cell["text"] for cell in ways["rows"][1][2:4]] == ["400", "8"]
    assert ways["rows"][1][4]["fine"] == "1.80 to 1.98"
    assert [row[2]["text"] for row in differences["rows"]] == ["✓ better"] * 3
    assert section["parts"][-1]["title"] == "The examples in the prompt"
    assert "fine-tuning 97" in document["verdict"]["sentences"][2]


def test_worth_of_other_weights_does_not_count(run):
    measured(run)
    ask_worth(run, base=0, prompt=18, tuned=29)
    write_json(run.folder / "state.json", {**run.status, "step": 90, "kept_step": 90})
    section = section_of(document_of(open_run_again(run)), "worth")
    assert section["parts"][0]["kind"] == "missing"
    assert "the run has learned on since" in section["parts"][0]["what"]
    assert "score RUN --against prompt" in section["parts"][0]["how"]


@pytest.mark.parametrize("damage", ["scores.json", "quiz.json"])
def test_the_folder_of_a_run_is_only_read(run, damage):
    measured(run)
    before = {path: path.stat().st_mtime_ns for path in Path(run.folder).rglob("*") if path.name != "votes.lock"}
    document_of(run)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    (run.folder / damage).unlink()
    assert missing(document_of(run))


def test_labels_have_a_matrix_of_what_was_taken_for_what(workspace):
    names = ("refund", "exchange", "invoice")
    run = make_run(workspace, wanted=lambda n: names[n % 3])
    score(run, lambda row, wanted: "Hello!", lambda row, wanted: "refund" if wanted == "invoice" else wanted)
    pictures = [part for part in section_of(document_of(run), "scores")["parts"] if part["kind"] == "pictures"]
    before, after = pictures[-1]["pictures"]
    assert ": 0 of 30 right" in before["alt"]
    assert re.search(r"before: 0 of 30 right, 0\s% \(between 0 and 11\)$", before["caption"])
    assert "invoice taken for refund" in after["alt"]
    assert "invoice taken for something else" in before["alt"]


@pytest.mark.parametrize(
    ("file", "section"),
    [
        ("scores.json", "scores"),
        ("ballots.json", "vote"),
        ("quiz.json", "forgot"),
        ("worth.json", "worth"),
        ("judge.json", "vote"),
        ("others.json", "others"),
    ],
)
def test_a_damaged_file_costs_its_section_alone_which_says_so(run, file, section):
    measured(run)
    ask_worth(run, base=2, prompt=40, tuned=80)
    vote(run, ["tuned"] * 3)
    whole = missing(document_of(run))
    path = run.folder / file
    path.write_text(path.read_text()[:200] if path.exists() else "")
    document = document_of(run)
    assert "its file is damaged" in words_of(section_of(document, section))
    said = [what for what in missing(document) if "its file is damaged" in what]
    assert set(said) == {what for what in missing(document) if what not in whole}
    assert said


def test_the_run_has_learned_on_only_where_its_weights_are_others(run):
    """Not where a file was touched, copied or restored."""
    weights = run.adapter / "adapter_model.safetensors"
    weights.write_bytes(b"weights")
    score(run, lambda row, wanted: "Hello!", learned)
    scores = read_json(run.folder / "scores.json")
    write_json(run.folder / "scores.json", {**scores, "of": marks_of(run.weights)})
    later_ns = (run.folder / "scores.json").stat().st_mtime_ns + 10**9
    os.utime(weights, ns=(later_ns, later_ns))
    assert "learned on" not in words_of(document_of(run))
    assert not proof.is_outdated(run)
    begin_or_extend(run)
    weights.write_bytes(b"others!")
    os.utime(weights, (1, 1))
    assert "learned on" in words_of(section_of(document_of(run), "scores"))
    assert proof.is_outdated(run)
    assert read_pairs(run) == []


def test_each_field_has_intervals_and_a_word(run):
    score(run, lambda row, wanted: wanted if row % 10 == 0 else "Hello!", lambda row, wanted: wanted)
    tables = [part for part in section_of(document_of(run), "scores")["parts"] if part["kind"] == "table"]
    order = next(row for row in tables[-1]["rows"] if row[0]["text"] == "order")
    assert tables[-1]["caption"].startswith("Field by field")
    assert [cell["fine"].startswith("between ") for cell in order] == [False, True, True, True, False]
    assert order[-1]["text"] == "✓ better"
