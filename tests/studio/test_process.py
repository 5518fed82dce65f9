"""A process is known by pid and start time, and a worker is told what it needs."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import psutil

from studio.process import (
    FETCHING,
    ProcessId,
    is_gone,
    no_window,
    own_group,
    start_detached,
    worker_command,
    worker_environment,
)


def test_this_process_is_alive():
    assert ProcessId.of_this().is_alive()


def test_the_same_pid_with_another_start_is_another_process(sleeper):
    assert sleeper.is_alive()
    assert not ProcessId(sleeper.pid, sleeper.started_s - 60).is_alive()


def test_a_process_that_ended_is_not_alive_even_before_anybody_asked_for_its_exit_code():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    known = ProcessId.of(process.pid)
    assert known.is_alive()
    known.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not known.is_alive()
    process.communicate()
    assert not known.is_alive()
    known.kill()


def test_what_a_process_started_ends_with_it():
    code = "import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', 'input()']).pid, flush=True); input()"
    pipe = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = subprocess.Popen([sys.executable, "-c", code], text=True, **pipe)
    assert process.stdout is not None
    child = psutil.Process(int(process.stdout.readline()))
    ProcessId.of(process.pid).kill()
    psutil.wait_procs([child])
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
    process.communicate()


def test_a_process_that_took_over_the_pid_is_left_alone(sleeper):
    ProcessId(sleeper.pid, sleeper.started_s - 60).kill()
    assert sleeper.is_alive()


def test_only_the_worker_that_fetches_may_go_to_the_network(workspace, monkeypatch):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    for module in ("train", "chat", "score", "export", "prepare"):
        environment = worker_environment(workspace, module)
        assert (environment.get("HF_HUB_OFFLINE") == "1") is (module not in FETCHING)
        assert environment["HF_HUB_DISABLE_TELEMETRY"] == environment["UNSLOTH_DISABLE_STATISTICS"] == "1"
        assert environment["UNSLOTH_COMPILE_LOCATION"].startswith(str(workspace.root))


def test_what_torch_warns_of_stops_no_worker_where_ci_is_set(workspace, monkeypatch):
    monkeypatch.setenv("CI", "true")
    asked = "from torch._functorch import config; print(config.error_on_custom_op_aliasing)"
    for environment, is_error in ((dict(os.environ), True), (worker_environment(workspace, "train"), False)):
        told = subprocess.check_output([sys.executable, "-c", asked], env=environment, text=True)
        assert told.split() == [str(is_error)]


def test_a_worker_runs_in_the_python_of_the_studio(tmp_path):
    assert worker_command("train", tmp_path, "x") == [
        sys.executable, "-m", "studio.workers.train", str(tmp_path), "x",
    ]  # fmt: skip


def test_workers_are_started_as_each_system_needs_it():
    """With DETACHED_PROCESS (8) the venv's python.exe opens a console on Windows, and closing it ends the worker."""
    assert own_group("linux") == own_group("darwin") == {"start_new_session": True}
    assert own_group("win32") == {"creationflags": 0x08000000 | 0x00000200}
    assert no_window("win32") == {"creationflags": 0x08000000}
    assert no_window("linux") == {}


def test_caches_of_compiled_kernels_lie_in_the_workspace(workspace):
    environment = worker_environment(workspace, "train")
    for name in ("TRITON_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR"):
        assert environment[name].startswith(str(workspace.root))


def test_killed_process_is_gone_for_whoever_asks_even_while_nobody_has_asked_how_it_ended():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert not is_gone(process.pid)
    ProcessId.of(process.pid).kill()
    assert is_gone(process.pid)
    process.communicate()
    assert is_gone(process.pid)


def test_worker_that_ended_is_no_zombie_of_the_studio(workspace):
    started = start_detached(workspace, workspace.root / "log", "tell")  # without what it needs it ends at once
    end = time.monotonic() + 30
    while psutil.pid_exists(started.pid):
        assert time.monotonic() < end
        time.sleep(0.02)
