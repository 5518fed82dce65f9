"""A small grid: one recipe with several values of one or two settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

from studio.errors import SettingError
from studio.train.recipe import SETTINGS, Recipe, make_recipe

RUNS_MOST = 8
LONGEST_NAME = 60  # as `Recipe.name` allows


def read_values(text: str) -> list[str]:
    """What a person wrote in one line: `1e-4, 2e-4`, or with semicolons where a value has commas of its own."""
    return [value.strip() for value in text.split(";" if ";" in text else ",") if value.strip()]


def make_grid(recipe: Recipe, values: Mapping[str, Sequence[object]]) -> list[Recipe]:
    """A recipe for each combination, named after what differs; the same twice counts once.

    Raises: SettingError for a value out of bounds, none or three settings, or more than eight runs.
    """
    combinations = list(product(*values.values()))
    if not 1 <= len(values) <= 2 or not 1 <= len(combinations) <= RUNS_MOST:
        raise SettingError(
            f"These values make {len(combinations) if values else 0} runs, which is not a small grid.",
            f"Take one or two settings, and write values that make 1 to {RUNS_MOST} runs in all.",
        )
    made = [_change(recipe, dict(zip(values, combination, strict=True))) for combination in combinations]
    different = {each.model_copy(update={"name": ""}).model_dump_json(): each for each in reversed(made)}
    return list(reversed(different.values()))


def _change(recipe: Recipe, changes: dict[str, object]) -> Recipe:
    words = ", ".join(
        f"{SETTINGS[name].title} {value}" if name in SETTINGS else name for name, value in changes.items()
    )
    return make_recipe(**{**recipe.model_dump(), **changes, "name": f"{recipe.name} {words}".strip()[:LONGEST_NAME]})
