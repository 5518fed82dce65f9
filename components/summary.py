"""A data set in a few lines: how much it is, how it was read, and which part is for what."""

from __future__ import annotations

from html import escape

from studio.data.audit.run import Audit
from studio.data.datasets import Dataset


def show_summary(dataset: Dataset, found: Audit, counted_by: str, missing: str) -> str:
    """`counted_by` is the model whose tokens were counted; `missing` the one that was meant, where it is not here."""
    about = dataset.description
    shapes = ", ".join(f"{count:,} as {name}" for name, count in about["shapes"].items())
    counts = dataset.counts
    figures = {
        "examples": f"{found.examples:,}",
        "turns": f"{found.turns:,}",
        "tokens": f"{found.tokens:,}",
        "of them learned": f"{found.learned_tokens:,}",
    }
    cells = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in figures.items())
    notes = [
        f"Recognised: {shapes}. Counted with the tokens of {counted_by}.",
        f"Split: {counts['train']:,} to learn from, {counts['validation']:,} to watch while training, "
        f"{counts['test']:,} held out for the proof"
        + (
            f", {counts['left_out']:,} left out because there is nothing to learn in them."
            if counts["left_out"]
            else "."
        ),
    ]
    if did := about.get("did"):
        notes.insert(0, f"Mended: {'; '.join(did)}. The file that you brought is as it was.")
    if missing:
        notes.append(f"{missing} is not downloaded yet; its own tokens are counted once it is.")
    if found.folded_systems:
        notes.append(
            f"This model’s chat template has no place for a system prompt: in {found.folded_systems:,} examples it is "
            "put before the first question."
        )
    body = "".join(f"<p>{escape(note)}</p>" for note in notes)
    return (
        f'<h2>{escape(dataset.title)}</h2><dl class="figures">{cells}</dl>{body}'
        f'<p class="fine">From {escape(str(about["source"]))}. SHA-256 {dataset.sha256[:16]}…</p>'
    )
