"""Judges in processes of their own: the starter as a file and as a server, one stopped, one that cannot load."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import xllamacpp

from studio.errors import TunesmithError
from studio.judge import job
from studio.judge.asking import Ask, require_ask
from studio.judge.form import CRITERIA
from studio.judge.plan import make_plan
from studio.judge.result import read_judged
from studio.runs import Run
from studio.store import read_rows
from studio.tasks import Progress
from studio.workers.starter import packaged_gguf
from studio.workspace import Workspace
from tests.studio.judges import BAD, GOOD, fair, judging, make_scored_run
from tests.studio.serving import Serve, serving

KEY = "sk-very-secret-7"
PATIENCE_S = 240


@pytest.fixture
def serve() -> Iterator[Serve]:
    with serving() as serve:
        yield serve


@pytest.fixture
def run(workspace: Workspace) -> Run:
    return make_scored_run(workspace, [(BAD, GOOD)] * 8)


def let_judge(run: Run, ask: Ask) -> list[Progress]:
    clean = require_ask(ask)
    job.begin(run, clean, make_plan(run, clean).mark)
    return list(job.watch(run))


def require_judged(run: Run, questions: int) -> dict[str, Any]:
    """The starter is too small to judge; the form it keeps to, and each answer has its scores in both orders."""
    found = read_judged(run)
    assert found
    assert (found["examples"], found["unreadable"]) == (questions, 0)
    assert found["counted"] + found["swayed"] == questions
    assert found["tokens"]["in"] > questions * 2 * 400
    for answer in found["answers"]:
        for rating in (*answer["ratings"]["base"], *answer["ratings"]["tuned"]):
            assert rating["reason"]
            assert all(1 <= rating[name] <= 5 for name in CRITERIA)
        assert [len(ratings) for ratings in answer["ratings"].values()] == [2, 2]
    return found


def test_a_gguf_on_this_computer_judges(run):
    told = let_judge(run, Ask("file", 1, path=str(packaged_gguf())))
    assert require_judged(run, 1)["judge"]["where"] == "this computer"
    assert any(f"{packaged_gguf().name} has judged" in progress.message for progress in told)
    shares = [progress.share for progress in told if progress.share is not None]
    assert shares == sorted(shares)


def test_a_real_openai_compatible_server_judges_and_its_key_stands_in_no_file(run, monkeypatch):
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(packaged_gguf())
    parameters.n_ctx, parameters.n_parallel, parameters.port, parameters.warmup = 8192, 2, 0, False
    parameters.api_keys = [KEY]
    server = xllamacpp.Server(parameters)
    ask = Ask("server", 1, f"{server.listening_address}/v1", "starter")
    with pytest.raises(TunesmithError, match="does not accept the key"):
        let_judge(run, ask)
    monkeypatch.setenv("TUNESMITH_API_KEY", KEY)
    let_judge(run, ask)
    require_judged(run, 1)
    for file in run.folder.rglob("*"):
        assert not file.is_file() or KEY.encode() not in file.read_bytes(), file


def test_what_was_stopped_goes_on_where_it_was(run, serve):
    numbers, asked = count(1), []
    slow = threading.Event()

    def answer(handler: Any, body: dict[str, Any]) -> None:
        asked.append(number := next(numbers))  # several ask at once
        if number > 6:
            slow.wait(PATIENCE_S)
        judging(fair)(handler, body)

    ask = require_ask(Ask("server", 8, serve(answer), "big"))
    job.begin(run, ask, make_plan(run, ask).mark)
    watched = job.watch(run)
    replies = run.folder / "judge" / "replies.jsonl"
    end = time.monotonic() + PATIENCE_S
    while len(list(read_rows(replies))) < 6:
        next(watched)
        assert time.monotonic() < end
    with pytest.raises(TunesmithError, match="is at work"):
        job.begin(run, ask, make_plan(run, ask).mark)
    job.stop(run)
    with pytest.raises(TunesmithError, match="It was stopped"):
        list(watched)
    assert job.is_stopped(run)
    assert read_judged(run) is None
    slow.set()
    done = {(row["row"], row["first"]) for row in read_rows(replies)}
    assert len(done) == 6
    left = make_plan(run, ask)
    assert left.left == 10
    before = len(asked)
    job.begin(run, ask, left.mark)
    list(job.watch(run))
    assert len(asked) - before == 10
    found = read_judged(run)
    assert found
    assert (found["won"], found["counted"]) == (8, 8)


def test_a_file_that_llama_cpp_cannot_load_is_refused_in_words(run, tmp_path: Path):
    file = tmp_path / "broken.gguf"
    file.write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(TunesmithError, match=r"could not load broken\.gguf") as failure:
        let_judge(run, Ask("file", 2, path=str(file)))
    assert "Take another GGUF file" in failure.value.do
