"""What fits is the largest that does; remedies are the least costly ways that truly help."""

from __future__ import annotations

from typing import Any

import pytest

from studio.hardware import Card, Machine
from studio.train.catalog import find_base
from studio.train.fit import Remedy, remedies, what_fits
from studio.train.memory import estimate
from studio.train.recipe import Recipe, make_recipe
from studio.train.shape import ModelShape

GIB = 2**30
LLAMA_8B = "unsloth/Meta-Llama-3.1-8B-Instruct"
LENGTHS = [300] * 900 + [900] * 90 + [2000] * 5 + [6000] * 5


def with_card(free_gb: float, machine_gb: float = 0.5) -> Machine:
    """`machine_gb` is free beside the card; by default too little for a layer to wait there."""
    card, machine = int(free_gb * GIB), int(machine_gb * GIB)
    return Machine((Card("a card", 96 * GIB, card),), "a processor", 8, 64 * GIB, machine, True)


def shape_of(base: str) -> ModelShape:
    found = find_base(base)
    assert found is not None
    return found.shape


def recipe_for(base: str = LLAMA_8B, **settings: Any) -> Recipe:
    return make_recipe(data="x", base=base, **settings)


def fits(recipe: Recipe, machine: Machine, longest: int | None, **changes: Any) -> bool:
    changed = recipe.model_copy(update=changes)
    return estimate(changed, shape_of(changed.base), machine, longest).fits


@pytest.mark.parametrize("free_gb", [9.5, 12, 16, 24, 40])
@pytest.mark.parametrize("longest", [None, 500, 30_000])
def test_what_fits_is_the_largest_that_does(free_gb: float, longest: int | None) -> None:
    recipe, machine = recipe_for(batch_size=16, max_length=4096), with_card(free_gb)
    changes = what_fits(recipe, shape_of(LLAMA_8B), machine, longest)
    length, batch = changes["max_length"], changes["batch_size"]
    wanted = longest or 4096
    assert fits(recipe, machine, None, **changes)
    spared = {name: changes[name] for name in ("optimizer", "offload_layers") if name in changes}
    assert length == wanted or not fits(recipe, machine, None, **{**spared, "max_length": length + 1, "batch_size": 1})
    if batch < 16:
        assert not fits(recipe, machine, None, **{**spared, "max_length": length, "batch_size": 2 * batch})
    assert batch * changes["gradient_accumulation"] == 16, "it learns from as many examples in a step as before"


def test_where_not_even_one_short_example_fits_there_is_nothing_to_fill_in() -> None:
    assert what_fits(recipe_for("unsloth/Llama-3.3-70B-Instruct"), shape_of(LLAMA_8B), with_card(4)) == {}


def test_a_prime_batch_is_split_as_near_as_can_be() -> None:
    recipe = recipe_for(batch_size=13, max_length=4096)
    changes = what_fits(recipe, shape_of(LLAMA_8B), with_card(12))
    assert 1 < changes["batch_size"] < 13
    assert 13 <= changes["batch_size"] * changes["gradient_accumulation"] < 13 + changes["batch_size"]


def test_no_row_is_made_longer_than_the_model_reads() -> None:
    base = "unsloth/SmolLM2-360M-Instruct"
    assert what_fits(recipe_for(base), shape_of(base), with_card(90), 50_000)["max_length"] == 8192


def test_a_run_that_fits_needs_no_remedy() -> None:
    assert remedies(recipe_for(), shape_of(LLAMA_8B), with_card(24), LENGTHS) == []


def ask(free_gb: float, base: str = LLAMA_8B, **settings: Any) -> list[Remedy]:
    """Asserts for all of them what is promised: each makes it fit, and no more than three are offered."""
    recipe, machine = recipe_for(base, **settings), with_card(free_gb)
    assert not fits(recipe, machine, max(LENGTHS))
    found = remedies(recipe, shape_of(base), machine, LENGTHS)
    assert len(found) <= 3
    for remedy in found:
        assert fits(recipe, machine, max(LENGTHS), **remedy.changes), remedy
        assert not remedy.title[0].islower()
        assert remedy.why.endswith(".")
        make_recipe(**{**recipe.model_dump(), **remedy.changes})
    return found


def test_a_smaller_batch_costs_nothing_and_comes_first() -> None:
    first, *others = ask(24, method="lora", batch_size=8, max_length=8192)
    assert first.changes == {"batch_size": 4, "gradient_accumulation": 2}
    assert [list(remedy.changes) for remedy in others] == [["method"], ["max_length"]]


def test_of_two_lengths_that_help_the_one_that_cuts_less_is_offered() -> None:
    *_, shorter = ask(24, method="lora", batch_size=8, max_length=8192)
    assert shorter.changes == {"max_length": 900}
    assert shorter.why == "10 of 1,000 examples are longer; their ends are cut off."


def test_where_nothing_helps_alone_two_do_together_and_keep_the_largest_batch() -> None:
    first, *_ = ask(24, method="lora", batch_size=8, max_length=8192, gradient_checkpointing="off")
    assert first.changes == {"batch_size": 4, "gradient_accumulation": 2, "gradient_checkpointing": "unsloth"}
    assert first.title == "Batch of 4 (2 batches a step) and gradient checkpointing"


def test_a_way_that_holds_more_than_it_needs_is_not_offered() -> None:
    found = ask(24, method="lora", batch_size=8, max_length=8192)
    for one in found:
        for other in found:
            assert one is other or not one.changes.items() <= other.changes.items()


