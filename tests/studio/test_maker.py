"""A model behind an address that answers, stalls, refuses, breaks off or talks nonsense."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
import xllamacpp

from studio.data import making
from studio.data.datasets import open_current, save_dataset
from studio.data.formats import convert_rows
from studio.data.looking import draw_sample, judge, write_sample
from studio.data.maker import Maker, parse_pairs
from studio.data.making import Ask, Gate, begin, build_prompt, make, read_made
from studio.data.read import Row
from studio.errors import DataError
from studio.runs import create_run
from studio.served import TRIES
from studio.store import read_rows
from studio.train.recipe import make_recipe
from studio.workers.starter import packaged_gguf
from tests.studio.serving import Serve, in_turn, reply, said, serving


@pytest.fixture
def serve() -> Iterator[Serve]:
    with serving() as serve:
        yield serve


def test_a_reply_is_read_with_what_it_took(serve):
    asked: list[dict[str, Any]] = []

    def answer(handler: Any, body: dict[str, Any]) -> None:
        asked.append({**body, "path": handler.path, "key": handler.headers["authorization"]})
        reply(handler, 200, said("Hello"))

    got = Maker(serve(answer), "tiny", "sk-secret").ask([{"role": "user", "content": "Hi"}])
    assert (got.text, got.tokens_in, got.tokens_out) == ("Hello", 100, 50)
    assert (asked[0]["path"], asked[0]["model"], asked[0]["key"]) == (
        "/v1/chat/completions",
        "tiny",
        "Bearer sk-secret",
    )


def test_who_limits_the_rate_is_asked_again_when_it_says(serve):
    waits: list[float] = []

    def limit(handler: Any, body: dict[str, Any]) -> None:
        reply(handler, 429, {"error": {"message": "slow down"}}, retry_after="7")

    address = serve(in_turn(limit, limit, lambda handler, body: reply(handler, 200, said("at last"))))
    assert Maker(address, "tiny", wait=waits.append).ask([]).text == "at last"
    assert waits == [7.0, 7.0]


def test_who_does_not_know_schemas_is_asked_in_words(serve):
    def answer(handler: Any, body: dict[str, Any]) -> None:
        if "response_format" in body:
            reply(handler, 400, {"error": {"message": "unknown field"}})
        else:
            reply(handler, 200, said("plain"))

    assert Maker(serve(answer), "tiny", wait=lambda s: None).ask([]).text == "plain"


def stall(handler: BaseHTTPRequestHandler, body: Any) -> None:
    threading.Event().wait(2)


def break_off(handler: BaseHTTPRequestHandler, body: Any) -> None:
    handler.send_response(200)
    handler.send_header("content-length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"choices": [')


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (stall, "no answer within 0 s"),
        (break_off, "the connection broke off"),
        (lambda handler, body: reply(handler, 200, b"<html>It works!</html>"), "a reply that is none"),
        (lambda handler, body: reply(handler, 200, {"choices": []}), "a reply that is none"),
        (lambda handler, body: reply(handler, 503, b"busy"), "503, busy"),
    ],
    ids=["stalls", "breaks off", "a page", "no choice", "busy"],
)
def test_who_fails_again_and_again_is_given_up_with_what_it_said_last(serve, answer, words):
    waits: list[float] = []
    with pytest.raises(DataError, match="did not answer after 5 tries") as failure:
        Maker(serve(answer), "tiny", timeout_s=0.2, wait=waits.append).ask([])
    assert words in failure.value.what
    assert waits == [1.0, 2.0, 4.0, 8.0]
    assert len(waits) == TRIES - 1


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "does not accept the key"), (404, "knows no model 'tiny'"), (422, "refuses: 422, no such thing")],
)
def test_what_waiting_does_not_help_is_said_at_once(serve, status, words):
    address = serve(lambda handler, body: reply(handler, status, {"error": {"message": "no such thing"}}))
    with pytest.raises(DataError, match=words):
        Maker(address, "tiny", wait=lambda s: pytest.fail("it waited")).ask([])


def test_where_nobody_listens_or_nothing_is_that_is_said():
    with pytest.raises(DataError, match="Nobody answers at"):
        Maker("http://127.0.0.1:9/v1", "tiny").ask([])
    with pytest.raises(DataError, match=r"Nobody answers|is no address|broke off|did not answer"):
        Maker("no address", "tiny", wait=lambda s: None).ask([])


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ('{"examples": [{"question": "a", "answer": "b"}, {"question": "c", "answer": {"d": 1}}]}', 2),
        ('Sure! Here you go:\n```json\n[{"question": "a", "answer": "b"}]\n```', 1),
        ('{"question": "a", "answer": "b"}\n{"question": "c", "answer": "d"}', 2),
        ('{"examples": [{"question": "a", "answer": "b"}, {"question": "c", "ans', 1),
        ("I cannot do that.", 0),
        ("{" * 2000, 0),
        ('{"question": "only"}', 0),
    ],
)
def test_pairs_are_found_in_whatever_a_model_writes(text, count):
    assert len(parse_pairs(text)) == count


# What is let through

GREETINGS = [{"question": f"{hi}!", "answer": f"{hi}, what may it be?"} for hi in ("Hello", "Hi", "Hey")]

SEEDS = [
    {"question": f"Ticket {n} from Mia about a cup?", "answer": json.dumps({"id": n, "who": "Mia"})} for n in range(12)
]


@pytest.mark.parametrize(
    ("question", "answer", "reason"),
    [
        ("A new one about a plate?", '{"id": 99, "who": "Leo"}', ""),
        ("ticket 3 from mia about a cup", '{"id": 99, "who": "Leo"}', "the question is there already"),
        ("A new one about a plate?", "It is 99.", "another form"),
        ("A new one about a plate?", '{"number": 99}', "another form"),
        ("", '{"id": 99, "who": "Leo"}', "no question"),
        ("Write to leo@example.org about it?", '{"id": 99, "who": "Leo"}', "personal data"),
    ],
)
def test_an_example_is_held_against_the_form_of_the_seeds_and_the_checks(question, answer, reason):
    objection = Gate(SEEDS).objection(question, answer)
    assert reason in objection
    assert bool(reason) == bool(objection)


def test_an_answer_outside_a_closed_set_of_labels_is_not_kept():
    gate = Gate([{"question": f"Mail number {n}?", "answer": ("good", "bad")[n % 2]} for n in range(12)])
    assert gate.objection("Another mail?", "Good.") == ""
    assert "none of the labels" in gate.objection("Another mail?", "neither")


def pairs(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
    draw = random.Random(json.dumps(body))
    made = [{"question": f"Where is parcel {draw.random()}?", "answer": f"At stop {draw.random()}."} for _ in range(5)]
    reply(handler, 200, said(json.dumps({"examples": made}), 1000, 500))


def ask_for(address: str, **more: Any) -> Ask:
    return Ask(address, "tiny", "Parcels", **{"wanted": 12, "price_in": 1.0, "price_out": 4.0, **more})


def test_examples_are_made_in_batches_until_there_are_enough_and_cost_is_told(workspace, serve):
    address = serve(pairs)
    job = begin(workspace, "shop", ask_for(address, wanted=12))
    told: list[str] = []
    result = make(job, Maker(address, "tiny"), lambda progress: told.append(progress.message))
    assert (result["kept"], result["refused"]) == (12, 0)
    assert result["cost"] == pytest.approx(3 * (1000 * 1 + 500 * 4) / 1e6)
    assert told[0] == "Made 0 of 12, 0 refused, 0.00 spent"
    assert len(told) == 3


def test_what_was_stopped_goes_on_where_it_was(workspace, serve):
    address = serve(in_turn(pairs, lambda handler, body: reply(handler, 403, {"error": "no more"})))
    job = begin(workspace, "shop", ask_for(address))
    with pytest.raises(DataError, match="does not accept the key"):
        make(job, Maker(address, "tiny"), lambda progress: None)
    before = [row["question"] for row in read_rows(job / "made.jsonl")]
    assert len(before) == 5
    make(job, Maker(serve(pairs), "tiny"), lambda progress: None)
    after = [row["question"] for row in read_rows(job / "made.jsonl")]
    assert after[:5] == before
    assert len(after) == 12


def test_who_gives_nothing_usable_is_not_asked_for_ever(workspace, serve):
    address = serve(lambda handler, body: reply(handler, 200, said("I'd rather not.")))
    with pytest.raises(DataError, match="nothing usable 8 times in a row"):
        make(begin(workspace, "shop", ask_for(address)), Maker(address, "tiny"), lambda progress: None)


def test_the_key_stands_in_no_file_of_the_workspace(workspace, serve, monkeypatch):
    monkeypatch.setenv("TUNESMITH_API_KEY", "sk-very-secret-7")
    job = begin(workspace, "shop", ask_for(serve(pairs), wanted=5))
    for _ in making.run(workspace, job):
        pass
    assert read_made(job).kept == 5
    for file in workspace.root.rglob("*"):
        assert not file.is_file() or b"sk-very-secret-7" not in file.read_bytes(), file


def test_what_a_machine_made_is_marked_and_counts_once_a_tenth_was_looked_through(workspace, serve):
    rows = [Row(n, {"question": f"Question {n}?", "answer": f"Answer {n}"}) for n in range(10)]
    shop = save_dataset(workspace, "shop", "shop.jsonl", convert_rows(rows))
    address = serve(pairs)
    job = begin(workspace, "shop", ask_for(address, wanted=30))
    make(job, Maker(address, "tiny"), lambda progress: None)
    made = making.keep(workspace, job)
    assert made.name == "shop-made"
    assert {conversation.tags["made_by"] for conversation, _ in made.placed()} == {"tiny"}
    recipe = make_recipe(data=made.ref)
    for use in (lambda: create_run(workspace, recipe), lambda: making.join(workspace, made, shop)):
        with pytest.raises(DataError, match="0 of its examples were looked through"):
            use()
    sample = write_sample(made, draw_sample(made, []))
    for row in sample.rows[:3]:
        sample = judge(made, sample, row, "kept")
    create_run(workspace, recipe)
    joined = making.join(workspace, made, shop)
    assert joined == open_current(workspace, "shop")
    assert joined.counts["test"] == shop.counts["test"], "what is measured stays what people wrote"
    assert joined.description["examples"] == 40


@pytest.mark.parametrize("missing", ["description", "address", "model"])
def test_a_job_without_anything_to_go_by_is_refused(workspace, missing):
    ask = {"address": "http://127.0.0.1:9", "model": "tiny", "description": "Parcels"} | {missing: " "}
    with pytest.raises(DataError, match=r"nothing to make|Nobody was named"):
        begin(workspace, "shop", Ask(**ask))


def test_a_prompt_says_what_is_wanted_and_shows_seeds_and_text():
    ask = Ask("a", "m", "Tickets", seeds=SEEDS, passages=["Cups are blue."])
    system, user = build_prompt(ask, random.Random(1))
    assert "Cups are blue." in user["content"]
    assert user["content"].count('"answer"') == 4
    assert '{"examples"' in system["content"]


def test_a_real_model_behind_a_real_server_makes_examples(tmp_path):
    """The starter, by llama.cpp's own server. It is small, so much is refused; the form it keeps to by the schema."""
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(packaged_gguf())
    parameters.n_ctx, parameters.n_parallel, parameters.port, parameters.warmup = 2048, 1, 0, False
    server = xllamacpp.Server(parameters)
    address = f"{server.listening_address}/v1"
    prompt = build_prompt(Ask(address, "starter", "Greetings in a shop", seeds=GREETINGS), random.Random(1))
    replies = [Maker(address, "starter").ask(prompt, most_tokens=300, seed=seed) for seed in range(4)]
    assert all(reply.tokens_in > 20 and reply.tokens_out > 5 for reply in replies)
    assert all(reply.text.lstrip().startswith("{") for reply in replies)
    assert any(parse_pairs(reply.text) for reply in replies)
