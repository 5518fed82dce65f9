"""A recipe is whole and within its bounds, or it is refused in words."""

from __future__ import annotations

import math

import pytest
from pydantic import ValidationError

from studio.errors import SettingError
from studio.train.recipe import (
    GROUPS,
    SETTINGS,
    Recipe,
    bounds,
    count_steps,
    count_warmup_steps,
    help_line,
    make_recipe,
    read_recipe,
    settings_of,
    unit,
    write_recipe,
)


def test_every_setting_explains_itself_and_stands_in_one_group():
    assert sorted(name for group in GROUPS for name in settings_of(group)) == sorted(SETTINGS)
    for name, info in SETTINGS.items():
        assert info.title
        assert help_line(name).startswith(info.description or "")
        assert help_line(name).endswith(".")
    assert unit("max_length") == "tokens"


def test_a_default_lies_within_its_bounds():
    recipe = make_recipe(data="shop")
    for name in SETTINGS:
        least, most = bounds(name)
        value = getattr(recipe, name)
        assert least is None or least <= value
        assert most is None or value <= most


@pytest.mark.parametrize("name", [name for name in SETTINGS if bounds(name) != (None, None)])
def test_a_value_beyond_its_bounds_is_refused_by_the_settings_title(name):
    least, most = bounds(name)
    for value in (least - 1 if least is not None else None, most + 1 if most is not None else None, "much", math.nan):
        with pytest.raises(SettingError, match=f"^{SETTINGS[name].title} cannot be"):
            make_recipe(data="shop", **{name: value})


def test_what_comes_from_a_form_or_the_command_line_is_taken_as_a_number():
    recipe = make_recipe(data="shop", epochs="2", lora_rank="8", learning_rate="2e-3")
    assert (recipe.epochs, recipe.lora_rank, recipe.learning_rate) == (2.0, 8, 2e-3)


def test_a_setting_that_is_none_is_refused_with_those_there_are():
    with pytest.raises(SettingError, match="no setting 'rank'") as refusal:
        make_recipe(data="shop", rank=8)
    assert "lora_rank" in refusal.value.do


def test_a_recipe_without_data_is_none():
    with pytest.raises(SettingError, match="does not say its data set") as refusal:
        make_recipe()
    assert "'data: ...'" in refusal.value.do


@pytest.mark.parametrize(("steps", "warmup"), [(1, 0), (2, 1), (3, 1), (100, 50)])
def test_warm_up_never_takes_all_steps(steps, warmup):
    assert count_warmup_steps(make_recipe(data="shop", warmup_share=0.5), steps) == warmup
    assert count_warmup_steps(make_recipe(data="shop", warmup_share=0.5, scheduler="constant"), steps) == 0


def test_a_recipe_does_not_change():
    with pytest.raises(ValidationError, match="frozen"):
        make_recipe(data="shop").epochs = 2.0  # type: ignore[misc]


def test_what_is_written_is_read(tmp_path):
    recipe = make_recipe(data="März: 1", base="/models/x y", name="“Ünï” #1", epochs=0.5, scheduler="cosine")
    write_recipe(tmp_path / "recipe.yaml", recipe)
    assert read_recipe(tmp_path / "recipe.yaml") == recipe


def test_a_recipe_by_hand_needs_only_what_differs(tmp_path):
    (tmp_path / "recipe.yaml").write_text("data: shop\nlearning_rate: 2e-3\n")
    assert read_recipe(tmp_path / "recipe.yaml") == Recipe(data="shop", learning_rate=2e-3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no settings"),
        ("- data\n", "holds no settings"),
        ("data: [unclosed", "is not YAML"),
        ("data: !!python/object/apply:os.system [ls]", "is not YAML"),
        ("data: shop\n1: x\n", "no setting '1'"),
        ("data: shop\nepochs: many\n", "Epochs cannot be 'many'"),
        (b"\xff\xfe\x00", "is not YAML"),
    ],
)
def test_a_recipe_that_is_none_says_what_is_wrong(tmp_path, text, said):
    (tmp_path / "recipe.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SettingError, match=said):
        read_recipe(tmp_path / "recipe.yaml")


def test_a_missing_recipe_is_said(tmp_path):
    for path in (tmp_path / "recipe.yaml", tmp_path):
        with pytest.raises(SettingError, match="There is no recipe"):
            read_recipe(path)


@pytest.mark.parametrize(
    ("examples", "settings", "steps"),
    [
        (320, {"epochs": 1}, 40),
        (321, {"epochs": 1}, 41),
        (320, {"epochs": 3, "gradient_accumulation": 4}, 30),
        (100, {"epochs": 2.5, "batch_size": 10}, 25),
        (320, {"epochs": 3, "max_steps": 10}, 10),
        (8, {"epochs": 1, "max_steps": 10}, 1),
        (1, {"epochs": 0.01}, 1),
    ],
)
def test_steps_are_counted_from_examples_batches_and_epochs(examples, settings, steps):
    assert count_steps(make_recipe(data="shop", **settings), examples) == steps
