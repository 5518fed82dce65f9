"""What Triton needs to compile is looked for where it would look."""

from __future__ import annotations

import sys

import pytest

from studio.toolchain import missing_for_kernels, say_missing


@pytest.fixture
def tools(tmp_path):
    """An empty folder of programs, and one with Python's headers."""
    programs, headers = tmp_path / "bin", tmp_path / "include"
    for folder in (programs, headers):
        folder.mkdir()
    (headers / "Python.h").write_text("")
    return programs, headers


def put_program(folder, name):
    (folder / name).write_text("#!/bin/sh\n")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize("name", ["gcc", "clang"])
def test_nothing_is_missing_with_a_compiler_and_headers(tools, name):
    programs, headers = tools
    put_program(programs, name)
    assert missing_for_kernels("Linux", {"PATH": str(programs)}, headers) == []


def test_what_is_missing_is_named_with_how_to_have_it(tools):
    programs, headers = tools
    (headers / "Python.h").unlink()
    missing = missing_for_kernels("Linux", {"PATH": str(programs)}, headers)
    assert missing == ["a C compiler", "Python's headers"]
    words = say_missing(missing)
    assert "need a C compiler and Python's headers" in words
    assert f"sudo apt install gcc python{sys.version_info.major}.{sys.version_info.minor}-dev" in words
    assert say_missing([]) == ""


def test_compiler_that_a_person_named_must_be_there(tools):
    programs, headers = tools
    put_program(programs, "gcc")
    assert missing_for_kernels("Linux", {"PATH": str(programs), "CC": "my-cc"}, headers) == ["a C compiler"]
    put_program(programs, "my-cc")
    assert missing_for_kernels("Linux", {"PATH": str(programs), "CC": "my-cc"}, headers) == []


@pytest.mark.parametrize("system", ["Windows", "Darwin"])
def test_other_systems_need_none(system, tools):
    assert missing_for_kernels(system, {"PATH": ""}, tools[0]) == []
