"""Which layers of a model get an adapter: those of its text part that the recipe names, whatever its family calls them.

Unsloth's own list has Llama's names alone; by it LFM2 would learn in three of its twelve kinds of layers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import nn
from transformers.pytorch_utils import Conv1D

from studio.errors import SettingError
from studio.train.recipe import Recipe, adapter_layers, layers_meant

OTHER_SENSES = re.compile(r"(^|\.)(vision\w*|visual|audio\w*|multi_modal_projector|embed_vision|embed_audio)(\.|$)")
LINEAR = (nn.Linear, Conv1D)  # GPT-2's, which is a linear layer with its weights turned
ROUTERS = ("gate", "router", "shared_expert_gate")


@dataclass(frozen=True)
class Targets:
    """As PEFT takes them: names of layers or a pattern, and names of experts that lie in one block."""

    modules: list[str] | str
    parameters: list[str]


def find_targets(model: Any, recipe: Recipe) -> Targets:
    """Raises: SettingError if the model has none of the layers that the recipe names, or if they cannot be so set."""
    asked = adapter_layers(recipe)
    layers, experts = list(text_linears(model)), list(text_experts(model))
    known = {leaf(name) for name, _ in layers}
    blocks = {leaf(name) for name, _ in experts}
    wanted = known | blocks if isinstance(asked, str) else _as_called_here(asked, known | blocks)
    if wanted & blocks and (recipe.lora_dropout or recipe.use_dora):
        raise SettingError(
            f"{'Dropout' if recipe.lora_dropout else 'DoRA'} does not work on the experts of this model.",
            "Set Dropout to 0 and turn DoRA off, or choose attention at 'Layers with an adapter'.",
        )
    return Targets(_as_peft_takes(model, wanted & known), sorted(f"experts.{block}" for block in wanted & blocks))


def left_out(model: Any, recipe: Recipe) -> list[str]:
    """Names of layers that the recipe means and that have no adapter, in a model that has adapters.

    PEFT takes names such as gate_proj for those of the experts in some families, whose dense layers and shared experts
    get none (utils/transformers_weight_conversion.py).
    """
    asked = adapter_layers(recipe)
    adapted = {leaf(name.partition(".lora_")[0]) for name, _ in model.named_parameters() if ".lora_A." in name}
    bare = {leaf(name) for name, _ in text_linears(model) if ".lora_" not in name} - {"base_layer"}
    wanted = bare if isinstance(asked, str) else _as_called_here(asked, bare | adapted)
    return sorted(wanted - adapted)


def text_linears(model: Any) -> Iterator[tuple[str, Any]]:
    """(name, layer) of all linear layers that read text, without the head, routers, and what adapters cannot sit on."""
    head = model.get_output_embeddings()
    for name, module in model.named_modules():
        if not isinstance(module, LINEAR) or module is head or OTHER_SENSES.search(name):
            continue
        parent = name.rpartition(".")[0]
        # Mamba's kernels take the weight of its last layer and never call the layer.
        if leaf(name) not in ROUTERS and not (leaf(parent) == "mamba" and leaf(name) == "out_proj"):
            yield name, module


def text_experts(model: Any) -> Iterator[tuple[str, Any]]:
    """(name, weights) of experts that lie in one block: all of a layer in one parameter of three dimensions."""
    for name, parameter in model.named_parameters():
        if leaf(name.rpartition(".")[0]) == "experts" and parameter.ndim == 3 and not OTHER_SENSES.search(name):
            yield name, parameter


def leaf(name: str) -> str:
    return name.rpartition(".")[2]


def _as_called_here(asked: list[str], known: set[str]) -> set[str]:
    found, lost = layers_meant(asked, known)
    if not found:
        raise SettingError(
            f"This model has no layer {', '.join(sorted(lost))}.",
            f"'Layers with an adapter' may name: {', '.join(sorted(known))}.",
        )
    return found


def _as_peft_takes(model: Any, names: set[str]) -> list[str] | str:
    """Names, or a pattern where a picture tower has layers of the same names."""
    others = (name for name, module in model.named_modules() if OTHER_SENSES.search(name) and leaf(name) in names)
    if next(others, None) is None:
        return sorted(names)
    return rf"(?!.*{OTHER_SENSES.pattern}).*\.({'|'.join(sorted(names))})"
