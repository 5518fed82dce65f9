"""A model with its adapter merged, and its Hugging Face folder: weights at 16 bits beside the files of its base."""

from __future__ import annotations

import shutil
from itertools import count
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from peft.tuners.lora import LoraLayer

from studio.data.chat_templates import OWN
from studio.data.conversation import Message
from studio.data.tokens import FolderTokenizer
from studio.store import read_json, write_json
from studio.store import write_whole as write_text

# Copied and not written anew: Transformers 5 writes no tokenizer.model, and another tokenizer_class, by which the
# converters to GGUF tell the families from each other.
OF_BASE = (
    "tokenizer*",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "tekken.json",
    "chat_template*",
    "generation_config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "*.model",
)

SHARD = "1GB"
GIVEN_BY_LLAMA_CPP = {"date_string": "01 Jan 1970", "enable_thinking": True}


def merge(model: Any, folder: Path) -> Any:
    """Return the plain model; its merged weights are mapped from files in `folder`, which must outlive it.

    Merged in memory, a model of 8 billion parameters would take the 16 GB that most computers have. A model without
    an adapter is returned as it is.
    Raises: OSError if the disk is full.
    """
    if not isinstance(model, PeftModel):
        return model
    numbers = count()
    folder.mkdir(parents=True, exist_ok=True)
    for layer in model.modules():
        if isinstance(layer, LoraLayer):
            # Before merging: writing to weights that are mapped from safetensors copies them into memory.
            mapped = _map_from_file(layer, folder / str(next(numbers)))
            layer.merge()
            if _base_weights(layer).data_ptr() != mapped:  # DoRA makes new ones
                _map_from_file(layer, folder / str(next(numbers)))
    return model.merge_and_unload()


def _base_weights(layer: LoraLayer) -> Any:
    """Of experts in one block, which are no layers, the parameter."""
    return getattr(layer.get_base_layer(), getattr(layer, "parameter_name", "weight"))


def _map_from_file(layer: LoraLayer, file: Path) -> int:
    """Move a layer's weights into a file that is mapped into memory; their address."""
    weights = _base_weights(layer)
    size = weights.numel()
    with file.open("wb") as opened:
        opened.truncate(size * weights.itemsize)
    mapped = torch.from_file(str(file), shared=True, size=size, dtype=weights.dtype).view(weights.shape)
    weights.data = mapped.copy_(weights.data)
    return int(weights.data_ptr())


def write_whole(model: Any, base: Path, tokenizer: FolderTokenizer, folder: Path) -> None:
    """Raises: OSError if the disk is full."""
    if model.dtype == torch.float32:
        model.to(torch.bfloat16)
    model.save_pretrained(folder, max_shard_size=SHARD)  # of which it makes one copy in memory
    copy_files_of(base, tokenizer, folder)


def copy_files_of(base: Path, tokenizer: FolderTokenizer, folder: Path) -> None:
    """The tokenizer, the chat template and how answers are drawn, byte by byte; a template that was chosen instead."""
    folder.mkdir(parents=True, exist_ok=True)
    for pattern in OF_BASE:
        for file in base.glob(pattern):
            shutil.copyfile(file, folder / file.name)  # without a mode: a read-only file would be in the way
    if tokenizer.chosen != OWN:
        _change_settings(folder, chat_template=tokenizer.source, eos_token=tokenizer.eos_token)
        _end_by(tokenizer, folder)


def speak_as_trained(tokenizer: FolderTokenizer, folder: Path) -> None:
    """Let llama.cpp ask as the model was trained, whatever the folder leaves open.

    It gives templates values that Transformers does not, by which Llama 3.1's writes another day and Gemma 4's asks for
    thoughts; and it puts the mark that begins a text before all that does not say otherwise.
    """
    asked = [Message("user", "?")]
    plain, source = tokenizer.render(asked, add_generation_prompt=True), tokenizer.source
    for name, value in GIVEN_BY_LLAMA_CPP.items():
        if tokenizer.with_values(**{name: value}).render(asked, add_generation_prompt=True) != plain:
            source = source.replace(name, f"{name}_as_trained")
    begins = bool(tokenizer.bos_token) and plain.startswith(tokenizer.bos_token)
    _change_settings(folder, chat_template=source, add_bos_token=begins)


def name_layers_for_converter(folder: Path) -> None:
    """Transformers 5 calls the kinds of Granite 4's layers otherwise than its makers and llama.cpp do."""
    config = read_json(folder / "config.json") or {}
    if config.get("model_type") == "granitemoehybrid":
        names = {"linear_attention": "mamba", "full_attention": "attention"}
        kinds = [names.get(kind, kind) for kind in config["layer_types"]]
        write_json(folder / "config.json", {**config, "layer_types": kinds})


def _change_settings(folder: Path, *, chat_template: str, **settings: Any) -> None:
    """Both places are written: who reads them does not agree on which goes first."""
    write_text(folder / "chat_template.jinja", chat_template)
    config = read_json(folder / "tokenizer_config.json") or {}
    write_json(folder / "tokenizer_config.json", {**config, "chat_template": chat_template, **settings})


def _end_by(tokenizer: FolderTokenizer, folder: Path) -> None:
    drawing = read_json(folder / "generation_config.json") or {}
    ends = drawing.get("eos_token_id") or []
    ends = {tokenizer.tokenizer.token_to_id(tokenizer.eos_token), *(ends if isinstance(ends, list) else [ends])}
    write_json(folder / "generation_config.json", {**drawing, "eos_token_id": sorted(ends)})
