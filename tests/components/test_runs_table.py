"""What the table of runs tells the page, and how one run or two are shown."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from components.progress_icon import show_mark
from components.run_views import show_pair, show_run, words_of_loss
from components.runs_tab import _beside, _only, curves_value
from components.runs_table import table_value
from studio.errors import RunError
from studio.process import ProcessId
from studio.run_notes import write_notes
from studio.run_table import list_rows, row_of
from studio.runs import Run, open_run
from studio.store import write_json
from studio.train.recipe import make_recipe, write_recipe
from studio.workspace import Workspace

ATTACK = "<script>alert(1)</script>"
Make = Callable[..., Run]


@pytest.fixture
def add(workspace: Workspace) -> Make:
    def add(name: str, data: str = "orders", status: dict[str, Any] | None = None, **settings: Any) -> Run:
        minute = len(list(workspace.runs.iterdir()))
        folder = workspace.runs / f"2026-11-24-08{minute:02}-run-{minute}"
        write_recipe(folder / "recipe.yaml", make_recipe(data=data, name=name, **settings))
        write_json(folder / "state.json", {"state": "done", "updated_s": time.time(), **(status or {})})
        return open_run(workspace, folder.name)

    return add


def known(workspace: Workspace) -> str:
    return str(json.loads(table_value(list_rows(workspace), []))["known"])


def test_the_page_is_told_what_it_sorts_and_shows(workspace, add):
    add("one", status={"best_heldout_loss": 0.41234, "best_step": 180, "seconds": 840.0})
    add("two", data="orders@v2", lora_rank=32)
    told = json.loads(table_value(list_rows(workspace), ["2026-11-24-0800-run-0"]))
    assert told["chosen"] == ["2026-11-24-0800-run-0"]
    new, old = told["rows"]
    assert (new["title"], new["data"], new["best"], new["seconds"], new["time"]) == ("two", "orders v2", None, None, "")
    assert (old["best"], old["best_step"], old["time"]) == (0.41234, 180, "14 min")
    assert new["started"] > old["started"]
    assert new["all"] == "Data set: orders → orders v2\nRank: 16 → 32"


def test_the_page_hears_of_a_change_and_only_then(workspace, add):
    run = add("one")
    before = known(workspace)
    assert known(workspace) == before
    write_notes(run.folder, tags="good")
    tagged = known(workspace)
    write_json(run.folder / "state.json", {**run.status, "step": 2, "updated_s": time.time() + 1})
    assert len({before, tagged, known(workspace)}) == 3


def test_what_people_and_runs_write_is_text(workspace, add):
    error = {"what": ATTACK, "do": ATTACK}
    run = add(ATTACK, data=ATTACK, base=ATTACK, status={"state": "failed", "error": error, "engine": ATTACK})
    other = add(ATTACK, data=f"{ATTACK}2")
    write_notes(run.folder, tags=ATTACK[:30], note=ATTACK)
    run.tell(ATTACK)
    row = row_of(workspace, run.id)
    assert row
    for shown in (show_run(row), show_pair(run, other), show_mark(workspace, run, "")):
        assert "<script" not in shown
    assert shown.count("<span") == 1


def test_an_opened_run_tells_what_differs_what_was_written_and_what_happened(workspace, add):
    add("one", lora_rank=16)
    run = add("two", lora_rank=32)
    write_notes(run.folder, tags="good, for Mia", note="Answers are shorter.")
    run.tell("Its process was gone at step 40. It goes on from step 30.")
    row = row_of(workspace, run.id)
    assert row
    shown = show_run(row)
    for words in ("What differs from “one”, the run before it", "<td>16</td><td>32</td>", "for Mia", "are shorter"):
        assert words in shown
    assert "It goes on from step 30." in shown


def test_two_runs_stand_side_by_side_with_what_differs(add):
    one = add("one", status={"best_heldout_loss": 0.5, "step": 10, "steps": 20})
    other = add("two", status={"best_heldout_loss": 0.4, "best_step": 180}, epochs=5.0, use_dora=True)
    shown = show_pair(one, other)
    assert '0.400 at step 180 <span class="better">✔ lower</span>' in shown
    assert shown.count("lower") == 1
    assert '<th scope="row">Epochs</th><td>3</td><td>5</td>' in shown
    assert '<th scope="row">DoRA</th><td>no</td><td>yes</td>' in shown
    assert "Tokens a second" not in shown, "neither knows it"
    assert "held-out losses may not be" not in shown
    same = show_pair(one, one)
    assert "None: the two have the same recipe." in same
    assert "lower" not in same


def test_losses_of_other_data_are_shown_with_care(add):
    one, version, other = add("one"), add("two", data="orders@v2"), add("three", data="letters")
    assert "from two versions of the data set, so their" in show_pair(one, version)
    assert "from two data sets, so their" in show_pair(one, other)


def test_deleting_says_what_is_lost_and_what_comes_free(add):
    run = add("one")
    assert "frees less than 1 MB" in words_of_loss(run, 999)
    assert "its adapter" not in words_of_loss(run, 999)
    run.adapter.mkdir()
    (run.adapter / "adapter_config.json").write_text("{}")
    assert "for good: its adapter, its curve" in words_of_loss(run, 0)
    assert "frees 1.25 GB of the disk" in words_of_loss(run, 1_250_000_000)


def test_after_a_deletion_the_next_older_run_is_open():
    assert _beside(["c", "b", "a"], "b") == "a"
    assert _beside(["c", "b", "a"], "a") == "b"
    assert _beside(["a"], "a") == ""


def test_what_is_done_with_one_run_is_not_done_with_two():
    assert _only("a") == "a"
    for ids in ("", "a,b"):
        with pytest.raises(RunError, match="one run at a time"):
            _only(ids)


def test_the_chart_is_given_one_run_or_two(add):
    one, other = add("one"), add("two")
    assert curves_value([]) == ""
    assert curves_value([one]) == f"{one.id}#done"
    assert curves_value([one, other]) == f"{one.id}#done|{other.id}"


def test_the_mark_tells_how_far_a_run_is_and_then_how_it_ended(workspace, add):
    this = ProcessId.of_this()
    live = {"state": "training", "pid": this.pid, "started_s": this.started_s, "step": 42, "steps": 100}
    run = add("one", status=live)
    assert show_mark(workspace, None, "") == ""
    during = show_mark(workspace, run, "")
    assert f'data-run="{run.id}" data-state="training" data-share="0.4200" data-live="yes"' in during
    write_json(run.folder / "state.json", {**run.status, "state": "done"})
    after = show_mark(workspace, None, during)
    assert f'data-run="{run.id}" data-state="done"' in after
    assert "data-live" not in after
    assert show_mark(workspace, None, after) == after
    assert show_mark(workspace, None, during.replace(run.id, "gone")) == ""
