"""Each family in small: its real architecture with random weights, and its tokenizer and template.

Sizes are what K-quants need (rows of 256) and otherwise as small as the architecture allows.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.families import templates
from tests.families.tokenizers import Vocabulary, write_tokenizer

SIZES: dict[str, Any] = {
    "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 4096,
}  # fmt: skip
WIDE, NARROW = 256, 64  # hidden sizes: K-quants need rows of 256; all else is quicker without


@dataclass(frozen=True)
class Family:
    """`architecture`: a class of transformers; `config`: its configuration's class and what differs from SIZES.

    `text`: the same for the text part of a model that also sees pictures. `ends`: tokens that end an answer.
    """

    name: str
    architecture: str
    config: str
    vocabulary: Vocabulary
    sizes: dict[str, Any] = field(default_factory=dict)
    text: str = ""
    pictures: dict[str, Any] = field(default_factory=dict)
    ends: Sequence[str] = ()


LLAMA3 = {"bos": "<|begin_of_text|>", "eos": "<|eot_id|>"}
ROPE3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
         "original_max_position_embeddings": 2048, "rope_theta": 500000.0}  # fmt: skip
TIED = {"tie_word_embeddings": True}
APART = {"tie_word_embeddings": False}
EXPERTS = {"num_experts_per_tok": 2}
QWEN = Vocabulary("qwen2_5", eos="<|im_end|>", pad="<|endoftext|>")
GEMMA4_MARKS = ("<|turn>", "<turn|>", "<|channel>", "<channel|>", "<|think|>", "<|tool>", "<tool|>", "<|tool_call>",
                "<tool_call|>", "<|tool_response>", "<tool_response|>", '<|"|>')  # fmt: skip
GEMMA4_LAYERS = {"layer_types": ["sliding_attention", "full_attention"], "sliding_window": 512, "head_dim": 64,
                 "global_head_dim": 128, "hidden_size_per_layer_input": 0, "num_key_value_heads": 2}  # fmt: skip

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family("Llama 3.1", "LlamaForCausalLM", "LlamaConfig", Vocabulary("llama3_1", "llama3_1", **LLAMA3),
               APART | {"rope_parameters": ROPE3}, ends=("<|eot_id|>", "<|end_of_text|>")),
        Family("Llama 3.2", "LlamaForCausalLM", "LlamaConfig", Vocabulary("llama3_2", "llama3_2", **LLAMA3),
               TIED | {"rope_parameters": ROPE3}, ends=("<|eot_id|>", "<|end_of_text|>", "<|eom_id|>")),
        Family("Qwen 2.5", "Qwen2ForCausalLM", "Qwen2Config", QWEN, TIED, ends=("<|im_end|>", "<|endoftext|>")),
        Family("Qwen 3", "Qwen3ForCausalLM", "Qwen3Config", Vocabulary("qwen3", eos="<|im_end|>", pad="<|endoftext|>"),
               TIED | {"head_dim": 64}, ends=("<|im_end|>", "<|endoftext|>")),
        Family("Qwen 3 MoE", "Qwen3MoeForCausalLM", "Qwen3MoeConfig",
               Vocabulary("qwen3", eos="<|im_end|>", pad="<|endoftext|>"),
               APART | EXPERTS | {"head_dim": 64, "num_experts": 4, "moe_intermediate_size": 256,
                                  "norm_topk_prob": True},
               ends=("<|im_end|>", "<|endoftext|>")),
        Family("Qwen 3.5", "Qwen3_5ForConditionalGeneration", "Qwen3_5Config",
               Vocabulary("qwen3", "qwen3_5_think", eos="<|im_end|>", pad="<|endoftext|>"),
               TIED | {"head_dim": 64, "num_hidden_layers": 4,
                       "layer_types": [*["linear_attention"] * 3, "full_attention"],
                       "linear_key_head_dim": 64, "linear_value_head_dim": 64, "linear_num_key_heads": 2,
                       "linear_num_value_heads": 4,
                       "rope_parameters": {"rope_type": "default", "rope_theta": 1e7, "partial_rotary_factor": 0.25,
                                           "mrope_section": [3, 3, 2]}},
               text="Qwen3_5TextConfig",
               pictures={"depth": 1, "hidden_size": 64, "intermediate_size": 64, "num_heads": 2, "out_hidden_size": 256,
                         "num_position_embeddings": 64},
               ends=("<|im_end|>", "<|endoftext|>")),
        Family("Qwen 3 VL", "Qwen3VLForConditionalGeneration", "Qwen3VLConfig",
               Vocabulary("qwen3", eos="<|im_end|>", pad="<|endoftext|>"),
               TIED | {"head_dim": 64,
                       "rope_parameters": {"rope_type": "default", "rope_theta": 5e6, "mrope_section": [12, 10, 10],
                                           "mrope_interleaved": True}},
               text="Qwen3VLTextConfig",
               pictures={"depth": 1, "hidden_size": 64, "intermediate_size": 64, "num_heads": 2, "out_hidden_size": 256,
                         "num_position_embeddings": 64, "deepstack_visual_indexes": [0]},
               ends=("<|im_end|>", "<|endoftext|>")),
        Family("Gemma 2", "Gemma2ForCausalLM", "Gemma2Config",
               Vocabulary("gemma2", "gemma", bos="<bos>", eos="<eos>", pad="<pad>", sentencepiece=True),
               TIED | {"head_dim": 64, "sliding_window": 512, "query_pre_attn_scalar": 64},
               ends=("<eos>", "<end_of_turn>")),
        Family("Gemma 3", "Gemma3ForCausalLM", "Gemma3TextConfig",
               Vocabulary("gemma3", bos="<bos>", eos="<eos>", pad="<pad>", sentencepiece=True),
               TIED | {"vocab_size": 262144,  # its tokenizer has one token more, as the real one of 1B
                       "head_dim": 64, "num_key_value_heads": 1, "sliding_window": 512, "query_pre_attn_scalar": 64},
               ends=("<eos>", "<end_of_turn>")),
        Family("Gemma 3 with pictures", "Gemma3ForConditionalGeneration", "Gemma3Config",
               Vocabulary("gemma3", bos="<bos>", eos="<eos>", pad="<pad>", sentencepiece=True),
               TIED | {"head_dim": 64, "num_key_value_heads": 1, "sliding_window": 512, "query_pre_attn_scalar": 64},
               text="Gemma3TextConfig",
               pictures={"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2,
                         "image_size": 56, "patch_size": 14},
               ends=("<eos>", "<end_of_turn>")),
        Family("Gemma 4", "Gemma4ForConditionalGeneration", "Gemma4Config",
               Vocabulary("gemma3", "gemma4", bos="<bos>", eos="<turn|>", pad="<pad>", more=GEMMA4_MARKS,
                          without=("<image_soft_token>",),
                          settings={"extra_special_tokens": list(GEMMA4_MARKS), "image_token": None}),
               TIED | GEMMA4_LAYERS, text="Gemma4TextConfig",
               pictures={"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2,
                         "num_key_value_heads": 2, "head_dim": 32},
               ends=("<turn|>", "<eos>")),
        Family("Llama 4", "Llama4ForConditionalGeneration", "Llama4Config",
               Vocabulary("gpt4o", templates.LLAMA4, bos="<|begin_of_text|>", eos="<|eot|>",
                          pad="<|finetune_right_pad|>",
                          more=("<|header_start|>", "<|header_end|>", "<|eom|>", "<|end_of_text|>"),
                          tokenizer_class="PreTrainedTokenizerFast"),
               APART | {"head_dim": 64, "num_experts_per_tok": 1, "num_local_experts": 2, "intermediate_size": 256,
                        "intermediate_size_mlp": 512, "interleave_moe_layer_step": 1, "num_hidden_layers": 4,
                        "rope_parameters": ROPE3},
               text="Llama4TextConfig",
               pictures={"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2,
                         "image_size": 28, "vision_output_dim": 64, "projector_input_dim": 64,
                         "projector_output_dim": 64},
               ends=("<|eot|>", "<|end_of_text|>", "<|eom|>")),
        Family("LFM2", "Lfm2ForCausalLM", "Lfm2Config",
               Vocabulary("llama3_2", "lfm2", bos="<|startoftext|>", eos="<|im_end|>", pad="<|pad|>",
                          more=("<|im_start|>", "<|endoftext|>", "<|tool_list_start|>", "<|tool_list_end|>",
                                "<|tool_call_start|>", "<|tool_call_end|>", "<|tool_response_start|>",
                                "<|tool_response_end|>")),
               TIED | {"layer_types": ["conv", "full_attention"], "block_auto_adjust_ff_dim": False},
               ends=("<|im_end|>", "<|endoftext|>")),
        Family("DeepSeek V3", "DeepseekV3ForCausalLM", "DeepseekV3Config", Vocabulary("deepseek_v3"),
               APART | EXPERTS | {"num_key_value_heads": 4, "kv_lora_rank": 256, "q_lora_rank": 256,
                                  "qk_rope_head_dim": 64, "v_head_dim": 64, "qk_nope_head_dim": 64, "n_group": 1,
                                  "topk_group": 1, "n_routed_experts": 4, "moe_intermediate_size": 256,
                                  "first_k_dense_replace": 1, "num_mtp_layers": 0, "scoring_func": "sigmoid",
                                  "topk_method": "noaux_tc"},
               ends=("<｜end▁of▁sentence｜>",)),
        Family("Mistral v0.3", "MistralForCausalLM", "MistralConfig",
               Vocabulary("llama2", templates.MISTRAL_V3, bos="<s>", eos="</s>", more=("[INST]", "[/INST]"),
                          tokenizer_class="LlamaTokenizer", sentencepiece=True),
               APART | {"sliding_window": None}, ends=("</s>",)),
        Family("Mistral Small", "MistralForCausalLM", "MistralConfig",
               Vocabulary("mistral_nemo", templates.MISTRAL_SMALL, bos="<s>", eos="</s>", pad="<pad>",
                          more=("[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]")),
               APART | {"sliding_window": None, "head_dim": 64}, ends=("</s>",)),
        Family("Mistral Small with pictures", "Mistral3ForConditionalGeneration", "Mistral3Config",
               Vocabulary("mistral_nemo", templates.MISTRAL_SMALL, bos="<s>", eos="</s>", pad="<pad>",
                          more=("[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]")),
               APART | {"sliding_window": None, "head_dim": 64}, text="MistralConfig",
               pictures={"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2,
                         "head_dim": 32, "image_size": 28, "patch_size": 14, "model_type": "pixtral"},
               ends=("</s>",)),
        Family("Phi-3.5", "Phi3ForCausalLM", "Phi3Config",
               Vocabulary("llama2", "phi3_5", bos="<s>", eos="<|endoftext|>", pad="<|endoftext|>",
                          more=("<|endoftext|>", "<|assistant|>", "<|system|>", "<|end|>", "<|user|>"),
                          tokenizer_class="LlamaTokenizer", sentencepiece=True, settings={"add_bos_token": False}),
               APART | {"num_key_value_heads": 4, "original_max_position_embeddings": 4096},
               ends=("<|endoftext|>", "<|end|>", "<|assistant|>")),
        Family("Phi-4", "Phi3ForCausalLM", "Phi3Config",
               Vocabulary("gpt4", templates.PHI4, bos="<|endoftext|>", eos="<|im_end|>", pad="<|endoftext|>",
                          more=("<|im_start|>", "<|im_sep|>"), tokenizer_class="GPT2Tokenizer"),
               APART, ends=("<|im_end|>", "<|endoftext|>")),
        Family("gpt-oss", "GptOssForCausalLM", "GptOssConfig",
               Vocabulary("gptoss", "gptoss", pad="<|endoftext|>"),
               APART | EXPERTS | {"head_dim": 64, "num_local_experts": 4, "sliding_window": 128,
                                  "intermediate_size": 256,
                                  "layer_types": ["sliding_attention", "full_attention"],
                                  "rope_parameters": {"rope_type": "yarn", "factor": 32.0, "beta_fast": 32.0,
                                                      "beta_slow": 1.0, "rope_theta": 150000.0, "truncate": False,
                                                      "original_max_position_embeddings": 4096}},
               ends=("<|return|>", "<|call|>", "<|endoftext|>")),
        Family("R1 Distill Qwen", "Qwen2ForCausalLM", "Qwen2Config",
               Vocabulary("qwen2_5", "deepseek_r1_distill", bos="<｜begin▁of▁sentence｜>", eos="<｜end▁of▁sentence｜>",
                          pad="<｜end▁of▁sentence｜>", more=("<｜User｜>", "<｜Assistant｜>", "<think>", "</think>"),
                          without=("<|im_start|>", "<|im_end|>"), tokenizer_class="LlamaTokenizerFast"),
               APART, ends=("<｜end▁of▁sentence｜>",)),
        Family("R1 Distill Llama", "LlamaForCausalLM", "LlamaConfig",
               Vocabulary("llama3_1", "deepseek_r1_distill", bos="<｜begin▁of▁sentence｜>", eos="<｜end▁of▁sentence｜>",
                          pad="<｜end▁of▁sentence｜>", more=("<｜User｜>", "<｜Assistant｜>", "<think>", "</think>"),
                          tokenizer_class="LlamaTokenizerFast"),
               APART | {"rope_parameters": ROPE3}, ends=("<｜end▁of▁sentence｜>",)),
        Family("SmolLM3", "SmolLM3ForCausalLM", "SmolLM3Config",
               Vocabulary("llama3_2", templates.SMOLLM3, eos="<|im_end|>", pad="<|im_end|>", more=("<|im_start|>",)),
               TIED | {"no_rope_layers": [1, 0]}, ends=("<|im_end|>",)),
        Family("Granite 3.3", "GraniteForCausalLM", "GraniteConfig",
               Vocabulary("gpt2", templates.GRANITE, bos="<|end_of_text|>", eos="<|end_of_text|>",
                          pad="<|end_of_text|>", more=("<|start_of_role|>", "<|end_of_role|>"),
                          tokenizer_class="GPT2Tokenizer"),
               TIED | {"embedding_multiplier": 12.0, "logits_scaling": 4.0, "residual_multiplier": 0.22,
                       "attention_multiplier": 0.015625},
               ends=("<|end_of_text|>",)),
        Family("Granite 4", "GraniteMoeHybridForCausalLM", "GraniteMoeHybridConfig",
               Vocabulary("gpt4", templates.GRANITE, bos="<|end_of_text|>", eos="<|end_of_text|>",
                          pad="<|end_of_text|>", more=("<|start_of_role|>", "<|end_of_role|>"),
                          tokenizer_class="GPT2Tokenizer"),
               TIED | {"num_local_experts": 0, "num_experts_per_tok": 0, "shared_intermediate_size": 512,
                       "layer_types": ["mamba", "attention"], "position_embedding_type": "nope", "mamba_n_heads": 8,
                       "mamba_d_head": 64, "mamba_d_state": 64, "mamba_expand": 2, "embedding_multiplier": 12.0,
                       "logits_scaling": 4.0, "residual_multiplier": 0.22, "attention_multiplier": 0.015625},
               ends=("<|end_of_text|>",)),
        Family("OLMo 2", "Olmo2ForCausalLM", "Olmo2Config",
               Vocabulary("gpt4", templates.OLMO2, bos="<|endoftext|>", eos="<|endoftext|>", pad="<|pad|>",
                          tokenizer_class="GPT2Tokenizer"),
               APART, ends=("<|endoftext|>",)),
        Family("GLM-4", "Glm4ForCausalLM", "Glm4Config",
               Vocabulary("gpt4", templates.GLM4, eos="<|endoftext|>", pad="<|endoftext|>",
                          settings={"bos_token": None},
                          more=("[gMASK]", "<sop>", "<|system|>", "<|user|>", "<|assistant|>", "<|observation|>"),
                          tokenizer_class="PreTrainedTokenizerFast"),
               APART | {"head_dim": 64, "rope_parameters": {"rope_type": "default", "rope_theta": 1e4,
                                                            "partial_rotary_factor": 0.5}},
               ends=("<|endoftext|>", "<|user|>", "<|observation|>")),
        Family("Command-R", "CohereForCausalLM", "CohereConfig",
               Vocabulary("command_r_plus", templates.COMMAND_R, eos="<|END_OF_TURN_TOKEN|>"),
               TIED | {"logit_scale": 0.25}, ends=("<|END_OF_TURN_TOKEN|>",)),
    )
}  # fmt: skip


def sizes_of(family: Family, hidden: int) -> dict[str, Any]:
    sizes = SIZES | {"hidden_size": hidden, "intermediate_size": 2 * hidden} | family.sizes
    if "mamba_n_heads" in sizes:  # its heads are as wide together as its expansion of the hidden size
        sizes |= {"mamba_n_heads": 2 * hidden // sizes["mamba_d_head"], "shared_intermediate_size": 2 * hidden}
    return sizes


def build_family(name: str, folder: Path, cache: Path, hidden: int = WIDE) -> Path:
    """Write a family's folder, as it would lie there after a download."""
    import torch
    import transformers

    family = FAMILIES[name]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_tokenizer(family.vocabulary, folder, cache)
    tokens = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    ids = {entry["content"]: entry["id"] for entry in tokens["added_tokens"]} | tokens["model"]["vocab"]
    ends = [ids[token] for token in family.ends]
    settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    bos = ids.get(settings.get("bos_token") or "")
    common = {"bos_token_id": bos, "eos_token_id": ends if len(ends) > 1 else ends[0],
              "pad_token_id": ids.get(settings.get("pad_token") or "")}  # fmt: skip
    values = {"vocab_size": (max(ids.values()) + 64) // 64 * 64} | sizes_of(family, hidden) | common
    config_class = getattr(transformers, family.config)
    if family.text:
        pictures = family.pictures | ({"out_hidden_size": hidden} if "out_hidden_size" in family.pictures else {})
        tied = {"tie_word_embeddings": family.sizes["tie_word_embeddings"]}
        text = getattr(transformers, family.text)(**values).to_dict()
        config = config_class(text_config=text, vision_config=pictures, **tied)
    else:
        config = config_class(**values)
    config.architectures = [family.architecture]
    torch.manual_seed(1)
    model = getattr(transformers, family.architecture)(config).to(torch.bfloat16)
    with torch.no_grad():  # scores that differ, so that rounding does not decide between the likeliest tokens
        for parameter_name, parameter in model.named_parameters():
            if "embed_tokens" in parameter_name or "lm_head" in parameter_name:
                parameter.normal_(0, 0.06)
    model.generation_config = transformers.GenerationConfig(**common)
    model.save_pretrained(folder)
    return folder
