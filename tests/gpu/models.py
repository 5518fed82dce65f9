"""Models of Llama's shape with random weights, written layer by layer on the spot: no network, and any size."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer

END = "<|im_end|>"  # of the starter's tokenizer, which all of them have


@dataclass(frozen=True)
class Shape:
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    inner: int
    words: int
    tied: bool


SHAPES = {
    "tiny": Shape(64, 2, 4, 2, 128, 49152, True),
    "small": Shape(576, 30, 9, 3, 1536, 49152, True),  # the starter's
    "1b": Shape(2048, 16, 32, 8, 8192, 128256, True),  # Llama 3.2 1B's
    "8b": Shape(4096, 32, 32, 8, 14336, 128256, False),  # Llama 3.1 8B's
}


def write_model(shape: Shape, folder: Path, tokenizer: Path) -> None:
    """Raises: OSError if the disk is full."""
    beside = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    names: dict[str, str] = {}
    for number, part in enumerate(_parts(shape)):
        file = f"model-{number:05d}.safetensors"
        save_file(part, beside / file, metadata={"format": "pt"})
        names |= dict.fromkeys(part, file)
    for file in tokenizer.iterdir():
        shutil.copyfile(file, beside / file.name)
    end = Tokenizer.from_file(str(beside / "tokenizer.json")).token_to_id(END)
    _write(beside / "model.safetensors.index.json", {"metadata": {}, "weight_map": names})
    _write(beside / "generation_config.json", {"eos_token_id": end, "pad_token_id": end})
    _write(beside / "config.json", _config(shape, end))
    beside.rename(folder)


def _parts(shape: Shape) -> Iterator[dict[str, torch.Tensor]]:
    """First what stands outside of the layers, then each of those."""
    device = "cuda" if torch.cuda.is_available() else "cpu"

    def drawn(*size: int) -> torch.Tensor:
        return torch.randn(*size, device=device, dtype=torch.bfloat16).mul_(0.02).cpu()

    ones = torch.ones(shape.hidden, dtype=torch.bfloat16)
    beside = {"model.embed_tokens.weight": drawn(shape.words, shape.hidden), "model.norm.weight": ones}
    yield beside if shape.tied else beside | {"lm_head.weight": drawn(shape.words, shape.hidden)}
    keys = shape.hidden // shape.heads * shape.kv_heads
    for layer in range(shape.layers):
        at = f"model.layers.{layer}"
        yield {
            f"{at}.self_attn.q_proj.weight": drawn(shape.hidden, shape.hidden),
            f"{at}.self_attn.k_proj.weight": drawn(keys, shape.hidden),
            f"{at}.self_attn.v_proj.weight": drawn(keys, shape.hidden),
            f"{at}.self_attn.o_proj.weight": drawn(shape.hidden, shape.hidden),
            f"{at}.mlp.gate_proj.weight": drawn(shape.inner, shape.hidden),
            f"{at}.mlp.up_proj.weight": drawn(shape.inner, shape.hidden),
            f"{at}.mlp.down_proj.weight": drawn(shape.hidden, shape.inner),
            f"{at}.input_layernorm.weight": ones.clone(),
            f"{at}.post_attention_layernorm.weight": ones.clone(),
        }


def _config(shape: Shape, end: int) -> dict[str, Any]:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": shape.hidden,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.kv_heads,
        "head_dim": shape.hidden // shape.heads,
        "intermediate_size": shape.inner,
        "vocab_size": shape.words,
        "max_position_embeddings": 8192,
        "rms_norm_eps": 1e-5,
        "rope_theta": 100000.0,
        "hidden_act": "silu",
        "tie_word_embeddings": shape.tied,
        "bos_token_id": 1,
        "eos_token_id": end,
        "pad_token_id": end,
        "dtype": "bfloat16",
    }


def _write(file: Path, value: dict[str, Any]) -> None:
    file.write_text(json.dumps(value), encoding="utf-8")
