"""An adapter that is merged with the weights in files gives the weights that PEFT gives in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from studio.workers.whole import merge


def build(base: Path, **settings: Any) -> Any:
    torch.manual_seed(3)
    config = LoraConfig(r=4, lora_alpha=16, target_modules="all-linear", **settings)
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(base, dtype="auto"), config)
    for name, weights in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weights)
    return model.eval()


def mapped_files() -> str:
    return Path("/proc/self/maps").read_text(encoding="utf-8")


@pytest.mark.parametrize("settings", [{}, {"use_rslora": True}, {"use_dora": True}], ids=["LoRA", "rsLoRA", "DoRA"])
def test_weights_are_those_of_a_merge_in_memory_and_lie_in_files(
    tiny_llama: Path, tmp_path: Path, settings: dict[str, Any]
) -> None:
    before = (tiny_llama / "model.safetensors").read_bytes()
    wanted = build(tiny_llama, **settings).merge_and_unload().state_dict()
    found = merge(build(tiny_llama, **settings), tmp_path / "merged")
    assert found.state_dict().keys() == wanted.keys()
    for name, weights in found.state_dict().items():
        assert torch.equal(weights, wanted[name]), name
    layers = [module for module in found.modules() if type(module) is torch.nn.Linear and module.weight.numel() > 1]
    assert len(layers) > 10
    assert mapped_files().count(str(tmp_path / "merged")) >= len(layers) - 1  # the head is tied to the word table
    assert (tiny_llama / "model.safetensors").read_bytes() == before


def test_model_without_an_adapter_is_left_as_it_is(tiny_llama: Path, tmp_path: Path) -> None:
    plain = AutoModelForCausalLM.from_pretrained(tiny_llama)
    assert merge(plain, tmp_path / "merged") is plain
    assert not (tmp_path / "merged").exists()
