"""All that can be asked of a run: each setting once, with its default, bounds, words and unit."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from studio.errors import SettingError
from studio.store import write_whole

Group = Literal["plain", "learn", "fast", "stop", "memory"]
GROUPS: dict[Group, str] = {
    "plain": "What matters most",
    "learn": "How much it can learn",
    "fast": "How fast",
    "stop": "When to look and when to stop",
    "memory": "Memory",
}


def _setting(
    default: Any,
    title: str,
    help: str,
    *,
    group: Group,
    up: str = "",
    down: str = "",
    unit: str = "",
    **bounds: Any,
) -> Any:
    return Field(
        default,
        title=title,
        description=help,
        json_schema_extra={"group": group, "up": up, "down": down, "unit": unit},
        **bounds,
    )


class Recipe(BaseModel):
    """Frozen and strict: written once into the run's folder, read by the form, the verbs and the worker."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: str = Field(title="Data set", description="Name of a data set of this workspace.")
    base: str = Field("starter", title="Model", description="starter, a folder, or a Hugging Face name.")
    name: str = Field("", title="Name of the run", max_length=60, description="What you will know it by.")
    preset: str = Field("balanced", title="How thorough?", description="What the other settings started from.")

    epochs: float = _setting(
        3.0, "Epochs", "How often every example is seen.", group="plain", ge=0.01, le=100,
        up="learns more, and in the end by heart", down="is done sooner and learns less",
    )  # fmt: skip
    learning_rate: float = _setting(
        2e-4, "Learning rate", "How large each correction is.", group="plain", gt=0, le=0.1,
        up="learns faster, and may tear up what it knew", down="is gentler and slower",
    )  # fmt: skip
    lora_rank: int = _setting(
        16, "Rank", "How much the adapter can learn. 16 is right for most.", group="plain", ge=1, le=256,
        up="learns more and needs more memory", down="is smaller and forgets less",
    )  # fmt: skip
    max_length: int = _setting(
        2048, "Longest example", "Tokens of an example that are read; the rest is cut off.", group="plain",
        ge=32, le=131072, unit="tokens", up="cuts less and needs more memory", down="needs less memory and cuts more",
    )  # fmt: skip

    lora_alpha: int = _setting(
        32, "Alpha", "How loudly the adapter speaks; twice the rank is usual.", group="learn", ge=1, le=1024,
        up="acts stronger", down="acts weaker",
    )  # fmt: skip
    lora_dropout: float = _setting(
        0.0, "Dropout", "Share of the adapter that sits out each step.", group="learn", ge=0, lt=1,
        up="learns less by heart, and slower", down="learns faster",
    )  # fmt: skip
    weight_decay: float = _setting(
        0.01, "Weight decay", "A pull back to small corrections.", group="learn", ge=0, le=1,
        up="stays closer to the base", down="is freer",
    )  # fmt: skip
    seed: int = _setting(
        3407, "Seed", "The same seed shuffles the same way.", group="learn", ge=0, le=2**31 - 1,
    )  # fmt: skip
    batch_size: int = _setting(
        8, "Batch", "Examples that are looked at together.", group="fast", ge=1, le=256, unit="examples",
        up="is steadier and needs more memory", down="needs less memory",
    )  # fmt: skip
    gradient_accumulation: int = _setting(
        1, "Batches a step", "Batches whose corrections are added up before one step.", group="fast", ge=1, le=256,
        up="is like a larger batch without more memory", down="makes more steps of the same data",
    )  # fmt: skip
    warmup_share: float = _setting(
        0.05, "Warm-up", "Share of the steps in which the learning rate rises.", group="fast", ge=0, le=0.5,
        up="starts gentler", down="starts at once",
    )  # fmt: skip
    scheduler: Literal["linear", "cosine", "constant"] = _setting(
        "linear", "Learning rate falls", "How the learning rate goes down towards the end.", group="fast",
    )  # fmt: skip
    max_steps: int = _setting(
        0, "Steps at most", "0 means: as many as the epochs need.", group="stop", ge=0, le=1_000_000, unit="steps",
    )  # fmt: skip
    evaluations: int = _setting(
        10, "Looks at held-out examples", "How often in a run the held-out loss is measured.", group="stop",
        ge=1, le=200, up="draws a finer curve and takes longer", down="is faster",
    )  # fmt: skip
    checkpoints: int = _setting(
        4, "Checkpoints", "How often in a run it is saved, to resume from.", group="stop", ge=1, le=100,
        up="loses less when the power fails", down="writes less",
    )  # fmt: skip
    quantization: Literal["auto", "4bit", "16bit"] = _setting(
        "auto", "Weights in memory", "auto: 4-bit (QLoRA) on a graphics card, 16-bit without one.", group="memory",
    )  # fmt: skip


SETTINGS: dict[str, FieldInfo] = {
    name: info for name, info in Recipe.model_fields.items() if isinstance(info.json_schema_extra, dict)
}


def settings_of(group: Group) -> list[str]:
    return [name for name, info in SETTINGS.items() if _extra(info)["group"] == group]


def _extra(info: FieldInfo) -> dict[str, Any]:
    return info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}


def help_line(name: str) -> str:
    """One setting's help: what it is, and what happens when it goes up or down."""
    info = SETTINGS[name]
    extra = _extra(info)
    more = [
        f"Higher {extra['up']}." if extra["up"] else "",
        f"Lower {extra['down']}." if extra["down"] else "",
    ]
    return " ".join(part for part in (info.description or "", *more) if part)


def unit(name: str) -> str:
    return str(_extra(SETTINGS[name])["unit"])


def bounds(name: str) -> tuple[float | None, float | None]:
    """(least, most) that a setting may be; None where open."""
    least: float | None = None
    most: float | None = None
    for rule in SETTINGS[name].metadata:
        least = getattr(rule, "ge", getattr(rule, "gt", least))
        most = getattr(rule, "le", getattr(rule, "lt", most))
    return least, most


def make_recipe(**values: Any) -> Recipe:
    """Raises: SettingError that names the first setting out of its bounds, in words."""
    try:
        return Recipe(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "recipe"
        info = Recipe.model_fields.get(name)
        title = info.title if info else name
        if info is None:
            raise SettingError(f"There is no setting {name!r}.", f"Settings are: {', '.join(SETTINGS)}.") from error
        raise SettingError(f"{title} cannot be {first['input']!r}: {first['msg']}.", info.description or "") from error


def count_steps(recipe: Recipe, examples: int) -> int:
    """Optimizer steps of a run; the last batch of an epoch may be smaller."""
    batches = math.ceil(examples / recipe.batch_size)
    steps_per_epoch = max(1, math.ceil(batches / recipe.gradient_accumulation))
    steps = max(1, math.ceil(steps_per_epoch * recipe.epochs))
    return min(steps, recipe.max_steps) if recipe.max_steps else steps


def write_recipe(path: Path, recipe: Recipe) -> None:
    write_whole(path, yaml.safe_dump(recipe.model_dump(), sort_keys=False, allow_unicode=True))


def read_recipe(path: Path) -> Recipe:
    """Raises: SettingError if the file is missing, is no YAML, or names a setting that is none."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError):
        raise SettingError(f"There is no recipe {path}.", "Check the path.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingError(f"{path.name} is not YAML: {error}", "Write one 'name: value' a line.") from error
    if not isinstance(values, dict):
        raise SettingError(f"{path.name} holds no settings.", "Write one 'name: value' a line.")
    return make_recipe(**{str(name): value for name, value in values.items()})
