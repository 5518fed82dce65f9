"""Recipes to keep, share and compare: readable YAML with a line above each value that says what it is.

recipes/
  tone.yaml   what is saved under the name "tone"
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from studio.errors import SettingError
from studio.store import KEPT_BY_WINDOWS, write_whole
from studio.train.recipe import GROUPS, SETTINGS, Recipe, choices, make_recipe, read_recipe, settings_of, unit
from studio.train.rules import say_number
from studio.workspace import Workspace

SUFFIX = ".yaml"
LARGEST_BYTES = 100_000  # a recipe has about two thousand
LONGEST_NAME = 60
_UNSAFE = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
NEVER_COMPARED = ("name",)  # what a run is called says nothing of how it learns


@dataclass(frozen=True)
class Difference:
    """A setting in which two recipes differ."""

    field: str
    title: str
    one: Any
    other: Any


def as_yaml(recipe: Recipe) -> str:
    """All settings, grouped as in the window. `read_by_hand` reads it again."""
    values = recipe.model_dump()
    lines = ["# A recipe of Tunesmith. What is left out has its default."]
    for name in (name for name in values if name not in SETTINGS):
        lines += _entry(name, values[name])
    for group, title in GROUPS.items():
        lines += ["", f"# --- {title} ---"]
        for name in settings_of(group):
            lines += _entry(name, values[name])
    return "\n".join(lines) + "\n"


def _entry(name: str, value: Any) -> list[str]:
    """["# Longest example, in tokens", "max_length: 2048"]"""
    measure = f", in {unit(name)}" if name in SETTINGS and unit(name) else ""
    options = f" ({', '.join(choices(name))})" if name in SETTINGS and choices(name) else ""
    return [f"# {title_of(name)}{measure}{options}", yaml.safe_dump({name: value}, allow_unicode=True, width=1000)[:-1]]


def read_by_hand(path: Path, data: str = "") -> Recipe:
    """A file that anybody may have written. `data` stands in where it names no data set.

    Raises: SettingError that says in words what is wrong with it.
    """
    if path.is_file() and path.stat().st_size > LARGEST_BYTES:
        raise SettingError(f"{path.name} is too large for a recipe.", "Pick a file with one 'name: value' a line.")
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return read_recipe(path)  # which says what is wrong
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"Line {mark.line + 1} of {path.name}" if mark else path.name
        raise SettingError(
            f"{place} is not YAML: {error.problem or error.context}.", "Write one 'name: value' a line."
        ) from error
    except yaml.YAMLError:
        return read_recipe(path)
    if isinstance(values, dict) and "data" not in values:
        return make_recipe(data=data, **{str(name): value for name, value in values.items()})
    return read_recipe(path)


def save_recipe(workspace: Workspace, name: str, recipe: Recipe, replace: bool = False) -> str:
    """Keep a recipe under a name, which is returned as it can be found again.

    Raises: SettingError for a name that no file can have, or one that is taken while `replace` is off.
    """
    safe = _UNSAFE.sub("-", name).strip(" .-")[:LONGEST_NAME].strip(" .-")
    if not safe:
        raise SettingError("The recipe has no name.", "Write one, such as 'short answers'.")
    if KEPT_BY_WINDOWS.match(safe):
        raise SettingError(f"Windows keeps the name {safe!r} for a device.", "Pick another name.")
    taken = next((known for known in list_recipes(workspace) if known.casefold() == safe.casefold()), None)
    if taken and not replace:
        raise SettingError(f"There is a recipe {taken!r} already.", "Pick another name, or delete that one first.")
    safe = taken or safe
    write_whole(_folder(workspace) / f"{safe}{SUFFIX}", as_yaml(recipe))
    return safe


def list_recipes(workspace: Workspace) -> list[str]:
    return sorted((path.stem for path in _folder(workspace).glob(f"*{SUFFIX}")), key=str.casefold)


def open_recipe(workspace: Workspace, name: str) -> Recipe:
    """Raises: SettingError if there is none of that name, or its file is not a recipe any more."""
    return read_by_hand(_place(workspace, name))


def delete_recipe(workspace: Workspace, name: str) -> None:
    _place(workspace, name).unlink(missing_ok=True)


def repeat(recipe: Recipe) -> Recipe:
    """What an old run was asked for, for a new one: all of it but the name."""
    return recipe.model_copy(update={"name": ""})


def differences(one: Recipe, other: Recipe) -> list[Difference]:
    """Only what differs, in the order of the recipe."""
    return [
        Difference(name, title_of(name), getattr(one, name), getattr(other, name))
        for name in Recipe.model_fields
        if name not in NEVER_COMPARED and getattr(one, name) != getattr(other, name)
    ]


def title_of(name: str) -> str:
    return str(Recipe.model_fields[name].title)


def show_value(name: str, value: Any) -> str:
    """As people read it: yes and no, 0.00005 instead of 5e-05, and the unit."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        value = say_number(value)
    elif isinstance(value, int):
        value = f"{value:,}"
    return f"{value} {unit(name)}" if name in SETTINGS and unit(name) else str(value)


def _folder(workspace: Workspace) -> Path:
    return workspace.root / "recipes"


def _place(workspace: Workspace, name: str) -> Path:
    if name not in list_recipes(workspace):
        raise SettingError(f"There is no recipe {name!r}.", "Pick one of those that are saved.")
    return _folder(workspace) / f"{name}{SUFFIX}"
