"""How a run stands is read from its folder, whatever became of its worker."""

from __future__ import annotations

import os
import re
import shutil
import time
from pathlib import Path

import psutil
import pytest

from studio.errors import DataError, ExportError, RunError, SettingError
from studio.export.gguf import export_run, folder_of, note_of, path_of, read_export
from studio.process import ProcessId
from studio.queue import resume_run, revive
from studio.runs import (
    LIVE,
    create_run,
    delete_run,
    discard_run,
    list_runs,
    live_run,
    open_run,
    stop_run,
    workspace_of,
)
from studio.store import write_json
from studio.train.recipe import make_recipe
from studio.workspace import Workspace

ENDED = ("stopped", "done", "failed")


def owned_by(process: ProcessId) -> dict[str, float]:
    return {"pid": process.pid, "started_s": process.started_s}


def test_a_new_run_is_queued_with_its_recipe(workspace, data):
    recipe = make_recipe(data=data, name="Order e-mails", epochs=1)
    run = create_run(workspace, recipe)
    assert (run.state, run.is_live, run.recipe, run.title) == ("queued", False, recipe, "Order e-mails")
    assert run.is_open
    assert re.fullmatch(r"\d{4}-\d\d-\d\d-\d{4}-Order-e-mails", run.id)
    assert open_run(workspace, run.id) == run
    assert workspace_of(run.folder) == workspace


def test_runs_of_one_name_stand_side_by_side(workspace, data):
    runs = [create_run(workspace, make_recipe(data=data)) for _ in range(3)]
    assert len({run.id for run in runs}) == 3
    assert {run.id for run in list_runs(workspace)} == {run.id for run in runs}


def test_a_base_named_from_where_the_person_is_is_found_from_anywhere(workspace, data, tmp_path, monkeypatch):
    (tmp_path / "model").mkdir()
    monkeypatch.chdir(tmp_path)
    for base in ("model", "./model", str(tmp_path / "model")):
        assert create_run(workspace, make_recipe(data=data, base=base)).recipe.base == str(tmp_path / "model")
    assert create_run(workspace, make_recipe(data=data, base="ada/tiny")).recipe.base == "ada/tiny"


def test_a_run_of_data_that_is_not_here_is_refused(workspace):
    with pytest.raises(DataError, match="no data set 'elsewhere'"):
        create_run(workspace, make_recipe(data="elsewhere"))
    assert list_runs(workspace) == []


@pytest.mark.parametrize("state", sorted(LIVE - {"stopping", "pausing"}))
def test_a_run_is_live_as_long_as_its_process(make_run, sleeper, state):
    run = make_run(state, **owned_by(sleeper))
    assert (run.state, run.is_live) == (state, True)


@pytest.mark.parametrize("state", sorted(LIVE))
def test_the_right_pid_with_another_start_time_is_an_interrupted_run(make_run, sleeper, state):
    run = make_run(state, pid=sleeper.pid, started_s=sleeper.started_s - 60)
    assert (run.state, run.is_live, run.can_resume) == ("interrupted", False, True)


def test_a_killed_worker_leaves_an_interrupted_run(workspace, make_run, sleeper):
    run = make_run("training", **owned_by(sleeper))
    sleeper.kill()
    psutil.Process(sleeper.pid).wait()
    assert open_run(workspace, run.id).state == "interrupted"


def test_a_run_that_ends_while_it_is_looked_at_has_ended_and_is_not_revived(workspace, make_run, sleeper, monkeypatch):
    run = make_run("training", **owned_by(sleeper))

    def says_its_last_word(_process: ProcessId) -> bool:
        write_json(run.folder / "state.json", {"state": "done", "updated_s": time.time()})
        return False

    monkeypatch.setattr(ProcessId, "is_alive", says_its_last_word)
    assert revive(workspace) == []
    assert open_run(workspace, run.id).state == "done"


def test_a_run_that_was_launched_and_has_no_process_was_interrupted(make_run):
    assert make_run("starting", updated_s=time.time()).state == "interrupted"


def test_setting_the_clock_does_not_make_a_living_run_look_dead(workspace, make_run, sleeper, monkeypatch):
    """psutil tells start times by the clock's idea of when the machine was started, which moves with the clock."""
    run = make_run("training", **owned_by(sleeper))
    booted, created = psutil.boot_time(), psutil.Process.create_time
    monkeypatch.setattr(psutil, "boot_time", lambda: booted + 7200)
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: created(self) + 7200)
    assert open_run(workspace, run.id).state == "training"
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert open_run(workspace, run.id).state == "training"


@pytest.mark.parametrize("state", ENDED)
def test_how_a_run_ended_stands_though_its_process_is_gone(make_run, state):
    run = make_run(state, pid=1, started_s=0)
    assert (run.state, run.is_live, run.can_resume) == (state, False, state != "done")


def test_an_adapter_is_there_once_it_is_written(make_run):
    run = make_run("stopped")
    assert not run.has_adapter
    run.adapter.mkdir()
    assert not run.has_adapter
    (run.adapter / "adapter_config.json").touch()
    assert run.has_adapter


# Stop, resume, delete


def test_stop_asks_the_worker_and_says_so(workspace, make_run, sleeper):
    run = make_run("training", **owned_by(sleeper))
    assert stop_run(workspace, run.id).state == "stopping"
    assert stop_run(workspace, run.id).is_live
    assert sleeper.is_alive()


@pytest.mark.parametrize("state", ENDED)
def test_a_run_that_has_ended_cannot_be_stopped(workspace, make_run, state):
    run = make_run(state)
    with pytest.raises(RunError, match=f"is {state}; it cannot be stopped"):
        stop_run(workspace, run.id)
    assert not run.stop_file.exists()


