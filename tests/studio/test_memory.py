"""The estimate beside what others have measured and published, and what each setting does to it.

Figures that were looked at and are not used:
- Unsloth's table of requirements, https://unsloth.ai/docs/get-started/fine-tuning-for-beginners/unsloth-requirements,
  and LLaMA-Factory's table of hardware state neither batch nor length nor rank ("absolute minimum", "estimated").
- QLoRA, https://arxiv.org/abs/2305.14314, figure 6, is a breakdown that its authors call estimated.
- torchtune's README gives 16.2 and 30.3 GiB for LoRA of Llama 3.1 8B, without rank, layers or checkpointing.
- Of Unsloth's context lengths two for each model are used: the published ones lie on a line, so more say the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from studio.hardware import Card, Machine
from studio.train.memory import Estimate, Trainer, estimate
from studio.train.recipe import make_recipe
from studio.train.shape import ModelShape, shape_of_config

GIB, GB = 2**30, 10**9
TOLERANCE = 0.2

UNSLOTH = Trainer()
# Transformers and PEFT as they were in 2023 and 2024, with the scores of all words at once; LitGPT does likewise.
PLAIN_2024 = Trainer(fused=False, keeps_logits=True)


def llama(hidden: int, layers: int, heads: int, kv_heads: int, wide: int, words: int, **more: Any) -> ModelShape:
    config = {
        "model_type": "llama",
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "intermediate_size": wide,
        "vocab_size": words,
    }
    return shape_of_config(config | more)


MODELS = {
    "Llama 3.1 8B": llama(4096, 32, 32, 8, 14336, 128256),
    "Llama 3.3 70B": llama(8192, 80, 64, 8, 28672, 128256),
    "Llama 2 7B": llama(4096, 32, 32, 32, 11008, 32000),
    "Llama 2 13B": llama(5120, 40, 40, 40, 13824, 32000),
    "TinyLlama 1.1B": llama(2048, 22, 32, 4, 5632, 32000),
    "Mistral 7B v0.1": llama(4096, 32, 32, 8, 14336, 32000),
    "Gemma 2B": llama(2048, 18, 8, 1, 16384, 256000, head_dim=256, tie_word_embeddings=True),
    "Qwen 1.8B": llama(2048, 24, 16, 16, 5504, 151936),
    "Qwen 7B": llama(4096, 32, 32, 32, 11008, 151936),
    "Qwen 14B": llama(5120, 40, 40, 40, 13696, 152064),
    "Qwen 72B": llama(8192, 80, 64, 64, 24576, 152064),
}


@dataclass(frozen=True)
class Figure:
    model: str
    measured: float
    trainer: Trainer
    settings: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.model}, " + ", ".join(map(str, self.settings.values()))


# https://unsloth.ai/docs/basics/unsloth-benchmarks: "QLoRA on all linear layers, rank = 32, batch size 1, sequences
# padded to the maximum"; the longest context that each card held, for Unsloth and for "Hugging Face + FA2".
UNSLOTH_CONTEXTS = [
    Figure("Llama 3.1 8B", 8 * GIB, UNSLOTH, {"max_length": 2972}),
    Figure("Llama 3.1 8B", 24 * GIB, UNSLOTH, {"max_length": 78_475}),
    Figure("Llama 3.3 70B", 48 * GIB, UNSLOTH, {"max_length": 12_106}),
    Figure("Llama 3.3 70B", 80 * GIB, UNSLOTH, {"max_length": 89_389}),
    Figure("Llama 3.1 8B", 16 * GIB, PLAIN_2024, {"max_length": 2551}),
    Figure("Llama 3.1 8B", 80 * GIB, PLAIN_2024, {"max_length": 28_454}),
    Figure("Llama 3.3 70B", 80 * GIB, PLAIN_2024, {"max_length": 6916}),
]
# https://github.com/hiyouga/LLaMA-Factory/wiki/Performance-comparison, April 2024, LLaMA2-7B, rank 8, all modules,
# A100: batch 1 at 4 bits by length, and batch 4 at length 1,024. Rounded to whole GB there.
FACTORY = [
    *(
        Figure("Llama 2 7B", size * GIB, UNSLOTH, {"method": "qlora", "max_length": length})
        for length, size in ((1024, 5), (2048, 6), (4096, 7), (8192, 8), (16384, 10))
    ),
    *(
        Figure("Llama 2 7B", size * GIB, PLAIN_2024, {"method": "qlora", "max_length": length})
        for length, size in ((1024, 6), (2048, 7), (4096, 9), (8192, 12), (16384, 19), (32768, 32))
    ),
    Figure("Llama 2 7B", 16 * GIB, UNSLOTH, {"method": "lora", "max_length": 1024, "batch_size": 4}),
    Figure("Llama 2 7B", 7 * GIB, UNSLOTH, {"method": "qlora", "max_length": 1024, "batch_size": 4}),
    Figure("Llama 2 7B", 17 * GIB, PLAIN_2024, {"method": "lora", "max_length": 1024, "batch_size": 4}),
]
# https://github.com/QwenLM/Qwen, README, "Profiling of Memory and Speed": one A100-80G, flash attention 2, batch 1;
# rank 64 on all linear layers by its finetune.py, checkpointing by its scripts. By length: LoRA, and at 4 bits.
QWEN = [
    Figure(f"Qwen {size}", measured * GB, PLAIN_2024, {"method": method, "max_length": length})
    for size, method, by_length in (
        ("1.8B", "lora", {256: 6.7, 512: 7.4, 1024: 8.4, 2048: 11.0, 4096: 16.2}),
        ("7B", "lora", {256: 20.1, 512: 20.4, 1024: 21.5, 2048: 23.8, 4096: 29.7, 8192: 36.6}),
        ("14B", "lora", {256: 34.6, 512: 35.1, 1024: 35.3, 2048: 37.4, 4096: 42.5, 8192: 55.2}),
        ("1.8B", "qlora", {256: 5.8, 512: 6.0, 1024: 6.6}),
        ("7B", "qlora", {256: 11.5, 512: 11.5}),
        ("14B", "qlora", {256: 18.7, 512: 18.4, 1024: 18.9}),
        ("72B", "qlora", {256: 61.4, 512: 61.4, 1024: 62.9, 2048: 64.1, 4096: 68.0}),
    )
    for length, measured in by_length.items()
]
# https://github.com/Lightning-AI/litgpt, tutorials/resource-tables.md: one A100, bf16, Alpaca's longest example of
# 1,304 tokens, no checkpointing; 4,194,304 and 6,553,600 parameters learn: rank 8 on queries and values.
LITGPT = [
    Figure(model, measured * GB, PLAIN_2024, {"method": method, "batch_size": batch, "max_length": 1304})
    for model, method, batch, measured in (
        ("Llama 2 7B", "lora", 1, 21.30),
        ("Llama 2 7B", "lora", 2, 29.07),
        ("Llama 2 7B", "qlora", 1, 13.84),
        ("Llama 2 13B", "lora", 1, 38.12),
        ("Llama 2 13B", "qlora", 1, 22.55),
    )
]
# The same, config_hub/finetune/README.md: at most 512 tokens, micro batch and peak as stated there, rank and layers by
# the configurations beside it. Its 4 bits are without double quantization.
LITGPT_HUB = [
    Figure(
        model,
        measured * GB,
        PLAIN_2024,
        {"method": method, "batch_size": batch, "max_length": 512, "lora_rank": rank, "target_modules": layers},
    )
    for model, method, batch, rank, layers, measured in (
        ("TinyLlama 1.1B", "lora", 8, 32, "all-linear", 13.50),
        ("Gemma 2B", "lora", 2, 8, "all-linear", 12.62),
        ("Llama 2 7B", "lora", 2, 32, "q_proj,v_proj", 19.77),
        ("Mistral 7B v0.1", "lora", 2, 32, "q_proj,v_proj", 20.66),
        ("Llama 3.1 8B", "lora", 1, 32, "q_proj,v_proj", 19.73),
        ("TinyLlama 1.1B", "qlora", 8, 32, "all-linear", 16.24),
        ("Gemma 2B", "qlora", 2, 16, "all-linear", 11.58),
        ("Llama 2 7B", "qlora", 2, 32, "q_proj,v_proj", 13.68),
        ("Mistral 7B v0.1", "qlora", 2, 32, "q_proj,v_proj", 14.29),
        ("Llama 3.1 8B", "qlora", 2, 32, "q_proj,v_proj", 17.41),
    )
]
# https://github.com/pytorch/torchtune, README: QLoRA of Llama 3.1 8B on one 4090, batch 2, packed to 2,048, peak
# 7.4 GiB; rank 8 on all layers and checkpointing by recipes/configs/llama3_1/8B_qlora_single_device.yaml. Its loss is
# in pieces.
TORCHTUNE = [Figure("Llama 3.1 8B", 7.4 * GIB, UNSLOTH, {"max_length": 2048, "batch_size": 2})]

ALWAYS: list[tuple[list[Figure], dict[str, Any]]] = [
    (UNSLOTH_CONTEXTS, {"lora_rank": 32}),
    (FACTORY, {"lora_rank": 8}),
    (QWEN, {"lora_rank": 64}),
    (LITGPT, {"lora_rank": 8, "target_modules": "q_proj,v_proj", "gradient_checkpointing": "off"}),
    (LITGPT_HUB, {"gradient_checkpointing": "off"}),
    (TORCHTUNE, {"lora_rank": 8, "gradient_checkpointing": "on"}),
]
FIGURES = [(figure, always) for figures, always in ALWAYS for figure in figures]

# Published, and not met within a fifth. Each would have to be said of a trainer that is not ours.
NOT_MET = [
    # April 2024's Unsloth still kept the scores of all words; at these lengths they are a fifth of all.
    *(
        (Figure("Llama 2 7B", size * GIB, UNSLOTH, {"method": "qlora", "max_length": length}), {"lora_rank": 8})
        for length, size in ((32768, 16), (65536, 25), (100_000, 37))
    ),
    # Qwen's own model computes its loss from 16-bit scores under fp16, over GPTQ weights: less for each token.
    *(
        (Figure(f"Qwen {size}", measured * GB, PLAIN_2024, {"method": method, "max_length": length}), {"lora_rank": 64})
        for size, method, length, measured in (
            ("1.8B", "lora", 8192, 21.8),
            ("1.8B", "qlora", 2048, 7.8),
            ("1.8B", "qlora", 4096, 10.2),
            ("1.8B", "qlora", 8192, 15.8),
            ("7B", "qlora", 1024, 12.3),
            ("7B", "qlora", 2048, 13.9),
            ("7B", "qlora", 4096, 16.9),
            ("7B", "qlora", 8192, 23.5),
            ("14B", "qlora", 2048, 19.9),
            ("14B", "qlora", 4096, 23.0),
            ("14B", "qlora", 8192, 27.9),
            ("72B", "qlora", 8192, 75.6),
        )
    ),
]


def machine(free_gb: float = 80, bf16: bool = True) -> Machine:
    card = Card("a card", 80 * GIB, int(free_gb * GIB), "", bf16)
    return Machine((card,), "a processor", 8, 64 * GIB, 48 * GIB, bf16)


PROCESSOR = Machine((), "a processor", 8, 64 * GIB, 48 * GIB, True)


def foretell(figure: Figure, always: dict[str, Any]) -> float:
    plain = {"optimizer": "adamw_torch", "gradient_checkpointing": "on"} if figure.trainer is PLAIN_2024 else {}
    settings = {"data": "x", "method": "qlora", "batch_size": 1, **plain, **always, **figure.settings}
    return estimate(make_recipe(**settings), MODELS[figure.model], machine(), None, figure.trainer).total


@pytest.mark.parametrize(("figure", "always"), FIGURES, ids=[str(figure) for figure, _ in FIGURES])
def test_a_published_measurement_is_met_within_a_fifth(figure: Figure, always: dict[str, Any]) -> None:
    foretold = foretell(figure, always)
    assert abs(foretold / figure.measured - 1) <= TOLERANCE, f"{foretold / GB:.1f} for {figure.measured / GB:.1f} GB"


@pytest.mark.parametrize(("figure", "always"), NOT_MET, ids=[str(figure) for figure, _ in NOT_MET])
@pytest.mark.xfail(strict=True, reason="a trainer that keeps other things than ours")
def test_a_published_measurement_that_is_known_not_to_be_met(figure: Figure, always: dict[str, Any]) -> None:
    assert abs(foretell(figure, always) / figure.measured - 1) <= TOLERANCE


def test_the_published_measurements_reach_from_1_to_70_billion_parameters() -> None:
    sizes = [MODELS[figure.model].parameters for figure, _ in FIGURES]
    assert min(sizes) < 1.2e9
    assert max(sizes) > 70e9
    assert len(FIGURES) > 50


def ask(where: Machine | None = None, longest: int | None = None, **settings: Any) -> Estimate:
    recipe = make_recipe(**{"data": "x", "max_length": 1024, **settings})
    return estimate(recipe, MODELS["Llama 3.1 8B"], where or machine(), longest)


def test_the_parts_are_all_of_the_total_and_say_what_is_free() -> None:
    found = ask()
    assert sum(found.parts.values()) == found.total
    assert list(found.parts) == ["weights", "adapter", "optimizer", "gradients", "activations", "overhead"]
    assert found.available == 80 * GIB
    assert ask(PROCESSOR).available == 48 * GIB


def test_it_fits_if_no_more_is_needed_than_is_free() -> None:
    needed = ask().total / GIB
    assert ask(machine(needed + 0.01)).fits
    assert not ask(machine(needed - 0.01)).fits


def test_4_bits_take_a_quarter_of_the_layers_and_leave_the_word_tables() -> None:
    shape = MODELS["Llama 3.1 8B"]
    half, quarter = ask(method="lora").weights, ask(method="qlora").weights
    assert half == 2 * shape.parameters
    saved = 2 - 4.127 / 8
    assert half - quarter == pytest.approx(saved * shape.linear_parameters, rel=0.001)


def test_auto_means_4_bits_on_a_card_and_16_without() -> None:
    assert ask().weights == ask(method="qlora").weights
    assert ask(PROCESSOR).weights == ask(PROCESSOR, method="lora").weights


def test_an_adapter_is_counted_in_32_bits_with_its_gradients_and_the_optimizers_averages() -> None:
    found = ask(lora_rank=16, optimizer="adamw_torch", method="lora")
    assert found.adapter == 4 * 41_943_040, "as PEFT says of Llama 3.1 8B at rank 16"
    assert (found.gradients, found.optimizer) == (found.adapter, 2 * found.adapter)
    assert ask(lora_rank=32).adapter == 2 * ask(lora_rank=16).adapter
    assert ask(target_modules="attention").adapter < found.adapter / 3


def test_optimizers_at_8_bits_take_a_quarter_and_a_processor_has_none() -> None:
    assert ask(optimizer="paged_adamw_32bit").optimizer == 4 * ask(optimizer="adamw_8bit").optimizer
    assert ask(optimizer="sgd").optimizer == 0
    assert 0 < ask(optimizer="adafactor").optimizer < ask(optimizer="lion_8bit").optimizer
    assert ask(PROCESSOR, optimizer="adamw_8bit").optimizer == ask(PROCESSOR, optimizer="adamw_torch").optimizer


def test_all_weights_learn_at_16_bits() -> None:
    found, shape = ask(method="full", optimizer="adamw_8bit"), MODELS["Llama 3.1 8B"]
    assert found.adapter == 0
    assert found.weights == found.gradients == found.optimizer == 2 * shape.parameters


def test_directions_of_each_layer_take_less_than_averages_of_each_weight() -> None:
    shape = MODELS["Llama 3.1 8B"]
    wide, found = ask(method="full", optimizer="adamw_torch"), ask(method="full", optimizer="galore_adamw")
    # By table 1 of the paper: 2 nr + mr numbers of 16 bits for a layer of m x n, m <= n; here with the untied head.
    table = 4096 * shape.vocab_size
    layers = 32 * (6 * 4096 + 2 * (2 * 4096 + 1024) + 3 * (2 * 14336 + 4096))
    head, norms = 2 * shape.vocab_size + 4096, shape.parameters - shape.linear_parameters - 2 * table
    assert found.optimizer == 2 * 128 * (layers + head) + 4 * (table + norms)
    assert found.optimizer < wide.optimizer / 5
    assert ask(method="full", optimizer="apollo_adamw") == found


def test_word_tables_that_learn_whole_are_had_twice() -> None:
    table = MODELS["Llama 3.1 8B"].vocab_size * 4096 * 4
    plain = ask().adapter
    assert ask(modules_to_save="lm_head").adapter == plain + table
    assert ask(modules_to_save="embed_tokens,lm_head").adapter == plain + 2 * table


def test_only_the_longest_real_example_counts_unless_rows_are_packed() -> None:
    assert ask(longest=200, max_length=8192) == ask(longest=200, max_length=1024)
    assert ask(longest=200).activations < ask().activations
    assert ask(longest=5000).total == ask().total, "longer ones are cut"
    assert ask(longest=200, packing=True).total == ask().total


def test_the_models_own_context_is_never_exceeded() -> None:
    short = llama(64, 2, 2, 2, 128, 1000, max_position_embeddings=128)
    asked = [estimate(make_recipe(data="x", max_length=tokens), short, machine(), None).total for tokens in (128, 8192)]
    assert asked[0] == asked[1]


def test_less_is_kept_the_more_is_counted_again() -> None:
    off, on, unsloth = (ask(gradient_checkpointing=way, batch_size=8).activations for way in ("off", "on", "unsloth"))
    assert off > 3 * on
    assert on > unsloth
    assert ask().activations == ask(gradient_checkpointing="unsloth").activations
    assert ask(PROCESSOR).activations == ask(PROCESSOR, gradient_checkpointing="off").activations


@pytest.mark.parametrize("where", [machine(), PROCESSOR])
@pytest.mark.parametrize(
    "more",
    [{"batch_size": 64}, {"max_length": 65536}, {"lora_rank": 256}, {"use_dora": True}, {"modules_to_save": "lm_head"}],
)
def test_what_asks_for_more_takes_more(where: Machine, more: dict[str, Any]) -> None:
    assert ask(where, **more).total > ask(where).total


def test_batches_a_step_cost_nothing() -> None:
    assert ask(gradient_accumulation=16).total == ask().total


def test_a_token_passes_only_the_active_experts() -> None:
    numbers = {
        "model_type": "qwen3_moe", "hidden_size": 2048, "num_hidden_layers": 48, "num_attention_heads": 32,
        "num_key_value_heads": 4, "head_dim": 128, "moe_intermediate_size": 768, "num_experts": 128,
        "intermediate_size": 6144, "vocab_size": 151936,
    }  # fmt: skip
    few, all_of_them = (
        estimate(
            make_recipe(data="x", gradient_checkpointing="off"),
            shape_of_config({**numbers, "num_experts_per_tok": count}),
            machine(),
            None,
        )
        for count in (8, 128)
    )
    assert few.weights == all_of_them.weights
    assert few.activations < all_of_them.activations / 5
