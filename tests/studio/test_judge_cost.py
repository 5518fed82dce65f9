"""What a judge costs: estimated before, counted by its server after, in money by the person's own prices alone."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from studio.errors import DataError, SettingError
from studio.judge import job, judging
from studio.judge.asking import Ask, list_asked, require_ask
from studio.judge.cost import TOKENS_OF_A_REPLY, Used, cost, read_used, say_money, say_prices, say_used
from studio.judge.form import SCHEMA
from studio.judge.plan import make_plan
from studio.judge.result import read_judged
from studio.judge.said import say_spent
from studio.runs import Run
from studio.served import ServedModel
from studio.store import read_json, write_json
from studio.workspace import Workspace
from tests.studio.judges import BAD, GOOD, answers_in, fair, make_scored_run
from tests.studio.serving import Answer, Serve, in_turn, reply, said, serving

ASK = Ask("server", 20, "http://127.0.0.1:9/v1", "big")
PRICED = replace(ASK, price_in=2.5, price_out=10.0)
PRICES = {"in": 2.5, "out": 10.0}


@pytest.fixture
def serve() -> Iterator[Serve]:
    with serving() as serve:
        yield serve


@pytest.fixture
def run(workspace: Workspace) -> Run:
    return make_scored_run(workspace, [(BAD, GOOD)] * 10)


def judge(run: Run, address: str, ask: Ask = ASK) -> dict[str, Any]:
    """One request at a time."""
    judging.judge(run, ask, ServedModel(address, "big", schema=SCHEMA, wait=lambda s: None), lambda p: None, 1)
    found = read_judged(run)
    assert found
    return found


def using(tokens_in: int, tokens_out: int) -> Answer:
    """A fair judge whose server counts so many tokens for each reply."""
    return lambda handler, body: reply(handler, 200, said(fair(*answers_in(body)), tokens_in, tokens_out))


# Before


def test_both_orders_are_counted_and_without_a_reply_the_guess_goes_by_bytes(run):
    plan = make_plan(run, ASK)
    sent = sum(len(part["content"].encode()) for each in list_asked(run, ASK) for part in each.messages)
    assert plan.estimate.requests == 20
    assert plan.estimate.tokens_in == sent // 3
    assert plan.estimate.tokens_out == 20 * TOKENS_OF_A_REPLY
    assert "That makes 20 requests: about" in plan.words
    assert "a model that thinks before it replies writes more, up to 2,048 a reply" in plan.words
    assert "money" not in plan.words


def test_the_guess_learns_from_the_replies_of_this_judge_and_of_no_other(run, serve):
    judge(run, serve(using(700, 90)), replace(ASK, count=4))
    plan = make_plan(run, ASK)
    assert plan.estimate.learned_from == 8
    assert plan.estimate.tokens_in == pytest.approx(12 * 700, rel=0.02), "all questions here are about as long"
    assert plan.estimate.tokens_out == 12 * 90
    assert "about 8,400 tokens in and 1,100 out, going by the 8 replies that it gave so far." in plan.words
    assert make_plan(run, replace(ASK, model="another")).estimate.learned_from == 0
    assert make_plan(run, replace(ASK, count=4)).estimate.requests == 0


def test_prices_of_the_person_make_money_of_it_and_do_not_change_what_is_agreed_to(run):
    plain, plan = make_plan(run, ASK), make_plan(run, PRICED)
    amount = (plan.estimate.tokens_in * 2.5 + plan.estimate.tokens_out * 10) / 1e6
    told = f"At 2.50 for a million in and 10 for a million out that is about {say_money(amount, is_rough=True)}, in"
    assert told in plan.words
    assert plan.mark == plain.mark
    assert require_ask(PRICED) == PRICED


@pytest.mark.parametrize(
    ("price_in", "price_out", "words"),
    [
        (2.5, None, "Only the price of a million tokens in is given"),
        (None, 0.0, "Only the price of a million tokens out is given"),
        (-1.0, 1.0, "A price is a number from 0 up"),
        (math.nan, 1.0, "A price is a number from 0 up"),
        (1.0, math.inf, "A price is a number from 0 up"),
    ],
)
def test_prices_that_give_no_sum_are_refused(price_in, price_out, words):
    with pytest.raises(SettingError, match=words):
        require_ask(replace(ASK, price_in=price_in, price_out=price_out))


def test_what_is_free_one_way_is_a_price_too(run):
    free = replace(ASK, price_in=0.0, price_out=5.0)
    assert "At 0 for a million in and 5 for a million out" in make_plan(run, require_ask(free)).words


def test_prices_are_kept_with_who_was_asked_and_a_choice_of_version_0_1_is_read(run):
    job.begin(run, PRICED, make_plan(run, PRICED).mark)
    assert job.read_ask(run) == PRICED
    older = {"kind": "server", "count": 20, "address": ASK.address, "model": "big", "path": ""}
    write_json(run.folder / "judge" / "ask.json", older)
    assert job.read_ask(run) == ASK


# After


def test_what_was_used_is_what_the_server_counted_also_for_replies_that_were_asked_for_again(run, serve):
    poor = [lambda handler, body: reply(handler, 200, said("Well.", 600, 7))] * 2
    found = judge(run, serve(in_turn(*poor, using(700, 90))), PRICED)
    assert found["unreadable"] == 1
    assert found["tokens"] == {"in": 1200 + 19 * 700, "out": 14 + 19 * 90, "replies": 20, "untold": 0}
    found = judge(run, serve(using(700, 90)), PRICED)
    assert found["unreadable"] == 0
    assert found["tokens"] == {"in": 1200 + 20 * 700, "out": 14 + 20 * 90, "replies": 21, "untold": 0}
    assert cost(15_200, 1_814, PRICES) == pytest.approx(0.05614)
    assert say_spent(found) == (
        "It used 15,200 tokens in and 1,814 out, as it counts them. At 2.50 for a million in and 10 for a million out "
        "that is 0.056, in the money of these prices."
    )


def test_a_reply_before_a_refusal_was_paid_for_and_the_refusal_was_not(run, serve):
    refuse = [lambda handler, body: reply(handler, 422, {"error": {"message": "never"}})] * 2
    poor = [lambda handler, body: reply(handler, 200, said("Well.", 600, 7))]
    found = judge(run, serve(in_turn(*poor, *refuse, using(700, 90))))
    assert found["tokens"] == {"in": 600 + 18 * 700, "out": 7 + 18 * 90, "replies": 19, "untold": 0}


def test_of_what_broke_off_the_part_that_was_used_is_known(run, serve):
    broken = in_turn(*[using(700, 90)] * 5, lambda handler, body: reply(handler, 401, {"error": "no more"}))
    before = read_used(run, ASK)
    with pytest.raises(DataError):
        judge(run, serve(broken))
    assert read_used(run, ASK).since(before) == Used(5 * 700, 5 * 90, 5, 0)
    now = read_used(run, ASK)
    judge(run, serve(using(700, 90)))
    assert read_used(run, ASK).since(now) == Used(15 * 700, 15 * 90, 15, 0)


def test_a_server_that_does_not_count_is_not_counted_for(run, serve):
    found = judge(run, serve(using(0, 0)), PRICED)
    assert say_spent(found) == "How many tokens it used it does not say."
    assert make_plan(run, replace(ASK, count=20)).estimate.learned_from == 0
    some = say_used(Used(700, 90, 3, 2), PRICES)
    assert "of 2 of 3 replies it does not say" in some
    assert "that is at least 0.0027" in some


def test_what_was_judged_by_version_0_1_is_told_without_money(run, serve):
    judge(run, serve(using(700, 90)))
    known = read_json(run.folder / "judge.json")
    known.pop("prices")
    write_json(run.folder / "judge.json", {**known, "tokens": {"in": 14_000, "out": 1_800}})
    found = read_judged(run)
    assert found
    assert say_spent(found) == "It used 14,000 tokens in and 1,800 out, as it counts them."


@pytest.mark.parametrize(
    ("amount", "exact", "rough"),
    [
        (0.0, "0", "0"),
        (0.00002, "less than 0.0001", "less than 0.0001"),
        (0.000123, "0.00012", "0.00012"),
        (0.0468, "0.047", "0.047"),
        (0.4251, "0.43", "0.43"),
        (3.1415, "3.14", "3.1"),
        (12.46, "12.46", "12"),
        (1234.5, "1,234.50", "1,200"),
    ],
)
def test_money_has_the_digits_that_it_deserves(amount, exact, rough):
    assert (say_money(amount), say_money(amount, is_rough=True)) == (exact, rough)


@pytest.mark.parametrize(("price", "words"), [(2.5, "2.50"), (0.075, "0.075"), (15.0, "15"), (1200.25, "1,200.25")])
def test_a_price_is_told_as_it_was_given(price, words):
    assert say_prices({"in": price, "out": 1.0}) == f"At {words} for a million in and 1 for a million out"
