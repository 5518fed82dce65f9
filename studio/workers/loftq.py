"""LoftQ: the adapter begins as what the rounding to 4 bits took away.

PEFT's own replace_lora_weights_loftq reckons on a card alone, asks for a file named model.safetensors, and leaves out
the scale that the adapter's words are multiplied by: with alpha twice the rank it made up for the error twice over.

Source: LoftQ, https://arxiv.org/abs/2310.08659, in one round, since the base is rounded already.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from bitsandbytes.functional import dequantize_4bit, quantize_4bit
from peft.tuners.lora import LoraLayer
from safetensors import safe_open

from studio.errors import ModelError

ADAPTER = "default"
SPARE_DIRECTIONS, POWER_ROUNDS = 8, 4  # of the randomized decomposition: within 1 % of the exact one's error


def start_by_loftq(model: Any, folder: Path, seed: int) -> None:
    """Fill a fresh adapter on a base at 4 bits. `folder` holds the base as it was before.

    Raises: ModelError where that is not to be found there.
    """
    files = _files_of(folder)
    torch.manual_seed(seed)
    for name, layer in _adapted(model):
        weight = layer.get_base_layer().weight
        if not hasattr(weight, "quant_state"):  # left at 16 bits, so nothing is to be made up for
            continue
        rounded = dequantize_4bit(weight.data, weight.quant_state).float()
        exact = _read(files, name, folder)
        if exact.shape != rounded.shape or not exact.is_floating_point():
            raise _cannot(folder, "holds weights that are rounded already")
        with torch.no_grad():
            _fill(layer, rounded, exact.to(rounded) - rounded)


def _fill(layer: Any, rounded: torch.Tensor, lost: torch.Tensor) -> None:
    """Shapes: rounded and lost (out, in); the adapter's A (rank, in) and B (out, rank)."""
    a, b, scale = layer.lora_A[ADAPTER].weight, layer.lora_B[ADAPTER].weight, layer.scaling[ADAPTER]
    rank = min(a.shape[0], *lost.shape)
    directions = min(rank + SPARE_DIRECTIONS, *lost.shape)
    left, sizes, right = torch.svd_lowrank(lost, q=directions, niter=POWER_ROUNDS)
    root = sizes[:rank].sqrt()
    a.zero_()
    b.zero_()
    a[:rank] = (right[:, :rank] * root).T.to(a)
    b[:, :rank] = (left[:, :rank] * root / scale).to(b)
    if ADAPTER in layer.lora_magnitude_vector:  # DoRA keeps the length of each row, which is another one now
        begun = rounded + scale * (b @ a).to(rounded)
        layer.lora_magnitude_vector[ADAPTER].weight.copy_(begun.norm(dim=1))


def round_to_four_bits(model: Any) -> None:
    """Take the layers under an adapter, at 16 bits, through the rounding that its base had when it was trained."""
    for _, layer in _adapted(model):
        weight = layer.get_base_layer().weight
        packed, state = quantize_4bit(weight.data, compress_statistics=True, quant_type="nf4")
        weight.data.copy_(dequantize_4bit(packed, state))


def _adapted(model: Any) -> Iterator[tuple[str, Any]]:
    """(name in the base, layer) of each linear layer with an adapter."""
    for name, module in model.named_modules():
        if isinstance(module, LoraLayer) and isinstance(module.get_base_layer(), torch.nn.Linear):
            yield name.removeprefix("base_model.model."), module


def _files_of(folder: Path) -> dict[str, Path]:
    """Name of each tensor -> the file that holds it, be it one or many."""
    found: dict[str, Path] = {}
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="pt") as opened:
            found |= dict.fromkeys(opened.keys(), file)
    return found


def _read(files: dict[str, Path], layer: str, folder: Path) -> torch.Tensor:
    """Some bases are saved without the prefix that names the model inside of the head."""
    name = next((name for name in (f"{layer}.weight", f"{layer.partition('.')[2]}.weight") if name in files), None)
    if name is None:
        raise _cannot(folder, f"does not hold {layer} by this name")
    with safe_open(files[name], framework="pt") as opened:
        return opened.get_tensor(name)


def _cannot(folder: Path, why: str) -> ModelError:
    return ModelError(f"LoftQ cannot begin: {folder.name} {why}.", "Turn LoftQ off, or pick the model at 16 bits.")
