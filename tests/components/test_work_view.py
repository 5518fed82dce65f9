"""What a page shows of work on a run, as the run's note tells it, and what a tick changes of that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from components.bar import find_doing
from components.work_view import Work
from studio.compare.at_work import notes_of, require_none_at_work
from studio.errors import RunError
from studio.export import gguf
from studio.process import ProcessId
from studio.runs import Run
from studio.store import write_json
from studio.tasks import stop_task
from studio.workspace import Workspace
from tests.studio.reports import make_run


@pytest.fixture
def run(workspace: Workspace) -> Run:
    return make_run(workspace)


def note_of(run: Run) -> Path:
    return run.folder / "some.task.json"


@pytest.fixture
def work() -> Work:
    with gr.Blocks():
        return Work(gr.HTML(elem_id="state"), gr.Button(elem_id="stop"), note_of, "Stopped; go on.")


def begin(note: Path, process: ProcessId, message: str = "Asking", share: float = 0.5) -> None:
    write_json(note, {"pid": process.pid, "started_s": process.started_s, "message": message, "share": share})


def state(work: Work, run: Run | None) -> str:
    return str(work.show(run)[work.state])


def ended(run: Run) -> dict[Any, Any]:
    return {"table": f"of {run.id}"}


def test_before_it_began_nothing_is_said_and_no_tick_takes_away_what_stands_there(work, run):
    assert (state(work, None), state(work, run)) == ("", "")
    assert work.tick(run, "<p>Read this first.</p>", ended) == {}


def test_a_tick_changes_only_what_is_not_on_the_page_yet(work, run, sleeper):
    begin(note_of(run), sleeper)
    shown = work.tick(run, "", ended)
    assert "Asking" in shown[work.state]
    assert shown[work.stop].visible
    assert work.tick(run, shown[work.state], ended) == {}
    begin(note_of(run), sleeper, share=0.6)
    assert set(work.tick(run, shown[work.state], ended)) == {work.state, work.stop}


def test_the_end_shows_the_result_and_its_failure_stays_said(work, run, sleeper):
    begin(note_of(run), sleeper)
    before = state(work, run)
    write_json(note_of(run), {"result": {}})
    assert work.tick(run, before, ended) | {work.stop: None} == {work.state: "", work.stop: None, **ended(run)}
    write_json(note_of(run), {"error": {"what": "It broke <b>.", "do": "Mend it."}})
    after = work.tick(run, before, ended)
    assert "✖ It broke &lt;b&gt;. Mend it." in after[work.state]
    assert after[work.stop].visible is False
    assert work.tick(run, after[work.state], ended) == {}
    assert state(work, run) == after[work.state]


def test_who_stopped_it_reads_how_to_go_on_and_a_process_that_was_killed_is_told(work, run, sleeper):
    begin(note_of(run), sleeper)
    stop_task(note_of(run))
    assert state(work, run) == '<div class="note note" role="status">Stopped; go on.</div>'
    begin(note_of(run), ProcessId(sleeper.pid, sleeper.started_s - 1000))
    assert "broken off from outside" in state(work, run)


def test_progress_of_the_run_before_goes_with_the_first_tick_on_another(work, run, workspace, sleeper):
    begin(note_of(run), sleeper)
    other = make_run(workspace, name="2026-11-25-0900-letters")
    assert work.tick(other, state(work, run), ended)[work.state] == ""


def test_an_export_keeps_others_away_too_and_can_be_stopped_from_the_bar(workspace, run, sleeper):
    note = gguf.note_of(run, "gguf", "q8_0")
    begin(note, sleeper, "Converting")
    require_none_at_work(workspace, but=note)
    with pytest.raises(RunError, match=f"“{run.title}” is being exported") as told:
        require_none_at_work(workspace)
    assert "press Cancel in Export" in told.value.do
    doing = find_doing(workspace)
    assert doing is not None
    assert (doing.tab, doing.stop) == ("export", "Cancel")
    assert doing.words.startswith(f"“{run.title}”, Export: Converting")
    doing.end()
    assert find_doing(workspace) is None


@pytest.mark.parametrize("kind", range(4))
def test_models_that_answer_already_keep_others_away_but_not_those_who_ask_for_the_same(workspace, run, sleeper, kind):
    note, view = list(notes_of(run).items())[kind]
    require_none_at_work(workspace)
    begin(note, sleeper)
    require_none_at_work(workspace, but=note)
    with pytest.raises(RunError, match=f"“{run.title}” is being measured or asked") as told:
        require_none_at_work(workspace)
    assert f"press Stop under “{view}” in Compare" in told.value.do
