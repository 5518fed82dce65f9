"""Several adapters in one batch, beside PEFT's own way through them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel
from peft.tuners.lora.bnb import Linear4bit
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

from studio.workers.load import keep_unpacked
from studio.workers.mixed import mix

ROWS = ["__base__", "one", "other", "narrow", "one"]


def build(base: Path) -> Any:
    """Three adapters that differ in rank and in what they stand on."""
    torch.manual_seed(3)
    model = PeftModel(
        AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32),
        LoraConfig(r=4, lora_alpha=16, target_modules="all-linear", lora_dropout=0.3),
        adapter_name="one",
    )
    model.add_adapter("other", LoraConfig(r=8, lora_alpha=4, use_rslora=True, target_modules="all-linear"))
    model.add_adapter("narrow", LoraConfig(r=2, target_modules=["q_proj"]))
    fill(model)
    return model.eval()


def fill(model: Any) -> None:
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight)


def build_rounded(base: Path) -> Any:
    """The same on 4-bit weights, as they are on a card."""
    torch.manual_seed(3)
    config = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.float32)
    rounded = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32, quantization_config=config)
    keep_unpacked(rounded)
    model = PeftModel(rounded, LoraConfig(r=4, lora_alpha=16, target_modules="all-linear"), adapter_name="one")
    model.add_adapter("other", LoraConfig(r=8, lora_alpha=4, target_modules="all-linear"))
    model.add_adapter("narrow", LoraConfig(r=2, target_modules=["q_proj"]))
    fill(model)
    return model.eval()


def logits(model: Any, rows: list[str]) -> torch.Tensor:
    ids = torch.arange(5, 5 + 7 * len(rows)).reshape(len(rows), 7)
    with torch.no_grad():
        found: torch.Tensor = model(input_ids=ids, adapter_names=rows).logits
    return found


@pytest.fixture
def pair(tiny_llama: Path) -> tuple[Any, Any]:
    """(as PEFT has it, mixed)"""
    mixed = build(tiny_llama)
    mix(mixed)
    return build(tiny_llama), mixed


def test_each_row_is_as_peft_gives_it(pair: tuple[Any, Any]):
    own, mixed = (logits(model, ROWS) for model in pair)
    assert torch.allclose(own, mixed, atol=1e-4)
    assert not torch.allclose(own[0], own[1], atol=1e-1)


def test_rows_on_four_bit_weights_are_as_peft_gives_them_and_go_the_same_way(tiny_llama: Path):
    own, mixed = build_rounded(tiny_llama), build_rounded(tiny_llama)
    mix(mixed)
    assert any(hasattr(module, "_side_by_side") for module in mixed.modules() if type(module) is Linear4bit)
    assert torch.allclose(logits(own, ROWS), logits(mixed, ROWS), atol=1e-4)


def test_other_rows_another_strength_and_other_weights_are_seen_at_once(pair: tuple[Any, Any]):
    for model in pair:
        logits(model, ROWS)
    again = ["other", "__base__"]
    assert torch.allclose(*(logits(model, again) for model in pair), atol=1e-4)
    for model in pair:
        for layer in model.modules():
            if hasattr(layer, "set_scale"):
                layer.set_scale("other", 0.5)
    assert torch.allclose(*(logits(model, again) for model in pair), atol=1e-4)
    for model in pair:
        torch.manual_seed(9)
        model.delete_adapter("other")
        model.add_adapter("other", LoraConfig(r=8, target_modules="all-linear"))
        fill(model)
        model.eval()
    assert torch.allclose(*(logits(model, again) for model in pair), atol=1e-4)


def test_the_base_is_the_base_to_the_bit(pair: tuple[Any, Any], tiny_llama: Path):
    bare = AutoModelForCausalLM.from_pretrained(tiny_llama, dtype=torch.float32).eval()
    ids = torch.arange(5, 12).reshape(1, 7)
    with torch.no_grad():
        alone = bare(input_ids=ids.repeat(2, 1)).logits
        beside = pair[1](input_ids=ids.repeat(2, 1), adapter_names=["__base__", "one"]).logits
    assert torch.equal(alone[0], beside[0])


def test_layers_with_more_to_them_stay_as_they_are(tiny_llama: Path):
    model = PeftModel(
        AutoModelForCausalLM.from_pretrained(tiny_llama), LoraConfig(use_dora=True, target_modules="all-linear")
    )
    mix(model)
    assert not any("_mixed_batch_forward" in vars(module) for module in model.modules())


def test_token_after_token_is_as_all_at_once(pair: tuple[Any, Any]):
    ids = torch.arange(5, 5 + 7 * len(ROWS)).reshape(len(ROWS), 7)
    model, cache, found = pair[1], None, []
    with torch.no_grad():
        for place in range(ids.shape[1]):
            output = model(
                input_ids=ids[:, place : place + 1], past_key_values=cache, use_cache=True, adapter_names=ROWS
            )
            cache = output.past_key_values
            found.append(output.logits[:, 0])
    assert torch.allclose(torch.stack(found, dim=1), logits(pair[0], ROWS), atol=1e-4)
