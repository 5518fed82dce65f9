"""How others are named where they are typed, and what is said of a name that nobody has."""

from __future__ import annotations

import json
from typing import Any

import pytest

from studio.compare.naming import find_other, name_of_other
from studio.compare.others import list_others
from studio.compare.voices import Voice
from studio.errors import RunError, SettingError
from studio.runs import Run, open_run
from studio.store import write_json
from studio.train.recipe import make_recipe, write_recipe
from studio.verbs import main
from studio.workspace import Workspace

FIRST, SECOND, THIRD = "2026-11-24-1530-orders", "2026-11-24-1531-letters", "2026-11-24-1532-letters-2"
FILE = Voice("gguf", FIRST, f"{FIRST}-q4_k_m/{FIRST}-q4_k_m.gguf")
EARLY = Voice("checkpoint", FIRST, "700")


def learn(workspace: Workspace, run_id: str, name: str) -> None:
    write_recipe(workspace.runs / run_id / "recipe.yaml", make_recipe(data="orders", name=name))
    write_json(workspace.runs / run_id / "state.json", {"state": "done", "updated_s": 0, "step": 800})
    write_json(workspace.runs / run_id / "adapter" / "adapter_config.json", {})


@pytest.fixture
def run(workspace: Workspace) -> Run:
    """With a checkpoint, a file, and another run."""
    learn(workspace, FIRST, "orders")
    learn(workspace, SECOND, "letters, second try")
    write_json(workspace.runs / FIRST / "checkpoints" / "checkpoint-700" / "adapter_config.json", {})
    file = workspace.exports / FILE.at
    file.parent.mkdir()
    file.write_bytes(b"GGUF")
    return open_run(workspace, FIRST)


def test_each_is_found_by_the_name_that_it_is_told_by(run: Run):
    names = {name_of_other(run, voice): voice for voice in list_others(run)}
    assert list(names) == ["checkpoint-700", f"{FIRST}-q4_k_m.gguf", SECOND]
    assert {name: find_other(run, name) for name in names} == names


def test_so_are_the_checkpoints_of_another_run_and_the_base_that_it_began_with(workspace: Workspace, run: Run):
    write_recipe(workspace.runs / SECOND / "recipe.yaml", make_recipe(data="orders", name="letters", base="far/other"))
    letters = open_run(workspace, SECOND)
    names = {name_of_other(letters, voice): voice for voice in list_others(letters)}
    assert list(names) == [FIRST, f"{FIRST}/base", f"{FIRST}/checkpoint-700", f"{FIRST}-q4_k_m.gguf"]
    assert {name: find_other(letters, name) for name in names} == names


def test_a_run_is_found_by_what_the_person_calls_it_while_no_other_is_called_so(workspace: Workspace, run: Run):
    assert find_other(run, "letters, second try") == Voice("run", SECOND)
    learn(workspace, THIRD, "letters, second try")
    with pytest.raises(SettingError, match="2 runs are called") as error:
        find_other(run, "letters, second try")
    assert error.value.do == f"Name one of: {THIRD}, {SECOND}."


@pytest.mark.parametrize("name", ["checkpoint-7", "checkpoint-99", "700", "base", FIRST, ""])
def test_of_a_wrong_name_all_that_can_be_named_are_told(run: Run, name: str):
    with pytest.raises(SettingError) as error:
        find_other(run, name)
    assert error.value.what == f"Nobody beside orders is called {name!r}."
    assert error.value.do == f"Name one of: checkpoint-700, {FIRST}-q4_k_m.gguf, {SECOND}."


def test_where_there_is_nobody_else_it_is_said_how_there_would_be(workspace: Workspace):
    learn(workspace, FIRST, "orders")
    with pytest.raises(RunError, match="nobody else to measure"):
        find_other(open_run(workspace, FIRST), "checkpoint-700")


def call(workspace: Workspace, capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    code = main(["score", FIRST, *arguments, "--json", "--workspace", str(workspace.root)])
    return code, json.loads(capsys.readouterr().out)


def test_a_wrong_name_is_said_before_anything_is_measured(workspace: Workspace, run: Run, capsys):
    code, result = call(workspace, capsys, "--other", "checkpoint-700", "--other", "checkpoint-7")
    assert code == 1
    assert "checkpoint-7'" in result["error"]["what"]
    assert "checkpoint-700" in result["error"]["do"]
    assert not list(run.folder.glob("*.task.json"))


def test_against_the_prompt_nobody_else_is_asked(workspace: Workspace, run: Run, capsys):
    code, result = call(workspace, capsys, "--against", "prompt", "--other", "checkpoint-700")
    assert (code, result["error"]["what"]) == (1, "Against the prompt nobody else is asked.")
