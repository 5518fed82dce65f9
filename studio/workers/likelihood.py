"""How likely base and tuned hold the wanted answers: the loss that training brings down, on held-out examples."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from studio.data.tokens import NOT_LEARNED, Labelled
from studio.workers.generate import Generator, Side, adapter_of
from studio.workers.room import Halving

SCORES_BYTES = 500_000_000  # of one batch: a number of 32 bits for each of its words in view and each word of the table


def losses(generator: Generator, labelled: Sequence[Labelled]) -> Iterator[tuple[int, dict[Side, float]]]:
    """(place, mean loss a learned token of base and tuned in nats), batched by length. NaN where nothing is learned."""
    order = sorted(range(len(labelled)), key=lambda place: len(labelled[place].input_ids))
    words, room = int(generator.model.config.get_text_config().vocab_size), Halving(generator)
    while order:
        part, order = _next_batch(order, labelled, words)
        for places, found in room.each(part, lambda some: _of_batch(generator, [labelled[place] for place in some])):
            yield from ((place, {side: found[side][i] for side in found}) for i, place in enumerate(places))


def losses_as(generator: Generator, side: Side, labelled: Sequence[Labelled]) -> Iterator[tuple[int, float]]:
    """As `losses`, of one of those who share the weights: (place, mean loss a learned token)."""
    order = sorted(range(len(labelled)), key=lambda place: len(labelled[place].input_ids))
    room = Halving(generator)

    def read(places: Sequence[int]) -> list[float]:
        rows = [labelled[place] for place in places]
        if generator.in_turn:
            with generator.speaking_as(side) as model:
                return _forward(model, rows)
        return _forward(generator.model, rows, adapter_names=[adapter_of(side)] * len(rows))

    while order:
        part, order = _next_batch(order, labelled, int(generator.model.config.get_text_config().vocab_size))
        for places, found in room.each(part, read):
            yield from zip(places, found, strict=True)


def losses_of(model: Any, labelled: Sequence[Labelled]) -> list[float]:
    """As `losses`, of one model alone, in the order of what it is given."""
    order = sorted(range(len(labelled)), key=lambda place: len(labelled[place].input_ids))
    found, room = [math.nan] * len(labelled), Halving()
    while order:
        part, order = _next_batch(order, labelled, int(model.config.get_text_config().vocab_size))
        for places, losses in room.each(part, lambda some: _forward(model, [labelled[place] for place in some])):
            for place, loss in zip(places, losses, strict=True):
                found[place] = loss
    return found


def finite(loss: float) -> float | None:
    """None where all of the answer was cut off, or is beyond numbers: NaN is no JSON."""
    return round(loss, 6) if math.isfinite(loss) else None


def _next_batch(order: list[int], labelled: Sequence[Labelled], words: int) -> tuple[list[int], list[int]]:
    count, view = 0, 0
    for place in order:
        view = max(view, _in_view(labelled[place]))
        if count and 2 * (count + 1) * view * words * 4 > SCORES_BYTES:
            break
        count += 1
    return order[:count], order[count:]


def _in_view(tokens: Labelled) -> int:
    """Places at the end of a row whose next word is asked for: from the first learned one on."""
    first = next((i for i, label in enumerate(tokens.labels) if label != NOT_LEARNED), len(tokens.labels))
    return len(tokens.labels) - first + 1


def _of_batch(generator: Generator, rows: Sequence[Labelled]) -> dict[Side, list[float]]:
    sides: tuple[Side, ...] = ("base", "tuned")
    if generator.in_turn:
        found = {}
        for side in sides:
            with generator.speaking_as(side) as model:
                found[side] = _forward(model, rows)
        return found
    both = _forward(generator.model, [*rows, *rows], adapter_names=[adapter_of(side) for side in sides for _ in rows])
    return {"base": both[: len(rows)], "tuned": both[len(rows) :]}


def _forward(model: Any, rows: Sequence[Labelled], **more: Any) -> list[float]:
    """Shapes: input_ids (rows, longest), padded on the left so that all answers stand at the end."""
    longest = max(len(row.input_ids) for row in rows)
    view = min(longest, max(map(_in_view, rows)))

    def padded(values: Sequence[int], filler: int) -> list[int]:
        return [filler] * (longest - len(values)) + list(values)

    ids = torch.tensor([padded(row.input_ids, 0) for row in rows], device=model.device)
    mask = torch.tensor([padded([1] * len(row.input_ids), 0) for row in rows], device=model.device)
    labels = torch.tensor([padded(row.labels, NOT_LEARNED) for row in rows], device=model.device)
    places = (mask.cumsum(-1) - 1).clamp(min=0)
    with torch.no_grad():
        scores = model(
            input_ids=ids, attention_mask=mask, position_ids=places, use_cache=False, logits_to_keep=view, **more
        ).logits  # (rows, view, words)
    wanted = labels[:, -view:][:, 1:]
    each = cross_entropy(scores[:, :-1].float().transpose(1, 2), wanted, ignore_index=NOT_LEARNED, reduction="none")
    learned = (wanted != NOT_LEARNED).sum(-1)
    return [float(loss) for loss in each.sum(-1) / learned]  # 0 / 0 is NaN: nothing of it was learned
