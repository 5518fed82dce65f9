"""What is no base for text says so before weights are read, and names what to pick instead."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from studio.errors import ModelError
from studio.train.base_kinds import origin_of_gguf, require_text_model, twin_of
from studio.train.models import require_base
from studio.workspace import Workspace

LLAMA = {"architectures": ["LlamaForCausalLM"], "model_type": "llama"}


def save_folder(place: Path, config: dict[str, Any] | None, *files: str, card: str = "") -> str:
    place.mkdir(parents=True)
    if config is not None:
        (place / "config.json").write_text(json.dumps(config))
    for file in files:
        (place / file).write_bytes(b"")
    if card:
        (place / "README.md").write_text(card)
    return str(place)


def refusal(workspace: Workspace, base: str) -> str:
    with pytest.raises(ModelError) as refused:
        require_base(workspace, base)
    return str(refused.value)


@pytest.mark.parametrize("method", ["gptq", "awq", "auto-round", "bitsandbytes", "hqq"])
def test_rounded_weights_are_refused_with_their_twin(workspace: Workspace, tmp_path: Path, method: str) -> None:
    """Trained on, they gave rubbish, or what could not be merged."""
    config = LLAMA | {"quantization_config": {"quant_method": method, "bits": 4}}
    base = save_folder(tmp_path / "Llama-3.2-1B-GPTQ", config, "model.safetensors")
    said = refusal(workspace, base)
    assert f"rounded already ({method}, 4 bits)" in said
    assert "probably Llama-3.2-1B." in said


def test_card_names_the_model_it_was_made_from(workspace: Workspace, tmp_path: Path) -> None:
    config = LLAMA | {"quantization_config": {"load_in_4bit": True}}
    card = "---\nbase_model:\n- ada/lovely-1b\n---\n# Lovely"
    base = save_folder(tmp_path / "rounded", config, "model.safetensors", card=card)
    assert "probably ada/lovely-1b." in refusal(workspace, base)


@pytest.mark.parametrize("method", ["mxfp4", "fp8"])
def test_makers_own_rounding_is_no_objection(method: str) -> None:
    config = LLAMA | {"quantization_config": {"quant_method": method}}
    require_text_model("openai/gpt-oss-20b", ["model.safetensors"], config)


def test_adapter_alone_names_its_base(workspace: Workspace, tmp_path: Path) -> None:
    base = save_folder(tmp_path / "lora", None, "adapter_model.safetensors")
    (tmp_path / "lora" / "adapter_config.json").write_text('{"base_model_name_or_path": "ada/lovely-1b"}')
    assert refusal(workspace, base) == (
        "lora is an adapter alone, which needs its base: ada/lovely-1b. Pick ada/lovely-1b as the model."
    )


def gguf_with(**texts: str) -> bytes:
    pairs = b""
    for key, value in texts.items():
        name = key.replace("__", ".").encode()
        pairs += struct.pack("<Q", len(name)) + name + struct.pack("<IQ", 8, len(value)) + value.encode()
    return struct.pack("<4sIQQ", b"GGUF", 3, 0, len(texts)) + pairs


def test_gguf_names_the_model_in_its_description(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "lovely-Q4_K_M.gguf"
    file.write_bytes(gguf_with(general__name="Lovely", general__base_model__0__repo_url="https://huggingface.co/ada/x"))
    assert "probably ada/x," in refusal(workspace, str(file))
    assert "made for running a model" in refusal(workspace, str(file))


def test_packaged_gguf_is_read_to_its_first_list(tmp_path: Path) -> None:
    """The starter's own file, made by llama.cpp's tools."""
    from studio.workers.starter import packaged_gguf

    assert "SmolLM" in origin_of_gguf(packaged_gguf()) or origin_of_gguf(packaged_gguf()) == ""
    (tmp_path / "cut.gguf").write_bytes(gguf_with(general__name="x")[:30])
    assert origin_of_gguf(tmp_path / "cut.gguf") == ""
    (tmp_path / "no.gguf").write_bytes(b"rubbish" * 10)
    assert origin_of_gguf(tmp_path / "no.gguf") == ""


def test_folder_of_ggufs_is_no_base(workspace: Workspace, tmp_path: Path) -> None:
    base = save_folder(tmp_path / "Qwen3-4B-GGUF", LLAMA, "qwen.gguf")
    assert "probably Qwen3-4B," in refusal(workspace, base)


@pytest.mark.parametrize(
    "config",
    [
        {"architectures": ["BertForMaskedLM"]},
        {"architectures": ["T5ForConditionalGeneration"], "is_encoder_decoder": True},
        {"architectures": ["LlamaForSequenceClassification"]},
    ],
)
def test_model_that_writes_no_text_is_refused(workspace: Workspace, tmp_path: Path, config: dict[str, Any]) -> None:
    base = save_folder(tmp_path / "other", config, "model.safetensors")
    assert "does not write text" in refusal(workspace, base)


@pytest.mark.parametrize("architecture", ["Gemma3ForConditionalGeneration", "Qwen3VLForConditionalGeneration"])
def test_model_that_sees_pictures_has_a_text_part(architecture: str) -> None:
    require_text_model("ada/sees", ["model.safetensors"], {"architectures": [architecture], "text_config": {}})


@pytest.mark.parametrize(
    ("name", "twin"),
    [
        ("unsloth/Qwen3-4B-unsloth-bnb-4bit", "unsloth/Qwen3-4B"),
        ("TheBloke/Mistral-7B-GPTQ", "TheBloke/Mistral-7B"),
        ("ada/lovely-awq-int4", "ada/lovely"),
        ("ada/lovely-Q4_K_M", "ada/lovely"),
        ("ada/lovely", ""),
        ("Qwen/Qwen3-4B-Instruct-2507", ""),
    ],
)
def test_twin_is_the_name_without_its_rounding(name: str, twin: str) -> None:
    assert twin_of(name) == twin
