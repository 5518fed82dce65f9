"""The layers: launch -> components -> studio, torch in the workers alone, gradio in components alone."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import studio
from studio.workspace import REPOSITORY

HEAVY = {"torch", "transformers", "peft", "trl", "unsloth", "bitsandbytes", "datasets", "auto_round", "accelerate"}
WINDOW = {"gradio", "plotly"}
KNOWN_APART = {"studio.workers.memory"}  # asks which system it is before it imports


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__")


@cache
def imports_of(path: Path) -> tuple[str, ...]:
    """Full names of all that a file imports, in functions too; `from a import b` gives a and a.b."""
    return tuple(_imports_of(path))


def _imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}:{node.lineno} imports by dots"
            assert node.module
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def sources(folder: str) -> dict[str, Path]:
    return {name_of(path): path for path in sorted((REPOSITORY / folder).rglob("*.py"))}


STUDIO, COMPONENTS = sources("studio"), sources("components")
WORKERS = {name for name in STUDIO if name.startswith("studio.workers")}
TABS = {name for name in COMPONENTS if name.endswith("_tab")}


def roots(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imports_of(path)}


def reached_from(start: str, sources: dict[str, Path]) -> set[str]:
    """All modules of ours that importing one imports, at any depth."""
    reached: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += [found for found in imports_of(sources[name]) if found in sources]
    return reached


def test_there_is_something_to_look_at():
    assert {"studio.verbs", "studio.data.read", "studio.workers.train"} <= STUDIO.keys()
    assert {"components.data_tab", "components.train_tab"} <= TABS


def test_ours_is_the_studio_that_is_imported():
    """Unsloth's wheel installs another package of this name."""
    assert Path(studio.__file__).parent == REPOSITORY / "studio"


@pytest.mark.parametrize("name", sorted(STUDIO.keys() - WORKERS))
def test_outside_the_workers_nothing_needs_torch_or_a_window(name):
    for module in reached_from(name, STUDIO):
        assert module not in WORKERS
        assert not roots(STUDIO[module]) & (HEAVY | WINDOW)


@pytest.mark.parametrize("name", sorted(STUDIO))
def test_the_studio_knows_no_window_and_no_launcher(name):
    assert not roots(STUDIO[name]) & {"components", "launch", "tests", *WINDOW}


@pytest.mark.parametrize("name", sorted(COMPONENTS))
def test_the_window_knows_neither_workers_nor_torch_nor_the_launcher(name):
    assert not roots(COMPONENTS[name]) & {"launch", "tests", *HEAVY}
    assert not [found for found in imports_of(COMPONENTS[name]) if found.startswith("studio.workers")]


@pytest.mark.parametrize("name", sorted(TABS))
def test_no_tab_knows_another(name):
    assert not TABS & set(imports_of(COMPONENTS[name]))


def test_the_launcher_alone_stands_above_both():
    ours = {name for name in imports_of(REPOSITORY / "launch.py") if name.partition(".")[0] in ("studio", "components")}
    assert {"studio.environment", "studio.verbs.main", "components.app.main"} <= ours
    assert not roots(REPOSITORY / "launch.py") & (HEAVY | WINDOW)


def test_the_parts_of_the_studio_stand_in_layers():
    """Data knows nothing of training, training nothing of comparing or exporting."""
    above = {"studio.data": ("train", "compare", "export"), "studio.train": ("compare", "export")}
    for part, others in above.items():
        for name in (name for name in STUDIO if name.startswith(part)):
            for other in others:
                assert not [found for found in reached_from(name, STUDIO) if found.startswith(f"studio.{other}")], name


# Calls that do otherwise, or are not there, on Windows or macOS: each stands in one module, which says how.
DIFFER = {
    "os.fsync": "studio.disk",
    "os.replace": "studio.disk",
    "os.rename": "",
    "os.link": "",
    "os.symlink": "",
    "os.fork": "",
    "os.kill": "",
    "os.setsid": "",
    "os.geteuid": "studio.environment",
    "signal.signal": "studio.environment",
    "symlink_to": "",
    "hardlink_to": "",
    "creationflags": "studio.process",
    "start_new_session": "studio.process",
}


def test_what_differs_between_systems_stands_in_one_place_each():
    found: dict[str, set[str]] = {}
    for name, path in [*STUDIO.items(), *COMPONENTS.items(), ("launch", REPOSITORY / "launch.py")]:
        text = path.read_text(encoding="utf-8")
        for call in DIFFER:
            if re.search(rf"\b{re.escape(call)}\b", text):
                found.setdefault(call, set()).add(name)
    assert found == {call: {module} for call, module in DIFFER.items() if module}
    for name in ("fcntl", "resource", "winreg", "msvcrt", "pwd", "grp", "termios"):
        assert not [module for module, path in STUDIO.items() if name in imports_of(path) and module not in KNOWN_APART]


def test_a_window_is_built_without_torch(tmp_path):
    code = (
        "import sys; from components.app import build_app; from components.frame import Studio;"
        "from studio.compare.chat import Chat; from studio.workspace import Workspace;"
        "build_app(Studio(Workspace.open(sys.argv[1]), Chat()));"
        f"print(sorted({HEAVY | {'plotly', 'wordllama'}} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=REPOSITORY, capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr
