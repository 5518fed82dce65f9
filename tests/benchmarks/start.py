"""How soon the first page is served, and what it costs, beside a bare Gradio page that says hello."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import httpx
import psutil
from measure import free_port, running, running_studio, say, show_table, verdict

REPEATS = 3
MOST_S = 4.0
MOST_MB = 300
HELLO = """
import sys, gradio as gr
with gr.Blocks() as app:
    gr.Markdown("Hello")
app.launch(server_port=int(sys.argv[1]), share=False, ssr_mode=False, quiet=True)
"""


@dataclass(frozen=True)
class Start:
    seconds: float
    processor_s: float
    memory_mb: float
    has_torch: bool


def start_studio() -> Start:
    with tempfile.TemporaryDirectory() as workspace:
        began_s = time.monotonic()
        with running_studio(Path(workspace)) as (process, url):
            return _served(began_s, url, process.pid)


def start_hello() -> Start:
    port = free_port()
    began_s = time.monotonic()
    with running([sys.executable, "-c", HELLO, str(port)]) as process:
        return _served(began_s, f"http://127.0.0.1:{port}/", process.pid)


def _served(began_s: float, url: str, pid: int) -> Start:
    """Ask until `/` is there; the studio's address first gives the cookie, then leads to it."""
    with httpx.Client(follow_redirects=True, trust_env=False, timeout=30) as client:
        while time.monotonic() < began_s + 120:
            with suppress(httpx.ConnectError):
                response = client.get(url)
                seconds = time.monotonic() - began_s
                assert response.status_code == 200, response
                assert response.url.path == "/", response.url
                family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
                processor_s = sum(sum(process.cpu_times()[:2]) for process in family)
                memory_mb = sum(process.memory_info().rss for process in family) / 1e6
                return Start(seconds, processor_s, memory_mb, any(map(_has_torch, family)))
            time.sleep(0.02)
    raise SystemExit(f"Nothing was served at {url}.")


def _has_torch(process: psutil.Process) -> bool:
    """Whether torch's libraries are mapped into it: then it was imported, whoever did it."""
    return any("libtorch" in area.path for area in process.memory_maps())


def main() -> None:
    starts: dict[str, list[Start]] = {"studio": [], "bare Gradio page": []}
    for repeat in range(REPEATS):
        say(f"Start {repeat + 1} of {REPEATS}")
        starts["studio"].append(start_studio())
        starts["bare Gradio page"].append(start_hello())
    rows = []
    for name, each in starts.items():
        seconds = statistics.median(start.seconds for start in each)
        processor_s = statistics.median(start.processor_s for start in each)
        memory_mb = statistics.median(start.memory_mb for start in each)
        has_torch = any(start.has_torch for start in each)
        kept = verdict(seconds <= MOST_S and memory_mb <= MOST_MB and not has_torch) if name == "studio" else ""
        said = "yes" if has_torch else "no"
        rows.append([name, f"{seconds:.2f} s", f"{processor_s:.2f} s", f"{memory_mb:.0f} MB", said, kept])
    head = [f"median of {REPEATS}", "start to first page", "of it processor", "resident", "torch imported", "bounds"]
    rows.append(["bound", f"{MOST_S:.0f} s", "", f"{MOST_MB} MB", "no", ""])
    show_table("Start", head, rows)


if __name__ == "__main__":
    main()
