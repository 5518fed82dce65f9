"""A judge behind a real HTTP server on loopback: what it is sent, what is kept, what counts, what stays blind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from studio.data.conversation import Message
from studio.errors import DataError, ModelError, RunError, SettingError
from studio.judge import asking, job, judging
from studio.judge.asking import Ask, choose, list_asked, require_ask
from studio.judge.cost import TOKENS_OF_A_REPLY
from studio.judge.form import SCHEMA
from studio.judge.plan import make_plan
from studio.judge.result import read_judged, shown_answers
from studio.runs import Run, open_run
from studio.served import ServedModel
from studio.store import read_rows, write_json
from studio.vote.answers import read_pairs
from studio.vote.ballots import begin_or_extend
from studio.vote.votes import cast, read_standing
from studio.workspace import Workspace
from tests.studio.judges import BAD, GOOD, answers_in, fair, judgement, make_scored_run, swayed
from tests.studio.judges import judging as judging_by
from tests.studio.serving import Answer, Serve, in_turn, reply, said, serving

ASK = Ask("server", 20, "http://127.0.0.1:9/v1", "big")


@pytest.fixture
def serve() -> Iterator[Serve]:
    with serving() as serve:
        yield serve


@pytest.fixture
def run(workspace: Workspace) -> Run:
    """Tuned is better in 6, base in 2; one is alike to a fair judge, one the same."""
    return make_scored_run(workspace, [(BAD, GOOD)] * 6 + [(GOOD, BAD)] * 2 + [("One.", "Two."), ("Same.", "Same. ")])


def judge(run: Run, address: str, ask: Ask = ASK, **more: Any) -> dict[str, Any]:
    """In this process; the result as it is read."""
    judging.judge(run, ask, ServedModel(address, "big", schema=SCHEMA, wait=lambda s: None), lambda p: None, **more)
    found = read_judged(run)
    assert found
    return found


def counting(answer: Answer) -> tuple[Answer, list[dict[str, Any]]]:
    asked: list[dict[str, Any]] = []

    def count(handler: Any, body: dict[str, Any]) -> None:
        asked.append(body)
        answer(handler, body)

    return count, asked


def test_a_fair_judge_is_counted_with_means_and_an_exact_chance(run, serve):
    answer, asked = counting(judging_by(fair))
    found = judge(run, serve(answer))
    assert [found[name] for name in ("examples", "counted", "swayed", "unreadable", "same")] == [9, 9, 0, 0, 1]
    assert [found[name] for name in ("won", "lost", "tied")] == [6, 2, 1]
    assert found["p_value"] == pytest.approx(2 * (1 + 8 + 28) / 2**8)
    accuracy = found["criteria"]["accuracy"]
    assert accuracy["before"]["value"] == pytest.approx((6 * 2 + 2 * 5 + 3) / 9)
    assert accuracy["after"]["value"] == pytest.approx((6 * 5 + 2 * 2 + 3) / 9)
    assert found["judge"] == {"kind": "server", "model": "big", "where": ASK.address}
    assert found["tokens"] == {"in": 18 * 100, "out": 18 * 50, "replies": 18, "untold": 0}
    assert found["prices"] is None
    assert len(asked) == 18
    assert all(body["response_format"]["json_schema"]["schema"] == SCHEMA for body in asked)
    assert all(body["temperature"] == 0 for body in asked)
    assert sorted(map(answers_in, asked)) == sorted(answers_in(body)[::-1] for body in asked), "each with sides swapped"


def test_a_judge_that_likes_what_stands_first_counts_for_nothing(run, serve):
    found = judge(run, serve(judging_by(swayed)))
    assert [found[name] for name in ("counted", "swayed", "swayed_to_first")] == [0, 9, 9]
    assert found["criteria"] == {}


def test_a_reply_that_cannot_be_read_is_asked_once_more_with_what_was_wrong(run, serve):
    poor = in_turn(*[lambda handler, body: reply(handler, 200, said('{"better": 1}'))] * 2, judging_by(fair))
    answer, asked = counting(poor)
    found = judge(run, serve(answer), at_once=1)
    assert (found["counted"], found["unreadable"]) == (8, 1)
    again = asked[1]["messages"]
    assert [message["role"] for message in again] == ["system", "user", "assistant", "user"]
    assert again[2]["content"] == '{"better": 1}'
    assert "first: Field required" in again[3]["content"]
    assert len(asked) == 19
    assert "first: Field required" in found["unreadable_why"]


def test_what_was_judged_is_not_asked_again_but_what_could_not_be_read_is(run, serve):
    first = judge(run, serve(in_turn(*[lambda h, b: reply(h, 200, said("Well."))] * 2, judging_by(fair))), at_once=1)
    assert first["unreadable"] == 1
    answer, asked = counting(judging_by(fair))
    address = serve(answer)
    assert judge(run, address)["counted"] == 9
    assert len(asked) == 1
    judge(run, address)
    assert len(asked) == 1
    judge(run, address, Ask("server", 20, ASK.address, "another"))
    assert len(asked) == 19


def test_a_server_that_limits_the_rate_and_one_that_knows_no_schema_are_asked_as_they_can(run, serve):
    def picky(handler: Any, body: dict[str, Any]) -> None:
        if "response_format" in body:
            reply(handler, 400, {"error": {"message": "response_format is not known here"}})
        elif "max_tokens" in body:
            reply(handler, 400, {"error": {"message": "Unsupported parameter: 'max_tokens'"}})
        elif "temperature" in body:
            reply(handler, 400, {"error": {"message": "Unsupported value: 'temperature'"}})
        else:
            judging_by(fair)(handler, body)

    limit = [lambda handler, body: reply(handler, 429, {"error": "slow down"}, retry_after="1")] * 2
    assert judge(run, serve(in_turn(*limit, picky)), at_once=1)["counted"] == 9


def test_a_question_that_the_server_refuses_is_counted_as_unread_and_the_others_go_on(run, serve):
    def filtered(handler: Any, body: dict[str, Any]) -> None:
        if "Question 3?" in body["messages"][1]["content"]:
            reply(handler, 400, {"error": {"message": "content filter"}})
        else:
            judging_by(fair)(handler, body)

    found = judge(run, serve(filtered), at_once=1)
    assert (found["counted"], found["unreadable"]) == (8, 1)
    assert "content filter" in found["unreadable_why"]


def test_a_server_that_refuses_all_is_given_up_soon(run, serve):
    answer, asked = counting(lambda handler, body: reply(handler, 422, {"error": {"message": "never"}}))
    with pytest.raises(DataError, match="refuses: 422, never"):
        judge(run, serve(answer), at_once=1)
    assert len(asked) == judging.MOST_REFUSED


def test_who_breaks_off_leaves_what_was_judged(run, serve):
    answer = in_turn(*[judging_by(fair)] * 5, lambda handler, body: reply(handler, 401, {"error": "no more"}))
    with pytest.raises(DataError, match="does not accept the key"):
        judge(run, serve(answer), at_once=1)
    assert len(list(read_rows(run.folder / "judge" / "replies.jsonl"))) == 5
    assert read_judged(run) is None
    assert make_plan(run, ASK).left == 13


# What is said before anything is sent


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("https://api.example.com/v1", "go to https://api.example.com. Nothing else is sent"),
        ("http://api.example.com/v1", "not https: who stands between can read along"),
        ("http://localhost:11434/v1/", "go to http://localhost:11434, a server on this computer"),
        ("http://[::1]:8080/v1/chat/completions", "a server on this computer"),
    ],
)
def test_what_goes_where_is_said(run, address, words):
    plan = make_plan(run, require_ask(Ask("server", 3, address, "big")))
    assert plan.words.startswith("3 questions with their wanted answers and both answers, each twice")
    assert words in plan.words
    sent = sum(
        len(part["content"]) for each in list_asked(run, Ask("server", 3, address, "b")) for part in each.messages
    )
    assert (plan.estimate.requests, plan.estimate.tokens_in) == (6, sent // 3)
    assert plan.estimate.tokens_out == 6 * TOKENS_OF_A_REPLY


def test_only_what_is_there_is_said_to_be_sent(run, monkeypatch):
    (pair, *_) = read_pairs(run)
    system = Message("system", "Be kind.")
    told = replace(pair, prompt=(system, *pair.prompt))
    for pairs, words in (
        ([told], "1 question with its system prompt, its wanted answer and both answers, twice"),
        (
            [replace(told, row=n) for n in (1, 2)],
            "2 questions with their system prompts, their wanted answers and both",
        ),
        ([replace(pair, wanted="")], "1 question with both answers, twice"),
    ):
        monkeypatch.setattr(asking, "read_pairs", lambda _, pairs=pairs: pairs)
        assert make_plan(run, ASK).words.startswith(words)
        sent = " ".join(part["content"] for each in list_asked(run, ASK) for part in each.messages)
        assert ("system: Be kind." in sent) == ("system prompt" in words)
        assert ("BEGIN reference" in sent) == ("wanted answer" in words)


def test_a_file_sends_nothing(run, tmp_path):
    file = tmp_path / "judge.gguf"
    file.write_bytes(b"GGUF and more")
    ask = require_ask(Ask("file", 3, path=str(file)))
    assert make_plan(run, ask).words.startswith("Nothing leaves this computer: judge.gguf reads 3 questions")
    own = tmp_path / f"{run.id}-q4_k_m" / "own.gguf"
    own.parent.mkdir()
    own.write_bytes(b"GGUF")
    assert "own export" in make_plan(run, require_ask(Ask("file", 3, path=str(own)))).words
    job.begin(run, ask, agreed="")
    assert job.read_ask(run) == ask


def test_what_was_not_agreed_to_is_not_begun(run):
    agreed = make_plan(run, ASK).mark
    job.begin(run, ASK, agreed)
    for other in (Ask("server", 20, "http://elsewhere/v1", "big"), Ask("server", 3, ASK.address, "big")):
        with pytest.raises(SettingError, match="not what you have read"):
            job.begin(run, other, agreed)
    with pytest.raises(SettingError):
        job.begin(run, ASK, "")


@pytest.mark.parametrize(
    ("ask", "error", "words"),
    [
        (Ask("server", address="localhost:11434", model="big"), SettingError, "is no address"),
        (Ask("server", address="", model="big"), SettingError, "is no address"),
        (Ask("server", address="https://me:secret@example.com/v1", model="big"), SettingError, "a password"),
        (Ask("server", address="https://example.com/v1?key=secret", model="big"), SettingError, "a key"),
        (Ask("server", address="https://example.com/v1"), SettingError, "is not named"),
        (Ask("file"), SettingError, "No GGUF file is named"),
        (Ask("file", path=__file__), ModelError, "is no GGUF file"),
        (Ask("file", path="/nowhere.gguf"), ModelError, "is no GGUF file"),
    ],
)
def test_who_cannot_be_asked_is_refused(ask, error, words):
    with pytest.raises(error, match=words):
        require_ask(ask)


def test_without_answers_it_says_that_the_scores_come_first(run):
    (run.folder / "scores.json").unlink()
    with pytest.raises(RunError, match="Measure both"):
        make_plan(run, ASK)


def test_where_all_answers_are_the_same_there_is_nothing_to_judge(workspace):
    with pytest.raises(RunError, match="nothing to judge"):
        make_plan(make_scored_run(workspace, [(GOOD, GOOD)] * 3), ASK)


def test_fewer_questions_are_the_first_of_more_and_come_in_the_order_of_the_vote(run):
    few, all_of_them = (choose(run, count) for count in (4, 20))
    assert few == all_of_them[:4]
    assert len(all_of_them) == 9
    ballots = begin_or_extend(run).ballots
    assert [pair.row for pair in choose(run, 20)] == [ballot.pair.row for ballot in ballots]


# Beside the person's votes


def vote(run: Run, times: int, winner: str = "") -> None:
    """For this maker, else for what is good."""
    for _ in range(times):
        standing = read_standing(run)
        assert standing
        ballot = standing.next
        assert ballot
        liked = winner or ("base" if ballot.pair.base == GOOD else "tuned")
        assert cast(run, ballot.mark, "left" if ballot.left == liked else "right")


def test_agreement_with_the_votes_is_read_as_they_are_now(workspace, serve):
    run = make_scored_run(workspace, [(BAD, GOOD)] * 6 + [(GOOD, BAD)] * 6)
    assert judge(run, serve(judging_by(fair)))["kappa"]["both"] == 0
    begin_or_extend(run)
    vote(run, 12)
    found = read_judged(run)
    assert found
    assert [found["kappa"][name] for name in ("both", "same", "value", "tells")] == [12, 12, 1.0, True]


def test_votes_on_other_answers_do_not_count_for_agreement(run, serve):
    begin_or_extend(run)
    vote(run, 9)
    scores = json.loads((run.folder / "scores.json").read_text())
    for answer in scores["answers"]:
        answer["tuned"] += " Measured anew."
    write_json(run.folder / "scores.json", scores)
    assert judge(run, serve(judging_by(lambda a, b: judgement("same"))))["kappa"]["both"] == 0


def test_while_a_blind_vote_is_open_only_what_was_voted_on_is_shown(run, serve):
    found = judge(run, serve(judging_by(fair)))
    assert len(shown_answers(run, found)) == 9
    begin_or_extend(run)
    assert shown_answers(run, found) == []
    vote(run, 3)
    standing = read_standing(run)
    assert standing
    voted = {standing.round.ballots[place].pair.row for place in standing.votes}
    assert {each["row"] for each in shown_answers(run, found)} == voted
    vote(run, 6)
    assert len(shown_answers(run, found)) == 9


def test_what_was_judged_before_the_run_learned_on_is_worthless(run, serve):
    judge(run, serve(judging_by(fair)))
    write_json(run.folder / "state.json", {"state": "done", "step": 80})
    assert read_judged(open_run(Workspace(run.folder.parent.parent), run.id)) is None
