"""Counts a model by building it without weights. `shape NOTE FOLDER`

Torch's meta device keeps shapes alone, so that a model of any size is built in a moment and takes no memory.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

from studio.errors import ModelError
from studio.tasks import run_task
from studio.train.shape import Linears, ModelShape


def count_model(folder: Path) -> ModelShape:
    """Raises: ModelError if transformers does not know such a model."""
    import torch
    from transformers import AutoConfig

    from studio.workers.load import auto_class

    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        with torch.device("meta"):
            model = auto_class(config).from_config(config, trust_remote_code=False)
    except (ValueError, KeyError, OSError, ImportError, AttributeError) as error:
        if "trust_remote_code" in str(error):
            raise ModelError(
                f"{folder.name} needs a program of its own to run, and Tunesmith runs no stranger's programs.",
                "Pick a model that Transformers knows by itself; those in the list are.",
            ) from error
        raise ModelError(
            f"{folder.name} could not be read: {str(error).splitlines()[0][:300]}",
            "Pick another model; Tunesmith trains text models with a 'CausalLM' architecture.",
        ) from error
    return describe_model(model, config)


def describe_model(model: Any, config: Any) -> ModelShape:
    text = config.get_text_config()
    text.allow_global_per_layer_attribute_access = True  # Gemma 4's heads are not all as wide; the usual ones count
    words, head = model.get_input_embeddings(), model.get_output_embeddings()
    tied = bool(text.tie_word_embeddings) or head is None or head.weight is words.weight
    parameters = {id(parameter): parameter.numel() for parameter in model.parameters()}
    if tied and head is not None and head.weight is not words.weight:  # tied only once weights are loaded
        parameters.pop(id(head.weight), None)
    heads = int(text.num_attention_heads)
    experts = int(_first(text, "num_local_experts", "num_experts", "n_routed_experts"))
    linears = _linears(model)
    shared = any("shared_expert" in name for name, _ in model.named_modules())
    wide = _first(text, "moe_intermediate_size") if experts else 0
    return ModelShape(
        parameters=sum(parameters.values()),
        hidden_size=int(text.hidden_size),
        layers=int(text.num_hidden_layers),
        intermediate_size=int(wide or _first(text, "intermediate_size", "n_inner") or 4 * text.hidden_size),
        attention_heads=heads,
        kv_heads=int(_first(text, "num_key_value_heads") or heads),
        head_dim=int(_first(text, "head_dim") or text.hidden_size // heads),
        vocab_size=int(words.weight.shape[0]),
        tied=tied,
        context_tokens=int(_first(text, "max_position_embeddings", "n_positions")),
        experts=experts,
        active_experts=int(_first(text, "num_experts_per_tok", "num_experts_per_token")) + shared if experts else 0,
        linears=linears,
    )


def _linears(model: Any) -> Linears:
    """Layer name -> (inputs, outputs, how many). Two sizes under one name are told apart by a number."""
    from studio.workers.targets import leaf, text_experts, text_linears

    sizes: Counter[tuple[str, int, int]] = Counter()
    for name, module in text_linears(model):
        outputs, inputs = (int(size) for size in module.weight.shape)
        if type(module).__name__ == "Conv1D":  # GPT-2's linear layers, stored the other way round
            inputs, outputs = outputs, inputs
        sizes[leaf(name), inputs, outputs] += 1
    for name, stack in text_experts(model):
        inputs, outputs = _expert_size(leaf(name), stack, model.get_submodule(name.rpartition(".")[0]))
        sizes[f"experts.{leaf(name)}", inputs, outputs] += int(stack.shape[0])
    linears: Linears = {}
    for (own, inputs, outputs), count in sorted(sizes.items()):
        same = sum(1 for name in linears if name.partition("#")[0] == own)
        linears[f"{own}#{same + 1}" if same else own] = (inputs, outputs, count)
    return linears


def _expert_size(name: str, stack: Any, experts: Any) -> tuple[int, int]:
    """(inputs, outputs): the down projection ends in the hidden size, the others begin there."""
    one, other = (int(size) for size in stack.shape[1:])
    hidden = int(_first(experts, "hidden_size", "hidden_dim") or min(one, other))
    inner = other if one == hidden else one
    return (inner, hidden) if name.startswith("down") else (hidden, inner)


def _first(config: Any, *names: str) -> int:
    """What a configuration says under the first of these names that it knows, else 0."""
    return next((int(value) for name in names if isinstance(value := getattr(config, name, None), int)), 0)


def main(note: str, folder: str) -> int:
    return run_task(Path(note), lambda report: count_model(Path(folder)).as_json())


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
