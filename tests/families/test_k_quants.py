"""Q4_K_M without examples: which tensor gets how many bits, how near they come, and for whom it is meant."""

from __future__ import annotations

import gguf
import numpy
import pytest
import torch
import transformers
from auto_round.export.export_to_gguf import packing

from studio.workers.k_quants import Type, can_calibrate, needs_more_bits, teach, type_of

SMALL = {
    "hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_key_value_heads": 2, "vocab_size": 128, "head_dim": 32,
}  # fmt: skip
NUMBERS = numpy.random.default_rng(0).normal(size=(48, 512)).astype(numpy.float32)


@pytest.mark.parametrize(("kind", "least", "most"), [(Type.Q4_K, 0.05, 0.08), (Type.Q5_K, 0.02, 0.04),
                                                     (Type.Q6_K, 0.01, 0.02)])  # fmt: skip
def test_rounded_numbers_are_read_back_by_gguf(kind: Type, least: float, most: float) -> None:
    teach(kind)
    given = NUMBERS.copy()
    rounded = gguf.quants.quantize(given, kind)
    back = gguf.quants.dequantize(rounded, kind)
    assert (given == NUMBERS).all()
    assert least < numpy.linalg.norm(back - NUMBERS) / numpy.linalg.norm(NUMBERS) < most
    per_number = {Type.Q4_K: 4.5, Type.Q5_K: 5.5, Type.Q6_K: 6.5625}[kind]
    assert rounded.nbytes * 8 / NUMBERS.size == per_number


def test_layers_that_weigh_most_are_those_of_llama_cpp() -> None:
    """As its Q4_K_M of a model of 32 layers has them."""
    assert [layer for layer in range(32) if needs_more_bits(layer, 32)] == [
        0, 1, 2, 3, 6, 9, 12, 15, 18, 21, 24, 27, 28, 29, 30, 31,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("blk.0.attn_q.weight", Type.Q4_K),
        ("blk.0.attn_v.weight", Type.Q6_K),
        ("blk.4.attn_v.weight", Type.Q4_K),
        ("blk.4.attn_qkv.weight", Type.Q5_K),
        ("blk.31.ffn_down_exps.weight", Type.Q6_K),
        ("blk.4.ffn_gate_up_exps.weight", Type.Q4_K),
        ("blk.4.ssm_in.weight", Type.Q4_K),
        ("blk.4.shortconv.out_proj.weight", Type.Q4_K),
        ("output.weight", Type.Q6_K),
        ("token_embd.weight", Type.Q4_K),
        ("blk.4.ffn_gate_inp.weight", None),  # which expert answers: a small table that decides much
        ("blk.4.attn_norm.weight", None),
        ("blk.4.ssm_conv1d.weight", None),
        ("rope_freqs.weight", None),
    ],
)
def test_tensor_gets_as_many_bits_as_in_llama_cpp(name: str, kind: Type | None) -> None:
    assert type_of(name, layers=32, is_tied=False) == kind


def test_word_table_that_is_used_twice_gets_more_bits() -> None:
    assert type_of("token_embd.weight", layers=32, is_tied=True) == Type.Q6_K


@pytest.mark.parametrize(
    ("config", "answer"),
    [
        (transformers.LlamaConfig(**SMALL), True),
        (transformers.Gemma2Config(**SMALL), True),  # every second layer sees a window
        (transformers.Qwen3MoeConfig(**SMALL, num_experts=4, moe_intermediate_size=32), False),
        (transformers.Lfm2Config(**SMALL, layer_types=["conv", "full_attention"]), False),
        (transformers.Gemma3Config(text_config=SMALL, vision_config={"num_hidden_layers": 1}), False),
    ],
    ids=["plain", "windows", "experts", "convolutions", "pictures"],
)
def test_examples_pass_only_through_layers_of_attention(config: transformers.PreTrainedConfig, answer: bool) -> None:
    with torch.device("meta"):
        kind = transformers.AutoModelForCausalLM
        if hasattr(config, "vision_config"):
            kind = transformers.AutoModelForImageTextToText
        assert can_calibrate(kind.from_config(config)) == answer


@pytest.mark.parametrize("kind", ["q4_k", "q6_k"])
def test_table_in_pieces_is_rounded_to_the_same_numbers(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the word table of an export takes the memory of a piece, not of seven copies."""
    from studio.workers import quantize

    assert quantize.packing._LARGE_TENSOR_BYTES_THRESHOLD < 4 * 151_936 * 1536  # Qwen 2.5 1.5B's
    whole = packing.ggml_quant(torch.from_numpy(NUMBERS.copy()), kind, device="cpu")
    monkeypatch.setattr(packing, "_LARGE_TENSOR_BYTES_THRESHOLD", 1000)
    pieces = packing.ggml_quant(torch.from_numpy(NUMBERS.copy()), kind, device="cpu")
    assert (numpy.asarray(whole) == numpy.asarray(pieces)).all()
