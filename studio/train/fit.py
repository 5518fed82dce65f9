"""What to change so that a run fits: the largest that does, or the least costly way out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from studio.hardware import Machine
from studio.train.catalog import Base, find_base, read_catalog
from studio.train.memory import checkpointing_of, estimate, method_of, optimizer_of, targets_of
from studio.train.models import STARTER
from studio.train.recipe import LOW_RANK, Recipe, bounds
from studio.train.shape import ModelShape

MOST = 3  # remedies that are offered
SHORTEST_TOKENS = 32
LEAST_RANK = 8
WIDE_OPTIMIZERS = ("adamw_torch", "paged_adamw_32bit")  # their averages have 32 bits


@dataclass(frozen=True)
class Remedy:
    """A way to make a run fit, with the settings that it changes. Ranked by what it costs in quality."""

    title: str
    why: str
    changes: dict[str, Any]


def what_fits(recipe: Recipe, shape: ModelShape, machine: Machine, longest_tokens: int | None = None) -> dict[str, Any]:
    """The largest length and batch that fit, as settings to change; empty where even one short example does not.

    Length comes first, since what is cut off is lost, while a smaller batch only makes more of them. Before an example
    is cut, what costs time alone is taken: checkpointing, averages at 8 bits, layers off the card. Batch times batches
    a step stays as it was, or as near as can be from above.
    """
    wanted = _wanted_tokens(recipe, shape, longest_tokens)
    length, spared = 0, dict[str, Any]()
    for changes in _sparing(recipe, shape, machine, wanted):
        found = _longest_that_fits(recipe.model_copy(update=changes), shape, machine, wanted)
        if found > length:
            length, spared = found, changes
        if length == wanted:
            break
    if not length:
        return {}
    recipe = recipe.model_copy(update=spared)
    together = recipe.batch_size * recipe.gradient_accumulation
    batch = _largest(
        1, together, lambda size: _fits(recipe, shape, machine, length, batch_size=size, max_length=length)
    )
    assert batch is not None, "a batch of 1 fitted just now"
    return {"max_length": length, **_batched(together, batch), **spared}


def _longest_that_fits(recipe: Recipe, shape: ModelShape, machine: Machine, wanted: int) -> int:
    """Tokens of one example; 0 where not even a short one fits."""

    def fits(tokens: int) -> bool:
        return _fits(recipe, shape, machine, tokens, batch_size=1, max_length=tokens)

    return wanted if fits(wanted) else _largest(SHORTEST_TOKENS, wanted, fits) or 0


def _sparing(recipe: Recipe, shape: ModelShape, machine: Machine, wanted: int) -> Iterator[dict[str, Any]]:
    """Changes by which it learns the same and takes longer, one more each time; the first are none."""
    changes: dict[str, Any] = {}
    yield changes
    on_card = machine.card is not None
    if checkpointing_of(recipe, on_card) == "off":
        changes = changes | {"gradient_checkpointing": "unsloth" if on_card else "on"}
        yield changes
    if on_card and optimizer_of(recipe, on_card) in WIDE_OPTIMIZERS:
        changes = changes | {"optimizer": "adamw_8bit"}
        yield changes
    if on_card and method_of(recipe, on_card) != "full":
        changed = recipe.model_copy(update=changes)
        yield changes | _fewest_layers_off(changed, shape, machine, wanted, batch_size=1, max_length=wanted)


def _fewest_layers_off(
    recipe: Recipe, shape: ModelShape, machine: Machine, longest: int | None, **changes: Any
) -> dict[str, Any]:
    """As few as make it fit; all of them where none do."""
    fitting = (
        count
        for count in range(recipe.offload_layers + 1, shape.layers + 1)
        if _fits(recipe, shape, machine, longest, offload_layers=count, **changes)
    )
    return {"offload_layers": next(fitting, shape.layers)}


def _wanted_tokens(recipe: Recipe, shape: ModelShape, longest_tokens: int | None) -> int:
    """As long as the longest example; where none is known, as the recipe says. No longer than the model reads."""
    _, most = bounds("max_length")
    tokens = min(longest_tokens or recipe.max_length, shape.context_tokens or int(most or 0), int(most or 0))
    return max(tokens, SHORTEST_TOKENS)


def _fits(recipe: Recipe, shape: ModelShape, machine: Machine, longest_tokens: int | None, **changes: Any) -> bool:
    return estimate(recipe.model_copy(update=changes), shape, machine, longest_tokens).fits


def _largest(least: int, most: int, fits: Any) -> int | None:
    """The largest whole number that fits, by halving; None if the least does not."""
    if not fits(least):
        return None
    while least < most:
        middle = (least + most + 1) // 2
        least, most = (middle, most) if fits(middle) else (least, middle - 1)
    return least


def _batched(together: int, batch: int) -> dict[str, Any]:
    """`together` examples a step in batches of at most `batch`: a divisor if one is not much smaller."""
    _, most = bounds("gradient_accumulation")
    divisor = max(size for size in range(1, batch + 1) if together % size == 0)
    size = divisor if 2 * divisor > batch else batch
    return {"batch_size": size, "gradient_accumulation": min(math.ceil(together / size), int(most or 1))}


def remedies(recipe: Recipe, shape: ModelShape, machine: Machine, lengths: Sequence[int] = ()) -> list[Remedy]:
    """At most three ways to make a run fit, the least costly first; `lengths` are tokens of the real examples.

    Empty where it fits already, or nothing helps. Each makes it fit by the estimate: alone, or where fewer than three
    do so, two at once, or where none does, the fewest that do together.
    """
    longest = max(lengths, default=None)
    if estimate(recipe, shape, machine, longest).fits:
        return []
    known = list(_single(recipe, shape, machine, lengths))
    found: list[tuple[int, Remedy]] = []
    for count in range(1, len(known) + 1):
        if len(found) >= MOST or (found and count > 2):
            break
        for places in combinations(range(len(known)), count):
            group = [known[place] for place in places]
            joined = _join(_with_its_batch(group, recipe, shape, machine, longest))
            needless = any(other.changes.items() <= joined.changes.items() for _, other in found)
            if not needless and _compatible(group) and _helps(joined, recipe, shape, machine, longest):
                found.append((places[-1], joined))
    by_cost = [remedy for _, remedy in sorted(found, key=lambda pair: pair[0])]  # as costly as its costliest part
    return _least_of_a_kind(by_cost)[:MOST]


def _least_of_a_kind(by_cost: Sequence[Remedy]) -> list[Remedy]:
    """Of two that change the same settings, such as a cut at the 99th and at the 95th percentile, the first."""
    kinds: dict[frozenset[str], Remedy] = {}
    for remedy in by_cost:
        kinds.setdefault(frozenset(remedy.changes), remedy)
    return list(kinds.values())


def _helps(remedy: Remedy, recipe: Recipe, shape: ModelShape, machine: Machine, longest: int | None) -> bool:
    changed = recipe.model_copy(update=remedy.changes)
    other = find_base(remedy.changes["base"]) if "base" in remedy.changes else None
    return estimate(changed, other.shape if other else shape, machine, longest).fits


def _compatible(group: Sequence[Remedy]) -> bool:
    """No two that change the same setting, and another base with nothing else: it is the last resort."""
    names = [name for remedy in group for name in remedy.changes]
    return len(names) == len(set(names)) and ("base" not in names or len(group) == 1)


def _with_its_batch(
    group: Sequence[Remedy], recipe: Recipe, shape: ModelShape, machine: Machine, longest: int | None
) -> list[Remedy]:
    """Beside other changes the batch need not become as small as alone."""
    others = [remedy for remedy in group if "batch_size" not in remedy.changes]
    if not others or len(others) == len(group):
        return list(group)
    changed = recipe.model_copy(update=_join(others).changes)
    return [*_smaller_batch(changed, shape, machine, longest), *others]


def _join(group: Sequence[Remedy]) -> Remedy:
    first, *more = (remedy.title for remedy in group)
    named = [first, *(title[0].lower() + title[1:] for title in more)]
    title = f"{', '.join(named[:-1])} and {named[-1]}" if more else first
    changes = {name: value for remedy in group for name, value in remedy.changes.items()}
    return Remedy(title, " ".join(remedy.why for remedy in group), changes)


def _single(recipe: Recipe, shape: ModelShape, machine: Machine, lengths: Sequence[int]) -> Iterator[Remedy]:
    """All that could be changed, by what it costs in quality: nothing first, another model last."""
    on_card = machine.card is not None
    method = method_of(recipe, on_card)
    yield from _smaller_batch(recipe, shape, machine, max(lengths, default=None))
    if checkpointing_of(recipe, on_card) == "off":
        yield Remedy(
            "Gradient checkpointing",
            "Counts activations again instead of keeping them. It learns the same, a fifth to a third slower.",
            {"gradient_checkpointing": "unsloth" if on_card else "on"},
        )
    if on_card and optimizer_of(recipe, on_card) in WIDE_OPTIMIZERS:
        yield Remedy(
            "Optimizer at 8 bits",
            "Its averages take a quarter of the memory; its authors found that it learns as well.",
            {"optimizer": "adamw_8bit"},
        )
    if on_card and method != "full" and recipe.offload_layers < shape.layers:
        changes = _fewest_layers_off(recipe, shape, machine, max(lengths, default=None))
        yield Remedy(
            f"{changes['offload_layers']} of {shape.layers} layers off the card",
            "They wait in the computer's memory until it is their turn. It learns the same; each batch takes longer.",
            changes,
        )
    if method == "full" and optimizer_of(recipe, on_card) not in LOW_RANK:
        yield Remedy(
            "GaLore, which keeps less for each weight",
            "It follows the main directions of each layer alone; its authors found that it learns as well, and finding "
            "them anew takes time.",
            {"optimizer": "galore_adamw"},
        )
    if method == "full":
        yield Remedy("An adapter instead of all weights", "Learns nearly as much in most tasks.", {"method": "lora"})
    if method in ("lora", "full"):
        yield Remedy("4-bit weights (qlora)", "The base is rounded to 4 bits; little is lost.", {"method": "qlora"})
    yield from _shorter(recipe, lengths)
    if method != "full" and recipe.modules_to_save != "none":
        yield Remedy(
            "Word tables as they are", "New words and other languages are learned less.", {"modules_to_save": "none"}
        )
    if method != "full" and recipe.lora_rank > LEAST_RANK:
        rank = max(LEAST_RANK, recipe.lora_rank // 2)
        yield Remedy(f"Rank {rank} instead of {recipe.lora_rank}", "The adapter can learn less.", {"lora_rank": rank})
    attention = recipe.model_copy(update={"target_modules": "attention"})
    if method != "full" and set(targets_of(attention, shape)) < set(targets_of(recipe, shape)):
        yield Remedy("Attention layers only", "The other layers learn nothing.", {"target_modules": "attention"})
    yield from _smaller_bases(recipe, machine, max(lengths, default=None))


def _smaller_batch(recipe: Recipe, shape: ModelShape, machine: Machine, longest: int | None) -> Iterator[Remedy]:
    if recipe.batch_size == 1:
        return
    fitting = _largest(1, recipe.batch_size, lambda size: _fits(recipe, shape, machine, longest, batch_size=size))
    changes = _batched(recipe.batch_size * recipe.gradient_accumulation, fitting or 1)
    size, batches = changes["batch_size"], changes["gradient_accumulation"]
    yield Remedy(
        f"Batch of {size} ({batches} batches a step)", "It learns the same in each step, a little slower.", changes
    )


def _shorter(recipe: Recipe, lengths: Sequence[int]) -> Iterator[Remedy]:
    """Cut the few longest examples. Source of the shares: the nearest-rank percentile."""
    ordered = sorted(lengths)
    for percent in (99, 95):
        if not ordered:
            return
        tokens = max(SHORTEST_TOKENS, ordered[math.ceil(percent / 100 * len(ordered)) - 1])
        cut = sum(length > tokens for length in ordered)
        if tokens < min(recipe.max_length, ordered[-1]):
            yield Remedy(
                f"Longest example {tokens:,} tokens",
                f"{cut:,} of {len(ordered):,} examples are longer; their ends are cut off.",
                {"max_length": tokens},
            )


def _smaller_bases(recipe: Recipe, machine: Machine, longest: int | None) -> Iterator[Remedy]:
    """The largest smaller base of the same family that fits."""
    own = find_base(recipe.base)
    if own is None or recipe.base == STARTER:
        return
    smaller = [base for base in read_catalog() if base.family == own.family and base.parameters < own.parameters]
    fitting = [base for base in smaller if estimate(recipe, base.shape, machine, longest).fits]
    if fitting:
        best: Base = max(fitting, key=lambda base: base.parameters)
        yield Remedy(
            f"{best.title} instead",
            f"A smaller model of the same family as {own.title}; it knows less.",
            {"base": best.hub},
        )
