"""Three ways to train, by how long a person wants to wait."""

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
            {"epochs": 1.0, "learning_rate": 2e-4, "evaluations": 5, "checkpoints": 1},
        ),
        Preset(
            "balanced",
            "Balanced",
            "Three passes: right for most narrow tasks with a few hundred examples.",
            {"epochs": 3.0, "learning_rate": 2e-4, "scheduler": "cosine"},
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
                "evaluations": 20,
                "checkpoints": 10,
            },
        ),
    )
}

SMALL_MODEL_FACTOR = 5  # models under about 500 million parameters want larger corrections


def preset_settings(preset: str, base: str) -> dict[str, Any]:
    """What a preset sets for a base model. Raises: SettingError for a name that is none."""
    if preset not in PRESETS:
        raise SettingError(f"There is no preset {preset!r}.", f"Presets are: {', '.join(PRESETS)}.")
    settings = dict(PRESETS[preset].settings)
    if base == STARTER:
        settings["learning_rate"] *= SMALL_MODEL_FACTOR
    return settings
