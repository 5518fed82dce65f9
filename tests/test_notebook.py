"""The Colab notebook, as far as a machine without Colab can run it."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import types
import zipfile
from pathlib import Path
from typing import Any

import nbformat
import pytest

NOTEBOOK = Path(__file__).parents[1] / "assets" / "tunesmith_colab.ipynb"


@pytest.fixture(scope="module")
def notebook() -> Any:
    return nbformat.read(NOTEBOOK, as_version=4)


@pytest.fixture(scope="module")
def source(notebook: Any) -> dict[str, str]:
    """Each code cell by its id."""
    return {cell.id: cell.source for cell in notebook.cells if cell.cell_type == "code"}


@pytest.fixture
def run(source: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs cells by their ids in one namespace and an empty folder, as Colab would; gives the namespace."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}

    def run_cells(*ids: str, change: tuple[str, str] = ("", ""), **given: Any) -> dict[str, Any]:
        names.update(given)
        for cell in ids:
            exec(compile(source[cell].replace(*change), f"cell {cell}", "exec"), names)
        return names

    return run_cells


@pytest.fixture
def upload(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """What the person will choose when Colab asks for a file."""
    chosen: dict[str, bytes] = {}
    colab = types.ModuleType("google.colab")
    colab.files = types.SimpleNamespace(upload=lambda: chosen)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    return chosen


def pack(*names: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in names:
            archive.writestr(name, "print('here')\n")
    return packed.getvalue()


def test_the_notebook_is_valid_and_stores_no_outputs(notebook):
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert not cell.outputs
            assert cell.execution_count is None


def test_a_line_of_explanation_stands_before_every_code_cell(notebook):
    kinds = [cell.cell_type for cell in notebook.cells]
    for number, kind in enumerate(kinds):
        assert kind == "markdown" or kinds[number - 1] == "markdown"


def test_every_code_cell_compiles(source):
    for cell, text in source.items():
        compile(text, f"cell {cell}", "exec")


def test_the_notebook_knows_no_address_of_a_repository(source):
    assert 'REPOSITORY = ""  # @param' in source["fetch"]


@pytest.mark.parametrize("names", [("launch.py",), ("tunesmith-main/launch.py", "tunesmith-main/studio/x.py")])
def test_an_uploaded_zip_becomes_the_program(run, upload, tmp_path, names):
    upload["tunesmith.zip"] = pack(*names)
    program = run("fetch")["PROGRAM"]
    assert (program / "launch.py").is_file()
    upload.clear()
    assert run("fetch")["PROGRAM"] == program, "a second run of the cell finds what is there"


@pytest.mark.parametrize("content", [None, b"no zip at all", pack("readme.txt")])
def test_what_holds_no_program_is_refused_with_a_sentence(run, upload, content):
    if content:
        upload["file.zip"] = content
    with pytest.raises(SystemExit, match="was not fetched"):
        run("fetch")
    upload["tunesmith.zip"] = pack("launch.py")
    assert run("fetch")["PROGRAM"], "and the next try starts afresh"


def test_a_clone_address_becomes_the_program(run, tmp_path):
    origin = tmp_path / "origin"
    origin.mkdir()
    (origin / "launch.py").touch()
    as_somebody = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org", "-c", "commit.gpgsign=false"]
    for command in (["init", "--quiet"], ["add", "."], [*as_somebody, "commit", "--quiet", "--message", "One"]):
        subprocess.run(["git", *command], cwd=origin, check=True)
    named = f'REPOSITORY = "{origin.as_uri()}"'
    assert (run("fetch", change=('REPOSITORY = ""', named))["PROGRAM"] / "launch.py").is_file()


def test_the_studio_accepts_the_command_and_the_password(run, tmp_path):
    from components.app import build_parser
    from components.guard import MIN_PASSWORD_LENGTH, build_guard

    made = run("place", "password", HERE=tmp_path, os=os)
    python, program, *arguments = made["COMMAND"]
    given = build_parser().parse_args(arguments)
    assert (python, program) == (sys.executable, "launch.py")
    assert given.share
    assert given.no_browser
    assert Path(given.workspace) == tmp_path / "tunesmith"
    assert Path(given.workspace).is_dir()
    assert given.password == made["PASSWORD"]
    assert len(given.password) >= MIN_PASSWORD_LENGTH
    build_guard("token", password=given.password, share=given.share)


def test_each_password_is_another_and_is_shown_to_the_person(run, tmp_path, capsys):
    passwords = {run("password", HERE=tmp_path, WORKSPACE=tmp_path, os=os)["PASSWORD"] for _ in range(20)}
    assert len(passwords) == 20
    shown = re.findall(r"^Password: (\S+)$", capsys.readouterr().out, re.MULTILINE)
    assert set(shown) == passwords


def test_what_colab_sets_for_its_own_python_does_not_reach_the_studio(run, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/env/python")
    monkeypatch.setenv("MPLBACKEND", "module://somewhere")
    environment = run("password", WORKSPACE=tmp_path, os=os)["ENVIRONMENT"]
    assert not {"PYTHONPATH", "MPLBACKEND"} & set(environment)
    assert environment["PATH"] == os.environ["PATH"]


def open_with(run: Any, program: str, tmp_path: Path) -> dict[str, Any]:
    """Run the last cell with a program in the studio's place."""
    return run(
        "open",
        subprocess=subprocess,
        PASSWORD="four-words-of-four",
        COMMAND=[sys.executable, "-c", program],
        PROGRAM=tmp_path,
        ENVIRONMENT=dict(os.environ),
    )


def test_the_last_cell_shows_what_the_studio_prints(run, tmp_path, capsys):
    made = open_with(run, "import sys; print('open at ...'); print('and an error', file=sys.stderr)", tmp_path)
    shown = capsys.readouterr().out
    assert "four-words-of-four" in shown
    assert "open at ..." in shown
    assert "and an error" in shown
    assert made["studio"].returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Colab is Linux, and Windows has no such interrupt")
def test_interrupting_the_last_cell_closes_the_studio_in_order(run, tmp_path, capsys):
    program = f"""
import os, time
try:
    print("open", flush=True)
    os.kill({os.getpid()}, {int(signal.SIGINT)})  # the square button
    time.sleep(60)
except KeyboardInterrupt:
    print("closed")
"""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    try:
        made = open_with(run, program, tmp_path)
    finally:
        signal.signal(signal.SIGINT, before)
    assert made["studio"].returncode == 0
    assert "closed" in capsys.readouterr().out
