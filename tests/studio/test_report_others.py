"""Of others that were asked the same questions a report tells what was found; of nobody it says nothing."""

from __future__ import annotations

import io
import os
import re

import pytest
from pypdf import PdfReader

from studio.compare.others import keep, weigh_other
from studio.compare.voices import Voice, marks_of_voice
from studio.report.page import render_page
from studio.report.paper import BREAK, render_paper
from studio.report.write import is_outdated, write_report
from studio.runs import Run, workspace_of
from studio.store import read_json
from tests.studio.reports import document_of, make_run, quiz, score, section_of, words_of

SECTION = "How do others do on the same questions?"


@pytest.fixture
def run(workspace) -> Run:
    """Measured: base and tuned say the same as ever, every third answer is right after."""
    run = make_run(workspace)
    score(run, lambda row, wanted: "Hello!", lambda row, wanted: wanted if row % 3 == 0 else "Hello!")
    quiz(run)
    return run


def ask(run: Run, voice: Voice, loss: float | None = 0.02, unread: str = "", right: bool = True) -> Voice:
    """Somebody who says all that is wanted, or nothing."""
    workspace = workspace_of(run.folder)
    if voice.kind == "gguf":
        place = workspace.exports / voice.at
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"GGUF")
    else:
        place = run.checkpoints / f"checkpoint-{voice.at}"
        place.mkdir(parents=True)
        for name in ("adapter_config.json", "adapter_model.safetensors"):
            (place / name).write_text("{}", encoding="utf-8")
    answers = [row["wanted"] if right else "Hello!" for row in read_json(run.folder / "scores.json")["answers"]]
    found = weigh_other(run, answers, [loss] * len(answers))
    keep(run, voice, {**found, "of": marks_of_voice(workspace, voice), "unread": unread})
    return voice


def early_of(run: Run) -> Voice:
    return Voice("checkpoint", run.id, "40")


def file_of(run: Run) -> Voice:
    return Voice("gguf", run.id, f"{run.id}-q4_k_m/orders.gguf")


def table_of(run: Run) -> dict[str, list[dict[str, str]]]:
    """Who -> the cells beside it."""
    parts = section_of(document_of(run), "others")["parts"]
    rows = next(part for part in parts if part["kind"] == "table")["rows"]
    return {who["text"]: cells for who, *cells in rows}


def test_where_nobody_else_was_asked_nothing_is_said_of_others(run: Run):
    document = document_of(run)
    assert SECTION not in [section["title"] for section in document["sections"]]
    assert "--other" not in words_of(document)
    assert "an exported file, whose weights are rounded" in words_of(section_of(document, "unmeasured"))


def test_each_has_its_figures_and_its_difference_to_before_and_to_after_with_intervals_and_words(run: Run):
    ask(run, early_of(run))
    ask(run, file_of(run), right=False)
    table = table_of(run)
    assert list(table) == ["After: this run", "Checkpoint: “orders”, step 40", "File: orders.gguf"]
    itself, before, after = table["Checkpoint: “orders”, step 40"]
    assert (itself["text"].replace("\u00a0", " "), itself["fine"][:7]) == ("100 %", "between")
    assert re.fullmatch(r"\+100 ✓ better", before["text"])
    assert re.fullmatch(r"\+\d\d ✓ better", after["text"])
    assert re.fullmatch(r"between \+\d\d and \+\d+", after["fine"])
    assert [cell["tone"] for cell in (before, after)] == ["good", "good"]
    assert table["File: orders.gguf"][1]["text"] == "0 can’t tell"
    assert table["File: orders.gguf"][2]["text"].endswith("✖ worse")
    assert table["After: this run"][2]["text"] == "–"


def test_loss_and_perplexity_stand_among_all_measures_of_each(run: Run):
    ask(run, early_of(run))
    fold = section_of(document_of(run), "others")["parts"][-1]
    assert fold["title"] == "Others by every measure"
    (table,) = fold["parts"]
    cells = {row[0]["text"]: [cell["text"] for cell in row[1:]] for row in table["rows"]}
    assert cells["loss (lower is better)"][0] == "0.02"
    assert cells["perplexity (lower is better)"][0] == "1.02"
    assert all(text.endswith("✓ better") for text in cells["loss (lower is better)"][1:])


def test_why_somebody_has_no_loss_is_said(run: Run):
    ask(run, early_of(run), None, "It cuts words otherwise.")
    told = words_of(section_of(document_of(run), "others"))
    assert "step 40: loss and perplexity were not measured. It cuts words otherwise." in told


def test_a_file_that_was_asked_is_no_longer_among_what_was_not_measured(run: Run):
    ask(run, file_of(run))
    assert "an exported file, whose weights" not in words_of(section_of(document_of(run), "unmeasured"))


def test_who_learned_on_since_is_among_what_was_not_measured_with_the_way_to_have_it(run: Run):
    ask(run, early_of(run))
    (run.checkpoints / "checkpoint-40" / "adapter_model.safetensors").write_bytes(b"others")
    document = document_of(run)
    assert "table" not in [part["kind"] for part in section_of(document, "others")["parts"]]
    told = words_of(section_of(document, "unmeasured"))
    assert "step 40, as it is now" in told
    assert "launch.py score RUN --other checkpoint-40" in told


def test_page_and_paper_hold_it_and_an_older_report_is_outdated(run: Run):
    written = write_report(run)
    ask(run, early_of(run))
    later_ns = written.html.stat().st_mtime_ns + 10**9
    os.utime(run.folder / "others.json", ns=(later_ns, later_ns))
    assert is_outdated(run, written)
    document = document_of(run)
    pages = PdfReader(io.BytesIO(render_paper(document))).pages
    paper = re.sub(r"\s+", "", "".join(page.extract_text() for page in pages).replace(BREAK, ""))
    html = re.sub(r"\s+", "", render_page(document))
    for said in (SECTION, "Checkpoint: “orders”, step 40", "+100 ✓ better", "Others by every measure"):
        assert re.sub(r"\s+", "", said) in html
        assert re.sub(r"\s+", "", said) in paper
