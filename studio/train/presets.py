"""Four ways to train, by how much data there is and how long a person wants to wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from studio.errors import SettingError
from studio.train.models import STARTER


@dataclass(frozen=True)
class Preset:
    id: str
    title: str
    why: str
    settings: dict[str, Any]


PRESETS: dict[str, Preset] = {
    preset.id: preset
    for preset in (
        Preset(
            "quick",
            "Quick look",
            "One pass over the examples: shows within minutes whether they teach anything.",
            {"epochs": 1.0, "learning_rate": 2e-4},
        ),
        Preset(
            "balanced",
            "Balanced",
            "Three passes: right for most narrow tasks with a few hundred examples.",
            {"epochs": 3.0, "learning_rate": 2e-4, "scheduler": "cosine"},
        ),
        Preset(
            "careful",
            "Careful with little data",
            "Many gentle passes with a small adapter, and a stop once held-out examples get no better: for fewer than "
            "200 examples.",
            {
                "epochs": 8.0,
                "learning_rate": 5e-5,
                "lora_rank": 8,
                "lora_alpha": 16,
                "batch_size": 4,
                "scheduler": "cosine",
                "early_stopping_patience": 3,
            },
        ),
        Preset(
            "thorough",
            "Thorough",
            "Five slow passes with a larger adapter: for many varied examples and patience.",
            {
                "epochs": 5.0,
                "learning_rate": 1e-4,
                "lora_rank": 32,
                "lora_alpha": 64,
                "scheduler": "cosine",
            },
        ),
    )
}

SMALL_PARAMETERS = 500_000_000
SMALL_MODEL_FACTOR = 5  # models under about 500 million parameters want larger corrections


def rate_factor(parameters: int | None) -> int:
    """By how much a learning rate for a usual model is to be taken for one of so many parameters; 1 where unknown."""
    return SMALL_MODEL_FACTOR if parameters is not None and parameters < SMALL_PARAMETERS else 1


def preset_settings(preset: str, base: str, parameters: int | None = None) -> dict[str, Any]:
    """What a preset sets for a base model. Raises: SettingError for a name that is none."""
    if preset not in PRESETS:
        raise SettingError(f"There is no preset {preset!r}.", f"Presets are: {', '.join(PRESETS)}.")
    settings = dict(PRESETS[preset].settings)
    settings["learning_rate"] *= SMALL_MODEL_FACTOR if base == STARTER else rate_factor(parameters)
    return settings
