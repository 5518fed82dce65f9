"""Random states, taken and put back, so that what is done again comes out as it would have."""

from __future__ import annotations

import random
from typing import Any

import numpy
import torch

Chance = tuple[Any, ...]


def take_chance() -> Chance:
    """How the generators of Python, numpy, the processor and the card stand now."""
    card = torch.cuda.get_rng_state() if torch.cuda.is_available() else None
    return random.getstate(), numpy.random.get_state(), torch.get_rng_state(), card


def put_back(chance: Chance) -> None:
    python, array, processor, card = chance
    random.setstate(python)
    numpy.random.set_state(array)
    torch.set_rng_state(processor)
    if card is not None:
        torch.cuda.set_rng_state(card)
