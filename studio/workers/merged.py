"""An adapter merged into its base, with the weights that change in files: what the system needs of its memory it takes.

Merged in memory, a model of 8 billion parameters takes the 16 GB that most computers have.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from peft.tuners.lora import LoraLayer


def merge(model: Any, folder: Path) -> Any:
    """The plain model, whose changed weights lie in `folder` for as long as it lives; one without adapter as it is.

    Raises: OSError if the disk is full.
    """
    if not isinstance(model, PeftModel):
        return model
    numbers = count()
    folder.mkdir(parents=True, exist_ok=True)
    for layer in model.modules():
        if isinstance(layer, LoraLayer):
            for weights in _learned(layer):  # before: writing to a mapped safetensors file copies it into memory
                weights.data = put_in_file(weights.data, folder / f"{next(numbers)}")
            before = {id(weights): weights.data_ptr() for weights in _learned(layer)}
            layer.merge()
            for weights in _learned(layer):  # DoRA makes new ones
                if before.get(id(weights)) != weights.data_ptr():
                    weights.data = put_in_file(weights.data, folder / f"{next(numbers)}")
    return model.merge_and_unload()


def _learned(layer: Any) -> Iterator[Any]:
    """The weights of the base that merging changes."""
    base = layer.get_base_layer()
    name = getattr(layer, "parameter_name", "weight")  # experts in one block are no layers, but parameters
    yield getattr(base, name)


def put_in_file(tensor: torch.Tensor, file: Path) -> torch.Tensor:
    """The same numbers, in memory that is mapped from a file."""
    size = tensor.numel()
    with file.open("wb") as opened:
        opened.truncate(size * tensor.itemsize)
    moved = torch.from_file(str(file), shared=True, size=size, dtype=tensor.dtype).view(tensor.shape)
    moved.copy_(tensor)
    return moved
