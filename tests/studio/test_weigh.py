"""Answers become measures that suit the data, and one word."""

from __future__ import annotations

import json
import random

from studio.compare.weigh import weigh

WANTED = [json.dumps({"order": str(number), "wish": ("refund", "exchange")[number % 2]}) for number in range(40)]


def rows(base: list[str], tuned: list[str], gain: float = 0.0) -> list[dict[str, object]]:
    return [
        {"wanted": wanted, "base": one, "tuned": other, "base_loss": 2.0, "tuned_loss": 2.0 - gain}
        for wanted, one, other in zip(WANTED, base, tuned, strict=True)
    ]


def test_a_run_that_learned_the_form_is_better_and_the_verdict_says_by_how_much():
    found = weigh(WANTED, rows(["Hello!"] * 40, WANTED, gain=1.5))
    assert found["verdict"]["word"] == "better"
    assert "0\u00a0% before, 100\u00a0% after" in found["verdict"]["reason"]
    assert found["main"] == "fields_right"
    difference = found["measures"]["fields_right"]["difference"]
    assert 0.8 < difference["low"] < difference["high"] <= 1
    assert found["measures"]["loss"]["word"] == "better"


def test_a_run_of_no_steps_cannot_be_told_from_its_base_by_any_measure():
    found = weigh(WANTED, rows(WANTED[:20] + ["Hello!"] * 20, WANTED[:20] + ["Hello!"] * 20))
    assert {each["word"] for each in found["measures"].values()} == {"can't tell"}
    assert found["verdict"]["word"] == "can't tell"


def test_a_run_that_learned_shuffled_answers_is_not_called_better_by_what_decides():
    shuffled = random.Random(6).sample(WANTED, len(WANTED))
    found = weigh(WANTED, rows(WANTED, shuffled, gain=-1.0))
    assert found["verdict"]["word"] == "worse"


def test_losses_that_are_not_known_leave_their_measures_out():
    found = weigh(WANTED, [{**row, "base_loss": None} for row in rows(["Hello!"] * 40, WANTED)])
    assert "loss" not in found["measures"]
    assert "perplexity" not in found["measures"]
    assert json.loads(json.dumps(found)) == found
