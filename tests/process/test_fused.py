"""What a processor computes in fewer passes is what PEFT and Transformers compute."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

from studio.workers.fused import fuse

PAD = 0


def make_model(seed: int = 1, **more: Any) -> Any:
    torch.manual_seed(seed)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 4, "num_key_value_heads": 2}
    base = LlamaForCausalLM(LlamaConfig(vocab_size=50, num_hidden_layers=2, attention_bias=True, **sizes))
    model = get_peft_model(base, LoraConfig(r=4, lora_alpha=12, target_modules="all-linear", **more))
    for name, weights in model.named_parameters():
        if "lora_B" in name:  # which begins as nothing, so that nothing would reach A
            torch.nn.init.normal_(weights, std=0.1)
    return model.train()


def make_batch() -> dict[str, torch.Tensor]:
    ids = torch.randint(1, 50, (3, 9), generator=torch.Generator().manual_seed(2))
    mask = torch.ones_like(ids)
    for row, length in enumerate((9, 6, 2)):
        mask[row, length:] = 0
    labels = ids.masked_fill(mask == 0, -100)
    return {"input_ids": ids.masked_fill(mask == 0, PAD), "attention_mask": mask, "labels": labels}


def learn(model: Any) -> tuple[float, dict[str, torch.Tensor]]:
    torch.manual_seed(3)  # of dropout
    model.zero_grad()
    loss = model(**make_batch()).loss
    loss.backward()
    return loss.item(), {name: each.grad.clone() for name, each in model.named_parameters() if each.grad is not None}


@pytest.mark.parametrize(
    "settings",
    [{}, {"lora_dropout": 0.4}, {"use_rslora": True}, {"use_dora": True}, {"modules_to_save": ["lm_head"]}],
    ids=["plain", "dropout", "rsLoRA", "DoRA", "a head of its own"],
)
def test_loss_and_gradients_are_those_of_peft(settings: dict[str, Any]) -> None:
    plain = make_model(**settings)
    fused = copy.deepcopy(plain)
    fuse(fused)
    loss, gradients = learn(plain)
    fused_loss, fused_gradients = learn(fused)
    assert fused_loss == pytest.approx(loss, rel=1e-6)
    assert gradients.keys() == fused_gradients.keys()
    for name, gradient in gradients.items():
        assert gradient.abs().max() > 0, name
        torch.testing.assert_close(fused_gradients[name], gradient, rtol=1e-4, atol=1e-7)


def test_at_16_bits_it_is_as_near_to_the_truth_as_autocast() -> None:
    errors = {"autocast": 0.0, "fused": 0.0}
    for seed in range(8):
        exact = make_model(seed)
        for name, weights in exact.named_parameters():
            weights.data = weights.data if "lora_" in name else weights.data.bfloat16().float()
        _, truth = learn(exact)
        for way in errors:
            model = copy.deepcopy(exact)
            for name, weights in model.named_parameters():
                weights.data = weights.data if "lora_" in name else weights.data.bfloat16()
            if way == "fused":
                fuse(model)
            with torch.autocast("cpu", torch.bfloat16, enabled=way == "autocast"):
                _, gradients = learn(model)
            assert all(gradients[name].dtype == torch.float32 for name in truth)
            errors[way] += sum(float((gradients[name] - each).norm() / each.norm()) for name, each in truth.items())
    assert 0 < errors["fused"] < 1.2 * errors["autocast"]


def test_without_its_adapter_it_answers_as_the_base() -> None:
    model = make_model()
    ids = make_batch()["input_ids"][:1]
    with torch.no_grad(), model.disable_adapter():
        base = model(input_ids=ids).logits
    fuse(model)
    with torch.no_grad():
        tuned = model(input_ids=ids).logits
        with model.disable_adapter():
            torch.testing.assert_close(model(input_ids=ids).logits, base)
        model.merge_adapter()
        torch.testing.assert_close(model(input_ids=ids).logits, tuned, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(tuned, base)


def test_padding_on_the_left_keeps_its_mask() -> None:
    model = make_model()
    batch = {name: values.flip(1) for name, values in make_batch().items()}
    with torch.no_grad():
        loss = model(**batch).loss.item()
        fuse(model)
        assert model(**batch).loss.item() == pytest.approx(loss, rel=1e-6)
        assert model(**batch | {"attention_mask": None}).loss.item() != pytest.approx(loss, rel=1e-4)
