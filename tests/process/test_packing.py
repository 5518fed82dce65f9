"""4-bit weights on processors for which bitsandbytes packs them anew (AVX-512 with bfloat16)."""

from __future__ import annotations

import pytest
import torch
from bitsandbytes.functional import has_avx512bf16
from bitsandbytes.nn import Linear4bit

from studio.workers.load import keep_unpacked


def layers() -> torch.nn.ModuleList:
    """Of 64 and of 48 rows; only the first fits the blocks."""
    torch.manual_seed(0)
    made = [Linear4bit(128, rows, bias=False, compute_dtype=torch.float32, quant_type="nf4") for rows in (64, 48)]
    for layer in made:
        layer.support_avx512bf16_for_cpu = True
    return torch.nn.ModuleList(made).to("cpu").eval()


def test_only_layers_that_fit_are_packed() -> None:
    made = layers()
    keep_unpacked(made, only_odd=True)
    assert [layer.support_avx512bf16_for_cpu for layer in made] == [True, False]
    keep_unpacked(made)
    assert [layer.support_avx512bf16_for_cpu for layer in made] == [False, False]


def test_layer_that_does_not_fit_answers() -> None:
    """As bitsandbytes has it, it ends with an AssertionError: when this fails, it no longer does."""
    odd, numbers = layers()[1], torch.randn(2, 128)
    with torch.no_grad(), pytest.raises(AssertionError, match="divisible by block_n"):
        odd(numbers)
    odd = layers()[1]
    keep_unpacked(odd, only_odd=True)
    with torch.no_grad():
        assert odd(numbers).shape == (2, 48)


@pytest.mark.skipif(not has_avx512bf16(), reason="without AVX-512 for bfloat16 bitsandbytes packs nothing")
def test_layer_that_fits_answers_packed_as_unpacked() -> None:
    packed, unpacked, numbers = layers()[0], layers()[0], torch.randn(2, 128)
    keep_unpacked(unpacked)
    with torch.no_grad():
        expected = unpacked(numbers)
        assert torch.nn.functional.cosine_similarity(packed(numbers), expected).min() > 0.999
