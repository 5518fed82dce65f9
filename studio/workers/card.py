"""The card as torch sees it, and what a worker may take of it."""

from __future__ import annotations

import platform
import sys
from functools import cache

import torch

from studio.errors import RunError
from studio.hardware import read_cards

LEFT_FREE_BYTES = 300_000_000  # for the screen and the driver
LEAST_SHARE = 0.1


def card_has_bf16() -> bool:
    """By its own instructions, from Ampere on: torch counts an emulation too, which is several times slower."""
    return bool(torch.cuda.is_bf16_supported(including_emulation=False))


def require_card() -> None:
    """A card that is here and cannot be used is no reason to train for days on the processor without a word.

    Raises: RunError if so.
    """
    cards = read_cards()
    if not cards or torch.cuda.is_available():
        return
    told = next((card for card in cards if card.trouble), None)
    raise RunError(
        told.trouble if told else f"{cards[0].name} is here, but torch cannot use it.",
        told.remedy if told else "Restart the computer. To train without it, start Tunesmith with --processor.",
    )


@cache
def stay_on_card() -> None:
    """Take no more than is free now, where the driver would go on in the machine's memory, at a tenth of the speed.

    NVIDIA calls it the system memory fallback. What does not fit is an error then, as elsewhere, and has remedies.
    """
    if torch.cuda.is_available() and spills(sys.platform, platform.release()):
        torch.cuda.set_per_process_memory_fraction(share_of_card(*torch.cuda.mem_get_info()))


def spills(system: str, release: str) -> bool:
    """On Windows, and on Windows' own Linux."""
    return system == "win32" or "microsoft" in release.lower()


def share_of_card(free_bytes: int, total_bytes: int) -> float:
    return max(LEAST_SHARE, (free_bytes - LEFT_FREE_BYTES) / total_bytes)