def test_a_run_that_is_done_or_live_cannot_be_resumed(workspace, make_run, sleeper):
    for run in (make_run("done"), make_run("training", **owned_by(sleeper))):
        with pytest.raises(RunError, match="there is nothing to resume"):
            resume_run(workspace, run.id)


def test_a_live_run_cannot_be_deleted_and_an_ended_one_leaves_nothing(workspace, make_run, sleeper):
    live, ended = make_run("training", **owned_by(sleeper)), make_run("failed")
    with pytest.raises(RunError, match="Stop it first"):
        delete_run(workspace, live.id)
    delete_run(workspace, ended.id)
    assert [run.id for run in list_runs(workspace)] == [live.id]
    assert live_run(workspace) == live


@pytest.mark.parametrize("run_id", ["", "nowhere", "..", ".", "../datasets/shop", "/etc"])
def test_a_run_that_is_not_there_is_said(workspace, data, run_id):
    write_json(workspace.root / "state.json", {"state": "done"})
    for act in (open_run, stop_run, resume_run, delete_run):
        with pytest.raises(RunError, match="There is no run"):
            act(workspace, run_id)


def test_asked_to_pause_it_is_pausing_and_what_is_thrown_away_is_gone_with_its_process(workspace, make_run, sleeper):
    run = make_run("training", **owned_by(sleeper))
    assert stop_run(workspace, run.id, "pause").state == "pausing"
    discard_run(workspace, run.id)
    assert not sleeper.is_alive()
    assert list_runs(workspace) == []


# The list


def test_the_newest_run_stands_first(workspace, make_run):
    runs = [make_run("done", name=name) for name in ("b", "c", "a")]
    for second, run in enumerate(runs):
        os.utime(run.folder / "recipe.yaml", (second, second))
    assert [run.title for run in list_runs(workspace)] == ["a", "c", "b"]


def _later_version(folder: Path) -> None:
    (folder / "recipe.yaml").write_text("data: shop\ntelepathy: true\n")


def _without_recipe(folder: Path) -> None:
    (folder / "recipe.yaml").unlink()


def _without_state(folder: Path) -> None:
    (folder / "state.json").unlink()


@pytest.mark.parametrize("damage", [_later_version, _without_recipe, _without_state])
def test_a_run_that_cannot_be_read_does_not_hide_the_others(workspace, make_run, damage):
    good, bad = make_run("done", name="good"), make_run("done", name="bad")
    damage(bad.folder)
    (workspace.runs / ".DS_Store").touch()
    assert list_runs(workspace) == [good]
    assert live_run(workspace) is None


# Export


def test_what_cannot_be_exported_is_said_before_any_work(make_run, sleeper):
    run = make_run("training", **owned_by(sleeper))
    with pytest.raises(SettingError, match="no export 'onnx'"):
        list(export_run(run, "onnx"))
    with pytest.raises(SettingError, match="no quantization 'q2_k'"):
        list(export_run(run, "gguf", "q2_k"))
    with pytest.raises(ExportError, match="has learned nothing yet"):
        list(export_run(run, "gguf"))
    run.adapter.mkdir()
    (run.adapter / "adapter_config.json").touch()
    with pytest.raises(ExportError, match="is still training"):
        list(export_run(run, "gguf"))
    assert list(workspace_of(run.folder).exports.iterdir()) == []


def test_a_model_that_learned_whole_has_no_adapter_to_export(make_run):
    run = make_run("done")
    run.adapter.mkdir()
    (run.adapter / "config.json").touch()
    assert run.has_adapter
    assert run.learned_whole
    with pytest.raises(ExportError, match="all weights of the model learned"):
        list(export_run(run, "adapter"))


def test_an_export_is_there_as_long_as_its_file(make_run):
    run = make_run("done")
    folder = folder_of(run, "gguf", "q4_k_m")
    file = path_of(run, "gguf", "q4_k_m")
    made = {"size_bytes": 5, "seconds": 1.0, "checked": True, "check": {"good": True}}
    folder.mkdir()
    file.write_bytes(b"GGUF!")
    assert read_export(run, "gguf") is None
    write_json(note_of(run, "gguf", "q4_k_m"), {"result": {**made, "modelfile": "FROM ./model.gguf"}})
    export = read_export(run, "gguf")
    assert export is not None
    assert export.as_dict() == {**made, "path": str(file)}
    assert read_export(run, "gguf", "q8_0") is None
    file.unlink()
    assert read_export(run, "gguf") is None


def test_exports_of_a_workspace_that_was_copied_are_its_own(make_run, tmp_path):
    """Also those of an earlier version, whose notes say where the file lay."""
    run = make_run("done")
    for kind in ("gguf", "merged"):
        path = path_of(run, kind, "q4_k_m")
        path.parent.mkdir(exist_ok=True)
        path.touch() if kind == "gguf" else path.mkdir()
        made = {"path": str(path), "size_bytes": 5, "seconds": 1.0, "checked": kind == "gguf", "check": {}}
        write_json(note_of(run, kind, "q4_k_m"), {"result": made})
    there = shutil.copytree(workspace_of(run.folder).root, tmp_path / "elsewhere")
    shutil.rmtree(workspace_of(run.folder).exports)
    copied = open_run(Workspace.open(there), run.id)
    for kind in ("gguf", "merged"):
        export = read_export(copied, kind)
        assert export is not None
        assert export.path.is_relative_to(there)
        assert export.path.exists()
