"""Tokens that are drawn by a seed for each row, and how likely each of them was."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from studio.compare.sampling import Sampling
from studio.workers.dice import Dice, Sureness, processors_of
from tests.process.small import build_tiny_llama

PROMPT = torch.tensor([[5, 6, 7]])
STEPS = 12


@pytest.fixture(scope="module")
def model(starter: Path, tmp_path_factory: pytest.TempPathFactory):
    folder = build_tiny_llama(starter, tmp_path_factory.mktemp("dice") / "tiny")
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def draw(model, rows: int, own=None, **sampling):
    sureness = Sureness()
    output = model.generate(
        input_ids=PROMPT.repeat(rows, 1),
        attention_mask=torch.ones(rows, 3, dtype=torch.long),
        max_new_tokens=STEPS,
        do_sample=False,
        eos_token_id=None,
        pad_token_id=0,
        logits_processor=processors_of(Sampling(**sampling), own or [None] * rows, sureness),
    )
    return output[:, 3:], sureness.of(output)


def test_with_the_same_dice_who_is_alike_answers_alike(model):
    drawn, _ = draw(model, 3, temperature=1.0, seed=4)
    assert drawn[0].tolist() == drawn[1].tolist() == drawn[2].tolist()
    alone, _ = draw(model, 1, temperature=1.0, seed=4)
    assert alone[0].tolist() == drawn[0].tolist(), "whoever else is asked"


def test_without_them_each_has_luck_of_its_own_and_the_seed_brings_it_back(model):
    drawn, _ = draw(model, 2, temperature=1.0, seed=4, same_dice=False)
    assert drawn[0].tolist() != drawn[1].tolist()
    again, _ = draw(model, 2, temperature=1.0, seed=4, same_dice=False)
    assert drawn.tolist() == again.tolist()
    other, _ = draw(model, 1, temperature=1.0, seed=5)
    assert other[0].tolist() != drawn[0].tolist()


def test_a_question_with_dice_of_its_own_draws_the_same_whatever_stands_beside_it(model):
    drawn, _ = draw(model, 3, own=[9, 4, 9], temperature=1.0, seed=4)
    assert drawn[0].tolist() == drawn[2].tolist() != drawn[1].tolist()
    beside, _ = draw(model, 2, own=[9, 7], temperature=1.0)
    assert beside[0].tolist() == drawn[0].tolist()


def test_a_temperature_of_nothing_and_the_narrowest_top_p_are_greedy(model):
    greedy, _ = draw(model, 1)
    narrow, _ = draw(model, 1, temperature=1.0, top_p=0.0, seed=3)
    assert greedy.tolist() == narrow.tolist()


def test_tokens_are_drawn_as_often_as_they_are_likely():
    likely = torch.tensor([0.5, 0.3, 0.15, 0.05])
    dice = Dice(range(4000))
    drawn = dice(PROMPT, likely.log().repeat(4000, 1)).argmax(-1)
    shares = drawn.bincount(minlength=4) / 4000
    assert shares.tolist() == pytest.approx(likely.tolist(), abs=0.03)


def test_how_sure_it_was_is_the_probability_of_each_token_before_the_dice(model):
    drawn, sure = draw(model, 2, temperature=1.3, seed=2, same_dice=False)
    with torch.no_grad():
        logits = model(torch.cat([PROMPT.repeat(2, 1), drawn], dim=1)).logits[:, 2:-1]
    expected = logits.softmax(-1).gather(2, drawn[:, :, None])[:, :, 0]
    assert torch.tensor(sure) == pytest.approx(expected, abs=1e-4)
