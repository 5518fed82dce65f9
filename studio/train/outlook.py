"""What is known of a run before it starts: the data, the base, the machine, and whether it will fit."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from studio.data.datasets import DEFAULT_MAX_LENGTH, open_dataset
from studio.data.review import read_lengths
from studio.data.tokens import brings_template, has_system_role
from studio.errors import TunesmithError
from studio.hardware import Machine, read_machine
from studio.train.catalog import Candidate, find_base, shape_of_base, sorted_by_fit
from studio.train.facts import Facts, read_facts
from studio.train.fit import Remedy, remedies, what_fits
from studio.train.memory import Estimate, estimate
from studio.train.models import place_of
from studio.train.recipe import Recipe, make_recipe
from studio.workspace import Workspace

REFUSED_SHARE = 0.85  # of its estimate is more than a run that did not fit may take
LENGTHS_MOST = 10_000
MACHINE_KNOWN_S = 5  # a form asks at each key; free memory does not change that fast


@dataclass(frozen=True)
class Outlook:
    """`lengths` in tokens, rising; empty where nobody has counted the data yet."""

    facts: Facts
    base: str
    lengths: Sequence[int] = ()

    @property
    def longest(self) -> int | None:
        return self.lengths[-1] if self.lengths else None

    def estimate(self, recipe: Recipe) -> Estimate | None:
        """None while the base's size is not known."""
        shape = self.facts.shape
        return estimate(recipe, shape, self.facts.machine, self.longest) if shape else None

    def what_fits(self, recipe: Recipe) -> dict[str, Any]:
        shape = self.facts.shape
        return what_fits(recipe, shape, self.facts.machine, self.longest) if shape else {}

    def remedies(self, recipe: Recipe) -> list[Remedy]:
        """For a run that did not fit, whatever the estimate had said: what is free counts as less than that."""
        shape, machine = self.facts.shape, self.facts.machine
        if shape is None:
            return []
        least = int(estimate(recipe, shape, machine, self.longest).total * REFUSED_SHARE)
        cards = tuple(replace(card, free_bytes=min(card.free_bytes, least)) for card in machine.cards)
        tight = replace(machine, cards=cards, free_memory_bytes=min(machine.free_memory_bytes, least))
        return remedies(recipe, shape, tight, self.lengths)

    def candidate(self, recipe: Recipe) -> Candidate | None:
        """The base as the catalog knows it."""
        known = find_base(self.base)
        if known is None:
            return None
        return next((each for each in self.candidates(recipe) if each.base == known), None)

    def candidates(self, recipe: Recipe | None = None) -> list[Candidate]:
        return sorted_by_fit(recipe or make_recipe(data=""), self.facts.machine, self.longest)


def read_outlook(workspace: Workspace, data: str, base: str) -> Outlook:
    """Nothing is started for it: what is not known yet is left open."""
    try:
        dataset = open_dataset(workspace, data) if data else None
    except TunesmithError:
        dataset = None
    pairs = read_lengths(dataset, base, DEFAULT_MAX_LENGTH) if dataset else []
    thinned = max(1, sum(count for _, count in pairs) // LENGTHS_MOST)
    lengths = sorted(length for length, count in pairs for _ in range(max(1, count // thinned)))
    try:
        shape = shape_of_base(workspace, base)
    except TunesmithError:
        shape = None
    place = place_of(workspace, base)
    is_here = (place / "tokenizer_config.json").is_file()
    lacks_template = is_here and not brings_template(place)
    asks_by_system = dataset is not None and bool(dataset.system)
    folds_system = is_here and not lacks_template and asks_by_system and not has_system_role(place)
    machine = _machine(int(time.monotonic() / MACHINE_KNOWN_S))
    return Outlook(read_facts(dataset, machine, shape, lengths, lacks_template, folds_system), base, lengths)


@lru_cache(maxsize=1)
def _machine(moment: int) -> Machine:
    return read_machine()
