"""`judge RUN` in real processes: nothing goes before a yes, what broke off goes on, and what it cost is told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from studio.judge import job
from studio.judge.form import CRITERIA
from studio.runs import Run
from studio.store import read_rows
from studio.verbs import main
from studio.vote.ballots import begin_or_extend
from studio.vote.votes import cast, read_standing
from studio.workers.starter import packaged_gguf
from studio.workspace import REPOSITORY, Workspace
from tests.studio.judges import BAD, GOOD, fair, make_scored_run
from tests.studio.judges import judging as judging_by
from tests.studio.serving import Answer, Serve, in_turn, reply, serving

KEY = "sk-very-secret-7"
QUESTIONS = 12
PATIENCE_S = 240
Call = Callable[..., tuple[int, dict[str, Any], str]]


@pytest.fixture
def serve() -> Iterator[Serve]:
    with serving() as serve:
        yield serve


@pytest.fixture
def run(workspace: Workspace) -> Run:
    return make_scored_run(workspace, [(BAD, GOOD)] * QUESTIONS)


@pytest.fixture
def call(workspace: Workspace, run: Run, capsys: pytest.CaptureFixture[str]) -> Call:
    """The exit code, the JSON object, and what people read."""

    def call(*flags: str) -> tuple[int, dict[str, Any], str]:
        code = main(["judge", run.id, *flags, "--workspace", str(workspace.root), "--json"])
        printed = capsys.readouterr()
        return code, json.loads(printed.out), printed.err

    return call


@pytest.fixture
def at_terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """`at_terminal("y")`: somebody sits at a terminal and has typed this."""
    open_ends: list[int] = []

    def sit(typed: str) -> None:
        mine, theirs = os.openpty()
        open_ends.append(mine)
        os.write(mine, f"{typed}\n".encode())
        monkeypatch.setattr(sys, "stdin", os.fdopen(theirs))

    yield sit
    for end in open_ends:
        os.close(end)


def counting(answer: Answer) -> tuple[Answer, list[dict[str, Any]]]:
    asked: list[dict[str, Any]] = []

    def count(handler: Any, body: dict[str, Any]) -> None:
        asked.append({**body, "key": handler.headers.get("authorization")})
        answer(handler, body)

    return count, asked


def test_without_a_terminal_and_without_yes_nothing_goes_and_a_sentence_says_why(call, run, serve, monkeypatch):
    answer, asked = counting(judging_by(fair))
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        code, result, said = call("--address", serve(answer), "--model", "big")
    assert code == 1
    assert "no terminal on which somebody could say yes" in result["error"]["what"]
    assert "give --yes" in result["error"]["do"]
    assert "12 questions with their wanted answers and both answers" in said
    assert asked == []
    assert job.read_ask(run) is None


@pytest.mark.parametrize("typed", ["n", "", "yes please"])
def test_who_does_not_say_yes_sends_nothing(call, run, serve, at_terminal, typed):
    answer, asked = counting(judging_by(fair))
    at_terminal(typed)
    code, result, said = call("--address", serve(answer), "--model", "big")
    assert (code, result["error"]["what"]) == (1, "Nothing was sent.")
    assert said.index("go to http://127.0.0.1") < said.index("Send it?")
    assert asked == []
    assert job.read_ask(run) is None


def test_a_yes_sends_and_what_it_found_and_cost_is_told(call, run, serve, at_terminal, monkeypatch):
    begin_or_extend(run)
    for _ in range(10):
        standing = read_standing(run)
        assert standing
        assert standing.next
        cast(run, standing.next.mark, "left" if standing.next.left == "tuned" else "right")
    monkeypatch.setenv("TUNESMITH_API_KEY", KEY)
    answer, asked = counting(judging_by(fair))
    at_terminal("y")
    flags = ["--model", "big", "--questions", "11", "--price-in", "100", "--price-out", "1000"]
    code, result, said = call("--address", serve(answer), *flags)
    assert code == 0
    assert len(asked) == 22
    assert {each["key"] for each in asked} == {f"Bearer {KEY}"}
    assert [result[name] for name in ("examples", "counted", "won", "lost", "swayed")] == [11, 11, 11, 0, 0]
    for name in CRITERIA:
        part = result["criteria"][name]
        assert part["difference"]["low"] <= part["difference"]["value"] == 3 <= part["difference"]["high"]
        assert f"  {name}" in said
    assert (result["kappa"]["both"], result["kappa"]["same"]) == (10, 10)
    assert result["tokens"] == result["tokens_now"] == {"in": 2200, "out": 1100, "replies": 22, "untold": 0}
    assert result["cost"] == pytest.approx(1.32)
    before, _, after = said.partition("Send it?")
    assert "That makes 22 requests: about" in before
    assert "that is about" in before
    assert "It used 2,200 tokens in and 1,100 out" in after
    assert "that is 1.32, in the money of these prices" in after
    assert "It prefers your model." in after
    assert "You and it judged the same 10 questions" in after
    assert KEY not in said + json.dumps(result)
    for file in run.folder.rglob("*"):
        assert not file.is_file() or KEY.encode() not in file.read_bytes(), file


def test_what_broke_off_goes_on_with_the_same_judge_and_only_the_rest_is_paid_for(call, run, serve):
    broken = in_turn(*[judging_by(fair)] * 9, lambda handler, body: reply(handler, 401, {"error": "no more"}))
    mended = threading.Event()

    def answer(handler: Any, body: dict[str, Any]) -> None:
        (judging_by(fair) if mended.is_set() else broken)(handler, body)

    named = ["--address", serve(answer), "--model", "big", "--price-in", "1", "--price-out", "1"]
    code, result, said = call(*named, "--yes")
    assert code == 1
    assert "does not accept the key" in result["error"]["what"]
    kept = len(list(read_rows(run.folder / "judge" / "replies.jsonl")))
    assert 0 < kept <= 9
    assert f"It used {kept * 100:,} tokens in" in said
    assert "Requests that were under way are not counted in." in said
    mended.set()
    code, result, said = call("--yes")
    assert code == 0
    assert result["tokens_now"]["replies"] == 2 * QUESTIONS - kept
    assert result["tokens"]["replies"] == 2 * QUESTIONS
    assert "going by the" in said
    code, result, said = call()
    assert (code, result["tokens_now"]["replies"]) == (0, 0)
    assert "Nothing is sent: big has judged 12 questions already." in said


def test_a_judge_whose_replies_cannot_be_read_fails(call, serve):
    code, result, _ = call(
        "--address", serve(judging_by(lambda first, second: "Well.")), "--model", "big", "--yes", "--questions", "2"
    )
    assert (code, result["unreadable"]) == (1, 2)
    assert result["criteria"] == {}


def test_a_gguf_is_loaded_here_without_a_yes_and_one_that_is_broken_is_told(call, tmp_path):
    file = tmp_path / "broken.gguf"
    file.write_bytes(b"GGUF" + bytes(100))
    code, result, said = call("--gguf", str(file), "--questions", "1")
    assert "Nothing leaves this computer: broken.gguf reads 1 question" in said
    assert "Send it?" not in said
    assert code == 1
    assert "could not load broken.gguf" in result["error"]["what"]


def test_ctrl_c_ends_what_is_sent_and_keeps_what_was_judged(run, workspace, serve):
    slow, under_way = threading.Event(), threading.Event()
    asked: list[str] = []

    def answer(handler: Any, body: dict[str, Any]) -> None:
        asked.append(body["model"])
        if len(asked) > 6:
            under_way.set()
            slow.wait(PATIENCE_S)
        judging_by(fair)(handler, body)

    flags = ["--address", serve(answer), "--model", "big", "--yes", "--workspace", str(workspace.root)]
    code = "import sys; from studio.verbs import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "judge", run.id, *flags]
    with subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True) as process:
        assert under_way.wait(PATIENCE_S)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=PATIENCE_S)
    slow.set()
    assert process.returncode == 130
    assert job.is_stopped(run)
    assert not job.is_on(run)
    kept = len(list(read_rows(run.folder / "judge" / "replies.jsonl")))
    assert kept >= 4
    assert "Stopped. What is judged already is kept" in said
    assert f"It used {kept * 100} tokens in" in said


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ([], "Nobody is named to judge."),
        (["--model", "big"], "an address and a name"),
        (["--address", "http://127.0.0.1:9/v1"], "an address and a name"),
        (["--address", "127.0.0.1:9", "--model", "big"], "is no address"),
        (["--address", "https://me:secret@example.com/v1", "--model", "big"], "a password"),
        (["--gguf", "nowhere.gguf"], "is no GGUF file"),
        (["--gguf", str(packaged_gguf()), "--price-in", "1", "--price-out", "1"], "neither a model’s name nor prices"),
        (["--gguf", str(packaged_gguf()), "--model", "big"], "neither a model’s name nor prices"),
        (["--address", "http://127.0.0.1:9/v1", "--model", "big", "--price-in", "1"], "Only the price of a million"),
    ],
)
def test_what_was_asked_wrongly_is_said_and_sends_nothing(call, run, flags, words):
    code, result, _ = call(*flags)
    assert code == 1
    assert words in result["error"]["what"]
    assert job.read_ask(run) is None


@pytest.mark.parametrize(
    "flags",
    [["--address", "a", "--gguf", "b"], ["--questions", "0"], ["--questions", "many"], ["--key", "secret"]],
    ids=" ".join,
)
def test_a_bad_flag_is_exit_code_2(flags, capsys):
    with pytest.raises(SystemExit) as end:
        main(["judge", "r", *flags])
    assert end.value.code == 2
    assert capsys.readouterr().out == ""
