"""What the benchmarks share: the machine in one line, a table in Markdown, and processes that are ended again."""

from __future__ import annotations

import os
import platform
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "GRADIO_ANALYTICS_ENABLED": "False"}
FLAGS = {"avx2": "AVX2", "avx512f": "AVX-512", "avx512_bf16": "AVX-512 bf16", "amx_bf16": "AMX bf16"}


def describe_machine() -> str:
    from studio.hardware import find_card

    card = find_card()
    parts = [
        f"{platform.system()} {platform.machine()}",
        f"{psutil.cpu_count()} cores",
        *_cpu_flags(),
        f"{psutil.virtual_memory().total / 2**30:.0f} GB memory",
        card.name if card else "no graphics card",
        f"Python {platform.python_version()}",
        f"load {os.getloadavg()[0]:.1f} at the end" if hasattr(os, "getloadavg") else "",
    ]
    return ", ".join(filter(None, parts))


def _cpu_flags() -> list[str]:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("flags"):
                return [words for flag, words in FLAGS.items() if flag in line.split()]
    return []


def show_table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    print(f"\n### {title}\n")
    for row in (head, ["---"] * len(head), *rows):
        print(f"| {' | '.join(map(str, row))} |")
    print(f"\n{describe_machine()}.", flush=True)


def say(words: str) -> None:
    """Keeps whoever waits informed; the table alone goes to standard output."""
    print(words, file=sys.stderr, flush=True)


def verdict(good: bool) -> str:
    return "kept" if good else "**missed**"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: Sequence[str | Path]) -> Iterator[subprocess.Popen[str]]:
    """A process whose output can be read, and which is gone afterwards with all that it started."""
    process = subprocess.Popen(
        list(map(str, command)), cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        yield process
    finally:
        with suppress(psutil.NoSuchProcess):
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
        process.kill()
        process.wait()


@contextmanager
def running_studio(workspace: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The studio, started as a person starts it, and its address with the start token."""
    python = getattr(sys, "_base_executable", sys.executable)  # launch.py goes on in the environment by itself
    arguments = ("--workspace", workspace, "--port", free_port(), "--no-browser")
    with running([python, "launch.py", *map(str, arguments)]) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "?token=" in line:
                yield process, line.split()[-1]
                return
        raise SystemExit("The studio did not start; python launch.py says why.")
