"""A report says beside the judge's part what the judge cost: in tokens, and in money by the person's own prices."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from studio.judge.asking import Ask, list_asked
from studio.judge.cost import Used
from studio.judge.result import build_result
from studio.runs import Run
from studio.store import write_json
from tests.studio.judges import judgement
from tests.studio.reports import document_of, make_run, score, section_of, words_of

ASK = Ask("server", 10, "http://127.0.0.1:9/v1", "big")
COST = "What the judge cost: "
UNPRICED = "No prices were given"


@pytest.fixture
def run(workspace) -> Run:
    run = make_run(workspace)
    score(run, lambda row, wanted: "Hello!", lambda row, wanted: wanted)
    return run


def told(run: Run, ask: Ask, used: Used) -> str:
    """What the report says of the vote and the judge, who was asked and used so much."""
    asked = list_asked(run, ask)
    reply = {"judgement": json.loads(judgement("same")), "why": ""}
    write_json(run.folder / "judge.json", build_result(run, ask, asked, {each.key: reply for each in asked}, used))
    return words_of(section_of(document_of(run), "vote"))


def test_tokens_are_told_and_that_without_prices_there_is_no_sum(run: Run):
    words = told(run, ASK, Used(29_240, 5_720, 40, 0))
    assert f"{COST}it used 29,240 tokens in and 5,720 out, as it counts them. {UNPRICED}" in words
    assert "money of these prices" not in words


def test_by_the_persons_own_prices_they_are_money(run: Run):
    words = told(run, replace(ASK, price_in=2.5, price_out=10.0), Used(29_240, 5_720, 40, 0))
    assert "At 2.50 for a million in and 10 for a million out that is 0.13, in the money of these prices." in words
    assert UNPRICED not in words


def test_a_server_that_counts_nothing_is_said_to_say_nothing(run: Run):
    words = told(run, ASK, Used(0, 0, 40, 40))
    assert f"{COST}how many tokens it used it does not say." in words
    assert UNPRICED not in words


def test_of_a_file_on_this_computer_no_price_is_missed(run: Run, tmp_path):
    file = tmp_path / "judge.gguf"
    file.write_bytes(b"GGUF")
    words = told(run, Ask("file", 10, path=str(file)), Used(29_240, 5_720, 40, 0))
    assert f"{COST}it used 29,240 tokens in" in words
    assert UNPRICED not in words


def test_where_nobody_judged_nothing_is_said_of_a_cost(run: Run):
    assert COST not in words_of(section_of(document_of(run), "vote"))
