"""Four ways to train, each of which can be started as it is."""

from __future__ import annotations

import pytest

from studio.errors import SettingError
from studio.train.models import STARTER
from studio.train.presets import PRESETS, SMALL_MODEL_FACTOR, SMALL_PARAMETERS, preset_settings, rate_factor
from studio.train.recipe import SETTINGS, make_recipe


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("base", [STARTER, "owner/model"])
def test_a_preset_is_a_recipe(preset, base):
    settings = preset_settings(preset, base)
    recipe = make_recipe(data="shop", base=base, preset=preset, **settings)
    assert settings.keys() <= SETTINGS.keys()
    assert {name: getattr(recipe, name) for name in settings} == settings
    assert PRESETS[preset].id == preset
    assert PRESETS[preset].why.endswith(".")


def test_more_thorough_is_longer():
    epochs = [preset_settings(preset, STARTER)["epochs"] for preset in ("quick", "balanced", "thorough")]
    assert epochs == sorted(set(epochs))


@pytest.mark.parametrize("preset", PRESETS)
def test_the_starter_learns_faster_and_asking_twice_changes_nothing(preset):
    for _ in range(2):
        assert preset_settings(preset, STARTER)["learning_rate"] == pytest.approx(
            SMALL_MODEL_FACTOR * preset_settings(preset, "owner/model")["learning_rate"]
        )


def test_a_preset_that_is_none_is_refused_with_those_there_are():
    with pytest.raises(SettingError, match="no preset 'fast'") as refusal:
        preset_settings("fast", STARTER)
    assert refusal.value.do == "Presets are: quick, balanced, careful, thorough."


def test_careful_is_gentler_and_smaller_than_balanced_and_looks_more_often_at_each_example():
    careful, balanced = (make_recipe(data="shop", **preset_settings(p, "owner/model")) for p in ("careful", "balanced"))
    assert careful.learning_rate == 5e-5
    assert careful.epochs > balanced.epochs
    assert careful.lora_rank < balanced.lora_rank
    assert careful.early_stopping_patience > 0
    assert careful.keep_best


@pytest.mark.parametrize("preset", PRESETS)
def test_any_small_base_gets_the_rate_of_the_starter(preset):
    small = preset_settings(preset, "owner/model", SMALL_PARAMETERS - 1)["learning_rate"]
    assert small == preset_settings(preset, STARTER)["learning_rate"]
    usual = preset_settings(preset, "owner/model", SMALL_PARAMETERS)["learning_rate"]
    assert usual == preset_settings(preset, "owner/model")["learning_rate"] == pytest.approx(small / SMALL_MODEL_FACTOR)


def test_a_base_of_unknown_size_is_taken_for_a_usual_one():
    assert rate_factor(None) == 1
