"""Held-out examples that a model could not read whole."""

from __future__ import annotations

from studio.report.figures import count


def say_skipped(skipped: int) -> str:
    """Empty for none."""
    if not skipped:
        return ""
    be, it = ("is", "it") if skipped == 1 else ("are", "they")
    return (
        f"{count(skipped, 'more held-out question')} {be} left out: with the longest answer, {it} would be more than "
        "the model reads at once."
    )
