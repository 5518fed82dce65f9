"""How the next word is drawn."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sampling:
    """`temperature` 0 always takes the likeliest token; `top_p` leaves out the unlikeliest ones, 0 to 1.

    `same_dice`: all who are asked at once draw with the same luck, so that what differs is theirs.
    """

    temperature: float = 0.0
    top_p: float = 0.95
    seed: int = 0
    same_dice: bool = True


GREEDY = Sampling()
