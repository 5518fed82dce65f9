"""Workers are processes of their own: they outlive the window, and are known by pid and start time."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psutil

from studio.hardware import Card, find_card
from studio.workspace import REPOSITORY, Workspace

CREATE_NEW_PROCESS_GROUP, CREATE_NO_WINDOW = 0x00000200, 0x08000000  # Windows', which subprocess names there alone
GONE_S = 5.0  # until a killed process has let go of what it had


@dataclass(frozen=True)
class ProcessId:
    """A pid alone may be given to another program later; together with the start time it is one process."""

    pid: int
    started_s: float

    @classmethod
    def of(cls, pid: int) -> ProcessId:
        """Raises: psutil.NoSuchProcess if it has ended already."""
        return cls(pid, _start_time(psutil.Process(pid)))

    @classmethod
    def of_this(cls) -> ProcessId:
        return cls.of(os.getpid())

    def is_alive(self) -> bool:
        try:
            process = psutil.Process(self.pid)
            same = abs(_start_time(process) - self.started_s) < 0.05
            return same and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

    def kill(self) -> None:
        """End this process and what it started, and see it go; nothing happens if it is gone already."""
        if not self.is_alive():
            return
        process = psutil.Process(self.pid)
        for member in [*process.children(recursive=True), process]:
            try:
                member.kill()
            except psutil.NoSuchProcess:
                continue
        end = time.monotonic() + GONE_S
        while self.is_alive() and time.monotonic() < end:
            time.sleep(0.005)


def is_gone(pid: int) -> bool:
    """Also where its parent, which may be this process, has not asked yet how it ended."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def _start_time(process: psutil.Process) -> float:
    """Seconds since the machine was started on Linux, since 1970 elsewhere.

    Linux keeps the former and psutil adds the clock's idea of when that was, which moves when the clock is set: a
    living process would look like another one.
    """
    since_1970: float = process.create_time()
    return since_1970 - psutil.boot_time() if sys.platform == "linux" else since_1970


PACKAGE = "studio.workers."
FETCHING = "prepare"  # the one worker that may go to the network


def worker_environment(workspace: Workspace, module: str) -> dict[str, str]:
    environment = {
        **os.environ,
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "DO_NOT_TRACK": "1",
        "UNSLOTH_DISABLE_STATISTICS": "1",
        # Unsloth's default is a folder in the current directory, which it also puts on sys.path.
        "UNSLOTH_COMPILE_LOCATION": str(workspace.models / ".unsloth"),
        "TOKENIZERS_PARALLELISM": "false",
        # A warning of torch at the first step of a compiled function, which it makes an error wherever `CI` is set.
        "TORCHINDUCTOR_ERROR_ON_CUSTOM_OP_ALIASING": "0",
        # How long threads spin before they sleep (libgomp). Its default made training five times slower beside one
        # busy program; not to spin at all cost a fifth on an idle machine; this cost neither more than a tenth.
        "GOMP_SPINCOUNT": os.environ.get("GOMP_SPINCOUNT", "1500"),
    }
    # A person may have forbidden the network in their own HF_HUB_OFFLINE; what a worker inherits from one is ours.
    asked = os.environ.get("TUNESMITH_HF_HUB_OFFLINE", os.environ.get("HF_HUB_OFFLINE", ""))
    environment["TUNESMITH_HF_HUB_OFFLINE"] = asked
    environment["HF_HUB_OFFLINE"] = asked if module == FETCHING else "1"
    return environment | _environment_of_card(workspace, find_card())


def _environment_of_card(workspace: Workspace, card: Card | None) -> dict[str, str]:
    caches = workspace.root / "cache"  # their defaults lie in the home and in %TEMP%
    environment = {"TRITON_CACHE_DIR": str(caches / "triton"), "TORCHINDUCTOR_CACHE_DIR": str(caches / "inductor")}
    if card:
        # CUDA numbers cards by speed, the driver by slot: this pins the one whose memory and name we show.
        environment |= {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": card.uuid}
        if sys.platform == "linux":  # memory freed in pieces can be used for what is larger
            environment["PYTORCH_ALLOC_CONF"] = os.environ.get("PYTORCH_ALLOC_CONF", "expandable_segments:True")
    return environment


def find_worker(workspace: Workspace, modules: Collection[str]) -> str | None:
    """The module of a worker that is at something of this workspace, one of these; None if there is none."""
    wanted = {f"{PACKAGE}{module}": module for module in modules}
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []  # empty of a zombie
        module = next((wanted[word] for word in words if word in wanted), None)
        if module and any(Path(word).is_relative_to(workspace.root) for word in words):
            return module
    return None


def worker_command(module: str, *arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", f"{PACKAGE}{module}", *map(str, arguments)]


def start_detached(workspace: Workspace, log: Path, module: str, *arguments: str | Path) -> ProcessId:
    """Start a worker that goes on when the studio ends; what it prints goes to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            worker_command(module, *arguments),
            cwd=REPOSITORY,  # Unsloth's wheel installs a top-level `studio`; ours is found by the working directory
            env=worker_environment(workspace, module),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            **own_group(sys.platform),
        )
    started = ProcessId.of(process.pid)  # however soon it ends: it stays known until it is waited for
    threading.Thread(target=process.wait, daemon=True).start()  # or else a studio keeps each worker as a zombie
    return started


def start_attached(
    workspace: Workspace, log: IO[bytes], module: str, *arguments: str | Path
) -> subprocess.Popen[bytes]:
    """Start a worker that talks by pipes and ends with them."""
    return subprocess.Popen(
        worker_command(module, *arguments),
        cwd=REPOSITORY,
        env=worker_environment(workspace, module),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        **no_window(sys.platform),
    )


def own_group(platform: str) -> dict[str, Any]:
    """How a process is started that goes on when its parent ends, and that Ctrl+C in the parent's window leaves alone.

    On Windows the venv's python.exe starts the real one, which would open a console of its own where its parent has
    none: hence one without a window, in place of none.
    """
    if platform == "win32":
        return {"creationflags": CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def no_window(platform: str) -> dict[str, Any]:
    """How a process is started that ends with its parent."""
    return {"creationflags": CREATE_NO_WINDOW} if platform == "win32" else {}
