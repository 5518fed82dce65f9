"""Three ways to train, each of which can be started as it is."""

from __future__ import annotations

import pytest

from studio.errors import SettingError
from studio.train.models import STARTER
from studio.train.presets import PRESETS, SMALL_MODEL_FACTOR, preset_settings
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
    assert refusal.value.do == "Presets are: quick, balanced, thorough."
