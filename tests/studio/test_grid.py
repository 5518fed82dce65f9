"""One recipe with several values of one or two settings."""

from __future__ import annotations

import pytest

from studio.errors import SettingError
from studio.train.grid import make_grid, read_values
from studio.train.recipe import make_recipe

RECIPE = make_recipe(data="mails", name="try", epochs=2)


def test_a_grid_is_a_recipe_for_each_combination():
    grid = make_grid(RECIPE, {"lora_rank": [8, 16], "learning_rate": ["1e-4", "2e-4"]})
    assert [(recipe.lora_rank, recipe.learning_rate) for recipe in grid] == [
        (8, 1e-4), (8, 2e-4), (16, 1e-4), (16, 2e-4),
    ]  # fmt: skip
    assert {recipe.epochs for recipe in grid} == {2}
    assert grid[1].name == "try Rank 8, Learning rate 2e-4"


@pytest.mark.parametrize("values", [{}, {"lora_rank": range(1, 10)}, {"seed": [1], "epochs": [1], "lora_rank": [8]}])
def test_what_is_no_small_grid_is_refused(values):
    with pytest.raises(SettingError, match="not a small grid"):
        make_grid(RECIPE, values)


@pytest.mark.parametrize("values", [{"lora_rank": [8, 0]}, {"seed": ["many"]}, {"colour": ["red"]}])
def test_a_value_that_a_setting_cannot_have_is_refused(values):
    with pytest.raises(SettingError):
        make_grid(RECIPE, values)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1e-4, 2e-4,", ["1e-4", "2e-4"]),
        (" 8 ", ["8"]),
        ("q_proj,v_proj; all-linear", ["q_proj,v_proj", "all-linear"]),
        (" , ", []),
    ],
)
def test_values_are_written_in_one_line(text, values):
    assert read_values(text) == values


def test_the_same_twice_counts_once():
    grid = make_grid(RECIPE, {"learning_rate": ["1e-4", "0.0001", "2e-4"]})
    assert [recipe.learning_rate for recipe in grid] == [1e-4, 2e-4]
