"""Work in a process of its own: watched by anybody, ended by anybody, and its failure told in words."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from studio import tasks
from studio.errors import ModelError, TunesmithError
from studio.process import ProcessId
from studio.store import write_json
from studio.tasks import Progress, Report, follow, is_on, read_note, result_of, run_task, stop_task
from studio.workspace import REPOSITORY

# Says how far it is, then waits for a line before it ends with its result.
WORK = """
import sys
from pathlib import Path
from studio.tasks import Progress, run_task

def work(report):
    report(Progress("Halfway", 0.5, 30.0))
    print("halfway", flush=True)
    return {"said": input()}

sys.exit(run_task(Path(sys.argv[1]), work))
"""


@pytest.fixture
def note(tmp_path: Path) -> Path:
    return tmp_path / "work.task.json"


@pytest.fixture
def halfway(note: Path) -> Iterator[subprocess.Popen[str]]:
    """A worker that has said that it is halfway."""
    pipe = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = subprocess.Popen([sys.executable, "-c", WORK, str(note)], cwd=REPOSITORY, text=True, **pipe)
    assert process.stdout is not None
    assert process.stdout.readline() == "halfway\n"
    yield process
    process.kill()
    process.communicate()


def model_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").touch()
    return folder


def test_work_is_started_and_followed_to_its_result(workspace, note, tmp_path):
    folder = model_folder(tmp_path)
    progress = list(follow(workspace, note, "prepare", workspace.root, folder))
    assert progress[0] == Progress("Starting")
    assert result_of(note) == {"place": str(folder)}


def test_what_the_work_raises_is_raised_for_the_one_who_waits(workspace, note, tmp_path):
    with pytest.raises(TunesmithError, match="There is no model at"):
        list(follow(workspace, note, "prepare", workspace.root, tmp_path / "nowhere"))
    assert "Traceback" in note.with_suffix(".log").read_text()


def test_a_worker_that_dies_before_its_first_word_is_told(workspace, note):
    with pytest.raises(TunesmithError, match="broken off from outside") as failure:
        list(follow(workspace, note, "no_such_worker"))
    assert str(note.with_suffix(".log")) in failure.value.do
    assert "no_such_worker" in note.with_suffix(".log").read_text()


def test_whoever_asks_for_work_that_goes_on_watches_the_same_process(workspace, note, halfway):
    watchers = [follow(workspace, note, "no_such_worker") for _ in range(2)]
    for watcher in watchers:
        assert next(watcher) == Progress("Halfway", 0.5, 30.0)
    assert read_note(note)["pid"] == halfway.pid
    halfway.communicate("done\n")
    for watcher in watchers:
        assert list(watcher) == []
    assert result_of(note) == {"said": "done"}


def test_work_that_is_killed_is_told_as_broken_off(workspace, note, halfway):
    watcher = follow(workspace, note, "no_such_worker")
    next(watcher)
    halfway.kill()
    halfway.wait()
    with pytest.raises(TunesmithError, match="broken off from outside"):
        list(watcher)


def test_work_can_be_stopped(workspace, note, halfway):
    watcher = follow(workspace, note, "no_such_worker")
    next(watcher)
    stop_task(note)
    halfway.wait()
    with pytest.raises(TunesmithError, match="It was stopped"):
        list(watcher)
    stop_task(note)
    assert read_note(note)["error"]["what"] == "It was stopped."


def test_work_can_be_joined_and_stopped_before_its_libraries_are_there(workspace, note, tmp_path):
    first = follow(workspace, note, "quiz", tmp_path)
    assert next(first) == Progress("Starting")
    process = read_note(note)["pid"]
    second = follow(workspace, note, "quiz", tmp_path)
    assert next(second) == Progress("Starting")
    assert read_note(note)["pid"] == process
    assert is_on(note)
    stop_task(note)
    assert not is_on(note)
    for watcher in (first, second):
        with pytest.raises(TunesmithError, match="It was stopped"):
            list(watcher)


def test_stopping_work_that_has_ended_keeps_its_result(note):
    write_json(note, {"result": {"path": "x"}})
    stop_task(note)
    assert result_of(note) == {"path": "x"}


def test_a_note_of_a_process_that_is_gone_is_written_over(workspace, note, tmp_path, sleeper):
    write_json(note, {"pid": sleeper.pid, "started_s": sleeper.started_s - 60, "message": "Long ago"})
    assert Progress("Long ago", None, None) not in list(
        follow(workspace, note, "prepare", workspace.root, model_folder(tmp_path))
    )
    assert "place" in result_of(note)


@pytest.mark.parametrize(
    ("failure", "what"),
    [
        (ModelError("The model is gone.", "Fetch it."), "The model is gone."),
        (ValueError("x" * 1000), "It broke off: " + "x" * 300),
    ],
)
def test_a_failure_is_kept_in_words(note, failure, what, capsys):
    def work(report: Callable[[Progress], None]) -> dict[str, str]:
        report(Progress("Working"))
        assert ProcessId(read_note(note)["pid"], read_note(note)["started_s"]) == ProcessId.of_this()
        raise failure

    assert run_task(note, work) == 1
    assert read_note(note)["error"]["what"] == what
    assert "Traceback" in capsys.readouterr().err
    assert result_of(note) == {}


def test_before_the_work_there_is_no_result(note):
    assert read_note(note) == result_of(note) == {}


def test_what_is_left_is_told_once_it_can_be(note, monkeypatch):
    clock = iter([0.0, 1.0, 10.0, 10.0, 30.0, 40.0])
    monkeypatch.setattr(tasks.time, "monotonic", lambda: next(clock))
    told = []

    def work(report: Report) -> dict[str, str]:
        for share in (None, 0.001, 0.25, 0.5):
            report(Progress("On the way", share))
            told.append(read_note(note)["left_s"])
        return {}

    assert run_task(note, work) == 0
    assert told == [None, None, 90.0, 40.0]
