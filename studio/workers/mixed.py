"""Several adapters in one batch, all of a layer's at once. What is answered stays the same.

PEFT goes through a layer's adapters one after the other and cuts the batch up for each: when a single token is written,
that takes longer than the layer itself. Here all are laid side by side, and a mask takes from each row those that are
not its own.
"""

from __future__ import annotations

from types import MethodType
from typing import Any

import torch
from peft.tuners.lora.layer import Linear as AdaptedLinear
from torch.nn.functional import linear


def mix(model: Any) -> None:
    """Let plain layers compute so; those that have more to them stay as PEFT has them."""
    for module in model.modules():
        if type(module) is AdaptedLinear and not module.lora_variant:
            module._mixed_batch_forward = MethodType(_forward, module)
            module._side_by_side = None


def _forward(self: Any, x: torch.Tensor, *args: Any, adapter_names: list[str], **more: Any) -> torch.Tensor:
    """Shapes: x (rows, seq, in). Adapters are multiplied at their own width, as PEFT does."""
    result: torch.Tensor = self.base_layer(x)
    names = tuple(name for name in dict.fromkeys(adapter_names) if name in self.lora_A)
    if not names:
        return result
    # The weights themselves stand in the key: an adapter may be put on anew under its old name.
    key = (tuple(adapter_names), *((self.lora_A[name].weight, self.scaling[name]) for name in names))
    if self._side_by_side is None or not _same(self._side_by_side[0], key):
        self._side_by_side = (key, *_lay(self, names, adapter_names))
    _, a, b, mask, adapted = self._side_by_side
    if x.shape[1] == 1:  # one token: to pick rows would take longer than to multiply those of the base by nothing
        inner = linear(x.to(a.dtype), a).mul_(mask)
        return result.add_(linear(inner, b).to(result.dtype))
    inner = linear(x[adapted].to(a.dtype), a).mul_(mask[adapted])
    return result.index_add_(0, adapted, linear(inner, b).to(result.dtype))


def _same(known: tuple[Any, ...], key: tuple[Any, ...]) -> bool:
    """Tensors are compared by what they are, not by what they hold."""
    if known[0] != key[0] or len(known) != len(key):
        return False
    return all(old[0] is new[0] and old[1] == new[1] for old, new in zip(known[1:], key[1:], strict=True))


def _lay(layer: Any, names: tuple[str, ...], rows: list[str]) -> tuple[torch.Tensor, ...]:
    """Shapes: a (ranks of all, in), b (out, ranks of all), mask (rows, 1, ranks of all), which holds the scaling,
    adapted (rows with an adapter,).
    """
    a = torch.cat([layer.lora_A[name].weight.detach() for name in names])
    b = torch.cat([layer.lora_B[name].weight.detach() for name in names], dim=1)
    mask = torch.cat(
        [
            torch.tensor([[[layer.scaling[name] if row == name else 0.0]] for row in rows]).repeat(1, 1, layer.r[name])
            for name in names
        ],
        dim=2,
    )
    adapted = torch.tensor([place for place, row in enumerate(rows) if row in names], device=a.device)
    return a, b, mask.to(a), adapted
