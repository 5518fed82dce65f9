"""Weights that their makers rounded (MXFP4, FP8) are unrolled as they are loaded, train, and are merged at 16 bits."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from studio.errors import ModelError
from studio.export.gguf import QUANTS, folder_of
from studio.queue import start_run
from studio.train.recipe import Recipe
from studio.workers import export
from studio.workers.load import compute_dtype, load_base
from studio.workspace import Workspace
from tests.process.small import wait_for_end

FP4 = torch.tensor([0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6])
SIZES = {
    "vocab_size": 49152, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
    "max_position_embeddings": 512, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2,
    "tie_word_embeddings": False,
}  # fmt: skip
GROUP, BLOCK = 32, 128  # numbers that share a scale in MXFP4; rows and columns that do in FP8


def save_with(folder: Path, weights: dict[str, torch.Tensor], rounding: dict[str, Any]) -> None:
    save_file({name: tensor.contiguous() for name, tensor in weights.items()}, folder / "model.safetensors")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"quantization_config": rounding}))


def build_fp8(folder: Path) -> dict[str, torch.Tensor]:
    """A tiny Qwen3 in blocks of 8-bit floats, as `Qwen3-8B-FP8` lies there; the weights that it stands for."""
    from transformers import Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(3)
    config = Qwen3Config(hidden_size=128, intermediate_size=256, head_dim=32, **SIZES)
    Qwen3ForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    meant, stored = load_file(folder / "model.safetensors"), {}
    for name, weight in list(meant.items()):
        stored[name] = weight
        if name.endswith("_proj.weight"):
            rows, columns = (-(-size // BLOCK) for size in weight.shape)
            scales = torch.rand(rows, columns) * 0.01 + 0.001
            spread = scales.repeat_interleave(BLOCK, 0).repeat_interleave(BLOCK, 1)[
                : weight.shape[0], : weight.shape[1]
            ]
            stored[name] = (weight.float() / spread).clamp(-448, 448).to(torch.float8_e4m3fn)
            stored[f"{name}_scale_inv"] = scales
            meant[name] = stored[name].float() * spread
    rounding = {
        "quant_method": "fp8",
        "fmt": "e4m3",
        "activation_scheme": "dynamic",
        "weight_block_size": [BLOCK, BLOCK],
    }
    save_with(folder, stored, rounding)
    return meant


def build_mxfp4(folder: Path) -> dict[str, torch.Tensor]:
    """A tiny gpt-oss whose experts are 4-bit floats with a scale for 32, as `gpt-oss-20b` lies there."""
    from transformers import GptOssConfig, GptOssForCausalLM

    torch.manual_seed(3)
    config = GptOssConfig(
        hidden_size=128, intermediate_size=128, head_dim=32, num_local_experts=4, num_experts_per_tok=2, **SIZES
    )
    GptOssForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    meant, stored = load_file(folder / "model.safetensors"), {}
    for name, weight in list(meant.items()):
        if not name.endswith(("experts.gate_up_proj", "experts.down_proj")):
            stored[name] = weight
            continue
        experts, read, written = weight.shape  # and stored the other way round, in groups along what is read
        nibbles = torch.randint(0, 16, (experts, written, read // GROUP, GROUP))
        scales = torch.randint(118, 123, (experts, written, read // GROUP))
        stored[f"{name}_blocks"] = (nibbles[..., 0::2] | nibbles[..., 1::2] << 4).to(torch.uint8)
        stored[f"{name}_scales"] = scales.to(torch.uint8)
        numbers = FP4[nibbles] * 2.0 ** (scales - 127)[..., None]
        meant[name] = numbers.reshape(experts, written, read).transpose(1, 2)
    save_with(
        folder, stored, {"quant_method": "mxfp4", "modules_to_not_convert": ["model.layers.*.self_attn", "lm_head"]}
    )
    return meant


BUILDERS = {"fp8": build_fp8, "mxfp4": build_mxfp4}


@pytest.mark.parametrize("rounding", BUILDERS)
def test_rounded_release_trains_on_the_weights_that_it_means(
    place: Workspace, recipe_of: Callable[..., Recipe], starter: Path, tmp_path: Path, rounding: str
) -> None:
    from transformers import AutoTokenizer

    folder = tmp_path / rounding
    meant = BUILDERS[rounding](folder)
    AutoTokenizer.from_pretrained(starter).save_pretrained(folder)
    model = load_base(folder, four_bit=False)
    loaded = model.state_dict()
    for name, weight in meant.items():
        assert loaded[name].dtype == compute_dtype()
        assert torch.allclose(loaded[name].float(), weight.float(), rtol=1e-2, atol=1e-6), name
    with pytest.raises(ModelError, match="rounded by their makers"):
        load_base(folder, four_bit=True)
    run = wait_for_end(
        place, start_run(place, recipe_of(max_steps=4, lora_dropout=0.0).model_copy(update={"base": str(folder)})).id
    )
    assert run.state == "done", run.status
    export.export(run, "merged", QUANTS["f16"], lambda progress: None)
    merged = folder_of(run, "merged", "")
    assert "quantization_config" not in json.loads((merged / "config.json").read_text())
    assert {weight.dtype for weight in load_file(merged / "model.safetensors").values()} == {torch.bfloat16}
