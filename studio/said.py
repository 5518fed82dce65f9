"""What a verb tells the people who wait for it."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from studio.tasks import Progress


def say(text: str) -> None:
    """For people: on standard error, so that standard output holds the result alone."""
    print(text, file=sys.stderr, flush=True)


def watch(progress: Iterable[Progress]) -> None:
    shown = ""
    for step in progress:
        share = f" ({step.share:.0%})" if step.share is not None else ""
        left = f", {step.left_s:.0f} s left" if step.left_s is not None else ""
        line = f"  {step.message}{share}{left}"
        if step.message != shown:
            say(line)
            shown = step.message
