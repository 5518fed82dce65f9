"""Bases that are known by name, before anything of them is fetched, and which of them fit this machine."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from studio.hardware import Machine
from studio.train.memory import Estimate, estimate
from studio.train.models import is_folder, is_ready, place_of
from studio.train.recipe import Recipe
from studio.train.shape import ModelShape, quick_shape, shape_from_json, shape_of_config
from studio.workspace import ASSETS, Workspace

CATALOG = ASSETS / "models.yaml"

Fit = Literal["fits", "fits with a smaller batch", "does not fit"]
ORDER: dict[Fit, int] = {"fits": 0, "fits with a smaller batch": 1, "does not fit": 2}


@dataclass(frozen=True)
class Base:
    """`hub` is a copy that anybody may fetch; `gated`: the page of its `maker` wants the licence accepted first."""

    title: str
    hub: str
    maker: str
    gated: bool
    family: str
    licence: str
    languages: str
    good_for: str
    shape: ModelShape

    @property
    def parameters(self) -> int:
        return self.shape.parameters

    @property
    def context_tokens(self) -> int:
        return self.shape.context_tokens


@dataclass(frozen=True)
class Candidate:
    """A base with what a run of the recipe would take on it; the estimate is of the batch that was asked for."""

    base: Base
    word: Fit
    estimate: Estimate


@functools.cache
def read_catalog() -> tuple[Base, ...]:
    """All known bases, smallest of a family first."""
    return tuple(_base(entry) for entry in yaml.safe_load(CATALOG.read_text(encoding="utf-8")))


def _base(entry: dict[str, Any]) -> Base:
    shape = shape_from_json(entry["counted"]) if "counted" in entry else shape_of_config(entry["config"])
    pictures = int(entry.get("pictures", 0))
    names = ("title", "hub", "maker", "family", "licence", "languages", "good_for")
    return Base(
        **{name: entry[name] for name in names},
        gated=bool(entry.get("gated", False)),
        shape=dataclasses.replace(shape, parameters=shape.parameters + pictures),
    )


def find_base(name: str) -> Base | None:
    """By the name of its copy or of its maker's page, in any case; None if it is not in the catalog."""
    wanted = name.casefold()
    return next((base for base in read_catalog() if wanted in (base.hub.casefold(), base.maker.casefold())), None)


def shape_of_base(workspace: Workspace, base: str) -> ModelShape | None:
    """What is known at once of any base: counted, or from its configuration's numbers, or from the catalog."""
    if is_folder(base) or is_ready(workspace, base):
        place: Path = place_of(workspace, base)
        known = quick_shape(workspace, place)
        if known:
            return known
    found = find_base(base)
    return found.shape if found else None


def sorted_by_fit(recipe: Recipe, machine: Machine, longest_tokens: int | None = None) -> list[Candidate]:
    """What fits first, and of that the largest first: the best that this machine can train."""
    candidates = [_judge(base, recipe, machine, longest_tokens) for base in read_catalog()]
    return sorted(candidates, key=_rank)


def _rank(candidate: Candidate) -> tuple[int, int]:
    """Of what does not fit, the smallest comes first: it is nearest to fitting."""
    size = candidate.base.parameters
    return ORDER[candidate.word], size if candidate.word == "does not fit" else -size


def _judge(base: Base, recipe: Recipe, machine: Machine, longest_tokens: int | None) -> Candidate:
    asked = estimate(recipe, base.shape, machine, longest_tokens)
    word: Fit = "fits"
    if not asked.fits:
        single = recipe.model_copy(update={"batch_size": 1})
        smaller = estimate(single, base.shape, machine, longest_tokens)
        word = "fits with a smaller batch" if smaller.fits else "does not fit"
    return Candidate(base, word, asked)
