"""Who may answer in a pane, and what each is called."""

from __future__ import annotations

import pytest

from studio.compare.voices import (
    Voice,
    base_and_tuned,
    keep_chosen,
    list_voices,
    name_of,
    read_chosen,
    title_of_voice,
)
from studio.errors import ModelError
from studio.runs import Run, open_run
from studio.store import write_json
from studio.train.recipe import make_recipe, write_recipe
from studio.workspace import Workspace

FIRST, SECOND = "2026-11-24-1530-orders", "2026-11-24-1531-letters"


@pytest.fixture
def run(workspace: Workspace) -> Run:
    """One of two runs, with two checkpoints and a file."""
    for run_id in (FIRST, SECOND):
        write_recipe(workspace.runs / run_id / "recipe.yaml", make_recipe(data="orders", name=run_id[16:]))
        write_json(workspace.runs / run_id / "state.json", {"state": "done", "updated_s": 0, "step": 40})
        write_json(workspace.runs / run_id / "adapter" / "adapter_config.json", {})
    for step in (100, 20):
        (workspace.runs / FIRST / "checkpoints" / f"checkpoint-{step}").mkdir(parents=True)
    (workspace.runs / FIRST / "checkpoints" / ".writing").mkdir()
    file = workspace.exports / f"{FIRST}-q4_k_m" / "orders.gguf"
    file.parent.mkdir()
    file.write_bytes(b"GGUF")
    return open_run(workspace, FIRST)


def test_a_run_its_checkpoints_its_file_and_other_runs_may_answer(workspace, run):
    assert [title_of_voice(workspace, voice) for voice in list_voices(workspace, run)] == [
        "Before: SmolLM2 135M (starter), untouched",
        "After: adapter “orders”, step 40",
        "Checkpoint: “orders”, step 20",
        "Checkpoint: “orders”, step 100",
        "File: orders.gguf",
        "After: adapter “letters”, step 40",
    ]


def test_of_other_runs_the_checkpoints_the_files_and_another_base_may_answer_too(workspace, run):
    letters = open_run(workspace, SECOND)
    write_recipe(letters.folder / "recipe.yaml", make_recipe(data="orders", name="letters", base="far/other"))
    other = open_run(workspace, SECOND)
    there = list_voices(workspace, other)
    assert [name_of(other, voice) for voice in there] == [
        "Before", "After", "“orders”", "Before: SmolLM2 135M (starter)", "“orders”, step 20", "“orders”, step 100",
        "orders.gguf",
    ]  # fmt: skip


def test_a_file_of_a_run_with_a_longer_name_is_not_its_own(workspace, run):
    other = workspace.exports / f"{FIRST}-2-q4_k_m" / "orders-2.gguf"
    other.parent.mkdir()
    other.write_bytes(b"GGUF")
    assert [voice.at for voice in list_voices(workspace, run) if voice.kind == "gguf"] == [
        f"{FIRST}-q4_k_m/orders.gguf"
    ]


def test_each_has_a_short_name_beside_the_run_that_is_picked(workspace, run):
    names = [name_of(run, voice) for voice in list_voices(workspace, run)]
    assert names == ["Before", "After", "Step 20", "Step 100", "orders.gguf", "“letters”"]


def test_a_key_brings_the_voice_back(workspace, run):
    for voice in list_voices(workspace, run):
        assert Voice.parse(voice.key) == voice
    with pytest.raises(ModelError, match="Nobody answers"):
        Voice.parse("ghost|of|nobody")


def test_who_was_chosen_is_there_tomorrow_unless_gone(workspace, run):
    assert read_chosen(run) == list(base_and_tuned(run))
    chosen = [Voice("run", SECOND), Voice("checkpoint", FIRST, "20"), Voice("gguf", FIRST, f"{FIRST}-q8/gone.gguf")]
    keep_chosen(run, chosen)
    assert read_chosen(run) == chosen[:2]


@pytest.mark.parametrize("found", [None, [], ["ghost"], {"a": 1}, [["run"]]])
def test_a_choice_that_cannot_be_read_is_none(run, found):
    write_json(run.folder / "panes.json", found)
    assert read_chosen(run) == list(base_and_tuned(run))
