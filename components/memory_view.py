"""Will it fit? A bar of what a run would take, against what is free."""

from __future__ import annotations

from html import escape

from components.notices import words_for_size
from studio.hardware import Machine
from studio.train.catalog import Candidate
from studio.train.memory import Estimate

TITLES = {
    "weights": "weights",
    "adapter": "adapter",
    "optimizer": "optimizer",
    "gradients": "gradients",
    "activations": "activations",
    "overhead": "libraries",
}


def show_memory(found: Estimate | None, machine: Machine, is_counted: bool = True) -> str:
    """The estimate in parts, in words and as a bar; a sentence where the model's size is not known yet.

    `is_counted`: the longest example is known in this model's tokens; else the estimate is of the longest allowed.
    """
    where = f"on the {machine.card.name}" if machine.card else "in this machine's memory"
    if found is None:
        return '<p class="fine">How much memory it takes is known once the model is here.</p>'
    whole = max(found.total, found.available, 1)
    parts = {name: size for name, size in found.parts.items() if size > whole * 0.005}
    bars = "".join(
        f'<span class="part {name}" style="width:{100 * size / whole:.2f}%" title="{TITLES[name]} '
        f'{words_for_size(size)}"></span>'
        for name, size in parts.items()
    )
    listed = ", ".join(f"{TITLES[name]} {words_for_size(size)}" for name, size in parts.items())
    is_open = not found.fits and not is_counted
    word = "✓ Fits" if found.fits else "Not known yet" if is_open else "✖ Does not fit"
    more = " would be the most, if an example filled all of 'Longest example'. Data counts them." if is_open else ""
    if machine.card and machine.card.used_by and not found.fits:
        more += f" {', '.join(machine.card.used_by)} also use the card."
    return (
        f'<div class="memory {"bad" if word.startswith("✖") else "good"}"><p role="status"><strong>{word}:</strong> '
        f"about {words_for_size(found.total)} of {words_for_size(found.available)} free {escape(where)}"
        f"{escape(more) or '.'}</p>"
        f'<div class="parts" role="img" aria-label="{escape(listed)}">{bars}</div><p class="fine">{listed}.</p></div>'
    )


def base_choices(ready: list[tuple[str, str]], candidates: list[Candidate]) -> list[tuple[str, str]]:
    """(title, name): what is here already, then what fits, the best first."""
    here = {name for _, name in ready}
    return ready + [
        (f"{each.base.title}: {each.word}, {words_for_size(each.estimate.total)}", each.base.hub)
        for each in candidates
        if each.base.hub not in here and each.base.maker not in here
    ]


def show_base(candidate: Candidate | None) -> str:
    """What a person should know of a base before they wait for its download."""
    if candidate is None:
        return ""
    base = candidate.base
    gated = " Its maker's page wants the licence accepted first." if base.gated else ""
    return (
        f'<p class="fine">{escape(base.title)}: {base.parameters / 1e9:.2g} billion parameters, reads '
        f"{base.context_tokens:,} tokens, {escape(base.languages)}. Good for {escape(base.good_for)}. "
        f"Licence: {escape(base.licence)}.{gated}</p>"
    )
