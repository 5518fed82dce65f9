"""The smallest kernel of Triton's; it reads its source from this file."""

import torch
import triton
import triton.language as tl


@triton.jit
def _ones(out, count, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    places = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(out + places, 1.0, mask=places < count)


def write_ones(count: int) -> bool:
    """Compile and run it; whether all numbers are ones."""
    out = torch.zeros(count, device="cuda")
    _ones[(triton.cdiv(count, 256),)](out, count, BLOCK=256)
    return bool((out == 1).all())
