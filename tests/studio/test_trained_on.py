"""A run says on what it was trained, also when it went on elsewhere."""

from __future__ import annotations

from dataclasses import replace

import pytest

from studio.train import trained_on
from tests.studio.reports import document_of, make_run, section_of, words_of

ELSEWHERE = trained_on.Place(
    "a far processor", 8, 64 * 2**30, "RTX 9", "600.1", "SomeSystem 7", "3.12.1", {"torch": "9"}
)


@pytest.fixture
def run(workspace):
    return make_run(workspace)


def note(run, monkeypatch, place):
    monkeypatch.setattr(trained_on, "here", lambda: place)
    trained_on.note(run.folder)


def told(run) -> str:
    return words_of(section_of(document_of(run), "versions")).replace("\u00a0", " ")


def test_here_is_this_machine_with_the_libraries_that_are_installed():
    place = trained_on.here()
    assert place.cores > 0
    assert place.memory_bytes > 2**30
    assert {"torch", "transformers", "peft", "trl", "unsloth"} <= place.libraries.keys()
    assert trained_on.version_of("no-such-thing-at-all") == ""


def test_a_run_that_goes_on_at_the_same_place_says_it_once(run, monkeypatch):
    note(run, monkeypatch, ELSEWHERE)
    note(run, monkeypatch, ELSEWHERE)
    assert trained_on.read(run.folder) == [ELSEWHERE]


def test_the_report_tells_the_place_where_it_was_trained_and_not_where_it_was_written(run, monkeypatch):
    note(run, monkeypatch, ELSEWHERE)
    assert "a far processor, 8 cores, 64 GB of memory; RTX 9, driver 600.1" in told(run)
    assert "SomeSystem 7, Python 3.12.1" in told(run)
    assert "older Tunesmith" not in told(run)


def test_where_it_went_on_elsewhere_both_places_are_told_the_last_first(run, monkeypatch):
    note(run, monkeypatch, ELSEWHERE)
    note(run, monkeypatch, replace(ELSEWHERE, processor="a near processor", card="", driver=""))
    assert told(run).index("a near processor") < told(run).index("a far processor")
    assert "no NVIDIA card" in told(run)


def test_a_run_that_did_not_note_it_says_that_the_writing_machine_is_meant(run):
    assert "an older Tunesmith did not note" in told(run)
    (run.folder / trained_on.FILE).write_text('{"at_s": 1, "place": {"cores": 2}}\n{"half\n')
    assert "an older Tunesmith did not note" in told(run)
