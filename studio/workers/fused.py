"""Adapters and attention on a processor in fewer passes over memory. What is learned stays the same.

PEFT copies the input of each adapter to 32 bits, multiplies it there and adds the result in three passes, each as wide
as the layer: a third of a step's time. On a card Unsloth has kernels of its own for that; on a processor it has none.
"""

from __future__ import annotations

from types import MethodType
from typing import Any

import torch
from peft.tuners.lora.layer import Linear as AdaptedLinear
from torch.nn.functional import linear


class _Adapted(torch.autograd.Function):  # type: ignore[misc]
    """x W' + bias + scaling (dropped A') B': all is multiplied as wide as x is, A and B are kept as they learn.

    Shapes: x and dropped (..., in); weight (out, in); a (rank, in); b (out, rank). `dropped` is None without dropout.
    """

    @staticmethod
    def forward(ctx: Any, x: Any, dropped: Any, weight: Any, bias: Any, a: Any, b: Any, scaling: float) -> Any:
        a, b = a.to(x.dtype), (b * scaling).to(x.dtype)
        rows = x.reshape(-1, x.shape[-1])
        read = rows if dropped is None else dropped.reshape(rows.shape)
        inner = read @ a.T
        ctx.save_for_backward(read, inner, weight, a, b)
        ctx.scaling, ctx.shape, ctx.drops = scaling, x.shape, dropped is not None
        out = linear(rows, weight, bias).addmm_(inner, b.T)
        # No view of it: Llama 4's experts add to what they are given in place, which autograd forbids for a view.
        return torch.ops.aten._unsafe_view(out, [*x.shape[:-1], out.shape[-1]])

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        read, inner, weight, a, b = ctx.saved_tensors
        rows = gradient.reshape(-1, gradient.shape[-1])
        of_inner = rows @ b
        of_x = of_dropped = None
        if ctx.needs_input_grad[0]:
            of_x = rows @ weight
            if ctx.drops:
                of_dropped = (of_inner @ a).view(ctx.shape)
            else:
                of_x.addmm_(of_inner, a)
            of_x = of_x.view(ctx.shape)
        of_b = (rows.T @ inner).float() * ctx.scaling
        return of_x, of_dropped, None, None, (of_inner.T @ read).float(), of_b, None


def fuse(model: Any) -> None:
    """Let a model that trains on a processor compute so. Layers that have more to them stay as PEFT has them."""
    for module in model.modules():
        if _is_plain(module):
            module.forward = MethodType(_forward, module)
    model.register_forward_pre_hook(_without_mask, with_kwargs=True)


def _is_plain(module: Any) -> bool:
    if type(module) is not AdaptedLinear or type(module.base_layer) is not torch.nn.Linear:  # as at 4 bits
        return False
    simple = not module.lora_variant and not module.base_layer.weight.requires_grad  # a variant is DoRA, for one
    return simple and all(layer.bias is None for layer in module.lora_B.values())


def _forward(self: Any, x: Any, *args: Any, **more: Any) -> Any:
    if self.disable_adapters or self.merged or args or more or len(self.active_adapters) != 1:
        return type(self).forward(self, x, *args, **more)
    (name,) = self.active_adapters
    dropout, base = self.lora_dropout[name], self.base_layer
    dropped = dropout(x) if self.training and isinstance(dropout, torch.nn.Dropout) else None
    a, b = self.lora_A[name].weight, self.lora_B[name].weight
    return _Adapted.apply(x, dropped, base.weight, base.bias, a, b, self.scaling[name])


def _without_mask(model: Any, args: Any, more: dict[str, Any]) -> Any:
    """A causal model never looks ahead, so that padding on the right is seen by padding alone, of which nothing is
    learned. Without a mask attention skips the upper half, and copies no keys and values for each head."""
    mask = more.get("attention_mask")
    if mask is not None and more.get("labels") is not None and bool((mask[:, 1:] <= mask[:, :-1]).all()):
        return args, more | {"attention_mask": None}
    return None
