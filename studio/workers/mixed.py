"""Several adapters in one batch, all of a layer's at once. What is answered stays the same.

PEFT goes through a layer's adapters one after the other and cuts the batch up for each: when a single token is written,
that takes longer than the layer itself. Here all are laid side by side, and a mask takes from each row those that are
not its own.
"""

from __future__ import annotations

from functools import lru_cache
from types import MethodType
from typing import Any

import torch
from peft.tuners.lora.bnb import Linear4bit
from peft.tuners.lora.layer import Linear as AdaptedLinear
from torch.nn.functional import linear


def mix(model: Any) -> None:
    """Let plain layers compute so; those that have more to them stay as PEFT has them."""
    for module in model.modules():
        if type(module) in (AdaptedLinear, Linear4bit) and not module.lora_variant:
            module._mixed_batch_forward = MethodType(_forward, module)
            module._side_by_side = None


def _forward(self: Any, x: torch.Tensor, *args: Any, adapter_names: list[str], **more: Any) -> torch.Tensor:
    """Shapes: x (rows, seq, in). Adapters are multiplied at their own width, as PEFT does."""
    result: torch.Tensor = self.base_layer(x)
    names = tuple(name for name in dict.fromkeys(adapter_names) if name in self.lora_A)
    if not names:
        return result
    a, b = _weights_of(self, names)
    parts = tuple((name, self.r[name], self.scaling[name]) for name in names)
    first, last, mask = _mask_of(tuple(adapter_names), parts, a.dtype, a.device)
    inner = linear(x[first:last].to(a.dtype), a).mul_(mask)
    result[first:last].add_(linear(inner, b).to(result.dtype))
    return result


def _weights_of(layer: Any, names: tuple[str, ...]) -> tuple[torch.Tensor, torch.Tensor]:
    """Shapes: a (ranks of all, in), b (out, ranks of all)."""
    a, b = [layer.lora_A[name].weight for name in names], [layer.lora_B[name].weight for name in names]
    if len(names) == 1:
        return a[0], b[0]
    # The weights themselves are compared, not the names: an adapter may be put on anew under its old one.
    if layer._side_by_side is None or not _same(layer._side_by_side[0], a):
        layer._side_by_side = (a, torch.cat(a).detach(), torch.cat(b, dim=1).detach())
    _, a_of_all, b_of_all = layer._side_by_side
    return a_of_all, b_of_all


def _same(old: list[torch.Tensor], new: list[torch.Tensor]) -> bool:
    return len(old) == len(new) and all(one is other for one, other in zip(old, new, strict=True))


@lru_cache(maxsize=64)  # the layers have theirs in common
def _mask_of(
    rows: tuple[str, ...], parts: tuple[tuple[str, int, float], ...], dtype: torch.dtype, device: torch.device
) -> tuple[int, int, torch.Tensor]:
    """(first row with an adapter, last one + 1, the scaling of each rank in the rows between). `parts`: (name, rank,
    scaling). Shape of the mask: (rows between, 1, ranks of all).
    """
    adapted = [place for place, row in enumerate(rows) if any(row == name for name, _, _ in parts)]
    first, last = adapted[0], adapted[-1] + 1
    scales = [[scaling * (row == name) for name, rank, scaling in parts for _ in range(rank)] for row in rows]
    return first, last, torch.tensor(scales[first:last], dtype=dtype, device=device).unsqueeze(1)