def test_an_adapter_is_offered_where_all_weights_do_not_fit() -> None:
    found = ask(16, "unsloth/Qwen3-4B", method="full", batch_size=1)
    assert found[0].changes == {"method": "lora"}


def test_the_optimizer_at_8_bits_is_offered_where_it_is_what_lacks() -> None:
    recipe = {"method": "full", "optimizer": "adamw_torch", "batch_size": 1, "max_length": 256}
    needed = estimate(recipe_for("unsloth/Qwen3-4B", **recipe), shape_of("unsloth/Qwen3-4B"), with_card(90), 256)
    found = ask(needed.total / GIB - 2, "unsloth/Qwen3-4B", **recipe)
    assert found[0].changes == {"optimizer": "adamw_8bit"}


def test_galore_is_offered_where_all_weights_are_to_learn_and_averages_of_8_bits_are_too_large() -> None:
    recipe = {"method": "full", "optimizer": "adamw_8bit", "batch_size": 1, "max_length": 256}
    needed = estimate(recipe_for("unsloth/Qwen3-4B", **recipe), shape_of("unsloth/Qwen3-4B"), with_card(90), 256)
    found = ask(needed.total / GIB - 2, "unsloth/Qwen3-4B", **recipe)
    assert found[0].changes == {"optimizer": "galore_adamw"}
    assert not any("optimizer" in each.changes for each in ask(16, "unsloth/Qwen3-4B", **recipe)), "not enough"


def test_the_last_way_out_is_a_smaller_model_of_the_same_family() -> None:
    (only,) = ask(24, "unsloth/Llama-3.3-70B-Instruct", max_length=2048)
    assert only.changes == {"base": LLAMA_8B}
    assert only.title == "Llama 3.1 8B instead"


def test_where_nothing_helps_nothing_is_promised() -> None:
    assert ask(2, "unsloth/Llama-4-Scout-17B-16E-Instruct") == []


def test_on_a_processor_the_remedies_are_those_of_a_processor() -> None:
    machine = Machine((), "a processor", 2, 8 * GIB, 6 * GIB, True)
    recipe = make_recipe(data="x", batch_size=8, max_length=1024, lora_rank=8)
    shape = shape_of("starter")
    lengths = [200] * 90 + [1000] * 10
    found = remedies(recipe, shape, machine, lengths)
    assert found
    for remedy in found:
        assert estimate(recipe.model_copy(update=remedy.changes), shape, machine, 1000).fits
        assert remedy.changes.get("gradient_checkpointing") != "unsloth"


# Larger than the card

QWEN_32B = "unsloth/Qwen3-32B"


def test_layers_wait_off_the_card_where_the_model_is_larger_than_it_and_no_more_than_must() -> None:
    recipe, machine = recipe_for(QWEN_32B, batch_size=1, max_length=1024), with_card(12, machine_gb=24)
    assert not fits(recipe, machine, None)
    changes = what_fits(recipe, shape_of(QWEN_32B), machine)
    assert changes["max_length"] == 1024
    assert 0 < changes["offload_layers"] < shape_of(QWEN_32B).layers
    assert fits(recipe, machine, None, **changes)
    assert not fits(recipe, machine, None, **{**changes, "offload_layers": changes["offload_layers"] - 1})
    remedy = next(each for each in remedies(recipe, shape_of(QWEN_32B), machine) if "offload_layers" in each.changes)
    assert remedy.title.startswith(f"{changes['offload_layers']} of 64 layers off the card")


def test_layers_need_room_where_they_wait() -> None:
    recipe, machine = recipe_for(QWEN_32B, batch_size=1, max_length=1024), with_card(12, machine_gb=4)
    assert what_fits(recipe, shape_of(QWEN_32B), machine) == {}
    found = estimate(recipe.model_copy(update={"offload_layers": 60}), shape_of(QWEN_32B), machine)
    assert found.total <= found.available
    assert not found.fits, "the machine's memory is what lacks"


def test_examples_are_not_cut_while_time_alone_could_pay() -> None:
    wide = {"lora_rank": 256, "lora_alpha": 512, "optimizer": "adamw_torch", "gradient_checkpointing": "off"}
    recipe, sparing = (
        recipe_for(batch_size=1, max_length=8192, **settings)
        for settings in (wide, {**wide, "optimizer": "adamw_8bit", "gradient_checkpointing": "unsloth"})
    )
    needed = estimate(sparing, shape_of(LLAMA_8B), with_card(90))
    changes = what_fits(recipe, shape_of(LLAMA_8B), with_card(needed.total / GIB + 0.1))
    assert changes["max_length"] == 8192
    assert (changes["gradient_checkpointing"], changes["optimizer"]) == ("unsloth", "adamw_8bit")
    roomy = what_fits(recipe, shape_of(LLAMA_8B), with_card(90))
    assert not roomy.keys() & {"gradient_checkpointing", "optimizer", "offload_layers"}


def test_where_all_weights_learn_no_layer_can_wait_elsewhere() -> None:
    recipe, machine = recipe_for("unsloth/Qwen3-4B", method="full", max_length=256), with_card(12, machine_gb=48)
    with_layers, without = (
        estimate(recipe.model_copy(update={"offload_layers": count}), shape_of("unsloth/Qwen3-4B"), machine)
        for count in (30, 0)
    )
    assert with_layers == without
