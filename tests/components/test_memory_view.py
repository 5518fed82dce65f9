"""The bar says what it knows, and no more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from components.memory_view import show_memory
from studio.hardware import Card, Machine
from studio.train.memory import Estimate

GB = 10**9
MACHINE = Machine((), "a processor", 2, 24 * GB, 20 * GB, True)
SMALL = Estimate(
    weights=GB, adapter=0, optimizer=0, gradients=0, activations=GB, overhead=GB, available=MACHINE.free_memory_bytes
)
LARGE = replace(SMALL, activations=30 * GB)


@pytest.mark.parametrize(
    ("found", "is_counted", "word"),
    [
        (SMALL, True, "✓ Fits"),
        (SMALL, False, "✓ Fits"),
        (LARGE, True, "✖ Does not fit"),
        (LARGE, False, "Not known yet"),
    ],
)
def test_what_is_too_large_is_said_of_data_that_somebody_has_counted(found: Estimate, is_counted: bool, word: str):
    shown = show_memory(found, MACHINE, is_counted)
    assert f"<strong>{word}:</strong>" in shown
    assert ('class="memory bad"' in shown) == (word == "✖ Does not fit")
    assert ("would be the most" in shown) == (word == "Not known yet")


def test_whoever_else_uses_the_card_is_named_where_it_does_not_fit():
    card = Card("RTX <4060>", 8 * GB, 5 * GB, used_by=("a game",))
    machine = replace(MACHINE, cards=(card,))
    assert "a game also use the card" in show_memory(LARGE, machine)
    assert "a game" not in show_memory(SMALL, machine)
    assert "RTX &lt;4060&gt;" in show_memory(SMALL, machine)


def test_a_base_that_is_not_here_yet_has_no_bar():
    assert "once the model is here" in show_memory(None, MACHINE)
