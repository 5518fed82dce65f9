"""A merged folder -> Q4_K_M without examples: llama.cpp's converter tensor by tensor, rounded by AutoRound's K-quants.

For models through which AutoRound cannot pass examples. Which tensors get more than 4 bits follows llama.cpp's own
Q4_K_M (llama-quant.cpp); what is not named here stays at 8 bits or as the converter keeps it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gguf
import numpy
import torch
from auto_round.export.export_to_gguf.packing import ggml_quant

Type = gguf.GGMLQuantizationType
SUPER_BLOCK = 256
ATTENTION_LAYERS = {"full_attention", "sliding_attention", "chunked_attention"}
MATRICES = re.compile(
    r"blk\.(?P<layer>\d+)\.(?P<role>attn_(q|k|v|qkv|gate|output|q_a|q_b|kv_a_mqa|kv_b|k_b|v_b)"
    r"|ffn_(gate|up|down|gate_up)(_exps|_shexp)?|ssm_(in|out)|shortconv\.(in_proj|out_proj))\.weight"
)
FINER = re.compile(r"attn_v|ffn_down(_exps|_shexp)?")
IN_PLACE_OF = {Type.Q4_K: Type.Q5_0, Type.Q5_K: Type.Q5_1, Type.Q6_K: Type.Q8_0}  # for rows of other lengths


def can_calibrate(model: Any) -> bool:
    """Whether AutoRound can pass examples through all layers of this model and see each of its weights used.

    It gives every layer the first one's mask, wants pictures for a model that sees, and has nothing to go by for an
    expert whom no example reaches.
    """
    kinds = set(getattr(model.config.get_text_config(), "layer_types", None) or ())
    has_experts = any(weights.ndim == 3 for weights in model.parameters())
    return kinds <= ATTENTION_LAYERS and not has_experts and not hasattr(model.config, "vision_config")


def write_plainly(converter: type, folder: Path, place: Path) -> None:
    """`converter`: llama.cpp's class for a model of this folder.

    Raises: OSError if the disk is full.
    """
    for kind in (Type.Q4_K, Type.Q5_K, Type.Q6_K):
        teach(kind)
    _with_four_bits(converter)(dir_model=folder, ftype=gguf.LlamaFileType.MOSTLY_Q8_0, fname_out=place).write()


def teach(kind: Type) -> None:
    """The gguf package reads K-quants and writes none."""

    def quantize_blocks(cls: Any, blocks: numpy.ndarray[Any, Any]) -> numpy.ndarray[Any, Any]:
        own = torch.from_numpy(blocks.copy())  # it writes into what it is given
        rounded = ggml_quant(own, kind.name.lower(), device="cpu")
        return numpy.asarray(rounded).reshape(len(blocks), -1)

    getattr(gguf.quants, kind.name).quantize_blocks = classmethod(quantize_blocks)


def _with_four_bits(converter: type) -> Any:
    class FourBits(converter):  # type: ignore[misc]
        model_arch = converter.model_arch  # type: ignore[attr-defined]  # asked of each class by itself

        def modify_tensors(self, data_torch: Any, name: str, bid: int | None) -> Iterator[tuple[str, Any]]:
            for new_name, data in super().modify_tensors(data_torch, name, bid):
                self.row = int(data.shape[-1]) if data.ndim else 1  # of which it asks next
                yield new_name, data

        def tensor_force_quant(self, name: str, new_name: str, bid: int | None, n_dims: int) -> Any:
            forced = super().tensor_force_quant(name, new_name, bid, n_dims)
            if forced is not False:
                return forced
            is_tied = not any(known.endswith("lm_head.weight") for known in self.model_tensors)
            kind = type_of(new_name, self.block_count, is_tied)
            return IN_PLACE_OF[kind] if kind and self.row % SUPER_BLOCK else kind or False

        def set_gguf_parameters(self) -> None:
            super().set_gguf_parameters()
            self.gguf_writer.kv_data[0][gguf.Keys.General.FILE_TYPE].value = int(gguf.LlamaFileType.MOSTLY_Q4_K_M)

    return FourBits


def type_of(name: str, layers: int, is_tied: bool) -> Type | None:
    """None: as the converter has it."""
    if name == "output.weight" or (name == "token_embd.weight" and is_tied):
        return Type.Q6_K
    if name == "token_embd.weight":
        return Type.Q4_K
    found = MATRICES.fullmatch(name)
    if not found:
        return None
    if FINER.fullmatch(found["role"]) and needs_more_bits(int(found["layer"]), layers):
        return Type.Q6_K
    return Type.Q5_K if found["role"] == "attn_qkv" else Type.Q4_K


def needs_more_bits(layer: int, layers: int) -> bool:
    """The first and last eighth, and every third between."""
    eighth = layers // 8
    return layer < eighth or layer >= 7 * layers // 8 or (layer - eighth) % 3 == 2
