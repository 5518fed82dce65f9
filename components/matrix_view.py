"""Which label was taken for which, before and after, as pictures: of data whose answers are one of a few labels."""

from __future__ import annotations

from html import escape
from typing import Any

from studio.report.matrix import confusion_matrix, say_right
from studio.report.pictures import style
from studio.scores.labels import confusion
from studio.workspace import ASSETS

# The page's own names, which are other colours in the dark.
COLOURS = {
    "ink": "var(--ts-ink)", "quiet": "var(--ts-quiet)", "line": "var(--ts-line)",
    "ground": "var(--body-background-fill)", "before": "var(--ts-warn)", "after": "var(--ts-accent)",
}  # fmt: skip
SIDES = (("base", "Before"), ("tuned", "After"))


def read_style() -> str:
    """The rules of the page that the pictures stand on, and their own."""
    return (ASSETS / "scores.css").read_text(encoding="utf-8") + style(COLOURS, "inherit")


def show_matrices(found: dict[str, Any]) -> str:
    """Empty where the answers are no labels."""
    labels = found.get("expected", {}).get("labels")
    if not labels:
        return ""
    wanted = [row["wanted"] for row in found["answers"]]
    shown = ""
    for side, title in SIDES:
        counted = confusion(labels, wanted, [row[side] for row in found["answers"]])
        picture = confusion_matrix(counted, f"{title}: which label was taken for which")
        # On a phone it keeps its size, and scrolls where it is wider; what scrolls must be reached by keys.
        shown += (
            f'<figure><div class="wide" tabindex="0" role="region" aria-label="{title}">{picture.svg}</div>'
            f"<figcaption>{escape(picture.caption)}; {say_right(counted)}</figcaption></figure>"
        )
    return (
        f'<div class="matrices">{shown}</div><p class="fine">A row is the label that was wanted, a column the one that '
        "was answered; on the diagonal both are the same. “else” is an answer that is none of the labels shown.</p>"
    )
