"""The report in the window: written at a press, shown in a frame without scripts, and never while it would tell."""

from __future__ import annotations

import os
from html import unescape
from typing import Any

import gradio as gr
import pytest

from components.frame import Studio
from components.report_view import EMPTY, OUTDATED, TELLS_SIDES, build_report_view, show_report
from studio.compare.chat import Chat
from studio.report.write import write_report
from studio.runs import Run
from studio.workspace import Workspace
from tests.studio.reports import make_run, score, vote


@pytest.fixture
def run(workspace: Workspace) -> Run:
    run = make_run(workspace)
    score(run, lambda row, wanted: '"></iframe><script>alert(1)</script>', lambda row, wanted: wanted)
    return run


def written_a_while_ago(run: Run, workspace: Workspace) -> None:
    for path in (write := write_report(run, workspace.exports)).html, write.pdf:
        os.utime(path, (1_700_000_000, 1_700_000_000))


def test_before_it_was_written_one_reads_what_it_will_say(run, workspace):
    assert show_report(run, workspace.exports) == EMPTY


def test_the_page_stands_in_a_frame_that_runs_no_script_and_nothing_in_it_gets_out(run, workspace):
    written = write_report(run, workspace.exports)
    shown = show_report(run, workspace.exports)
    assert shown.count("<iframe") == 1
    assert 'sandbox="allow-same-origin"' in shown
    assert "allow-scripts" not in shown
    assert "<script" not in shown
    inside = unescape(shown.partition('srcdoc="')[2].partition('"')[0])
    assert inside == written.html.read_text(encoding="utf-8")


def test_a_press_says_that_it_writes_then_shows_what_it_wrote(run, workspace):
    with gr.Blocks() as app:
        view = build_report_view(Studio(workspace, Chat()), gr.Dropdown())
    write: Any = next(each.fn for each in app.fns.values() if each.name == "write_it")
    first, last = write(run.id)
    assert "Writing the report" in first
    assert "<iframe" in last
    assert last == view.show(run.id)[view.outputs[0]]
    with pytest.raises(gr.Error, match="No run is picked"):
        next(write(None))


def test_both_files_can_be_fetched(run, workspace):
    written = write_report(run, workspace.exports)
    shown = show_report(run, workspace.exports)
    for file in (written.html, written.pdf):
        assert f'<a download href="/gradio_api/file={file.as_posix()}">' in shown


def test_a_report_that_is_older_than_what_was_measured_says_so(run, workspace):
    write_report(run, workspace.exports)
    assert OUTDATED not in show_report(run, workspace.exports)
    written_a_while_ago(run, workspace)
    assert OUTDATED in show_report(run, workspace.exports)


def test_a_report_from_before_an_open_vote_is_not_shown_until_it_is_written_anew(run, workspace):
    written_a_while_ago(run, workspace)
    vote(run, ["tuned"])
    shown = show_report(run, workspace.exports)
    assert TELLS_SIDES in unescape(shown)
    assert "<iframe" not in shown
    assert "download" not in shown
    write_report(run, workspace.exports)
    assert "<iframe" in show_report(run, workspace.exports)
