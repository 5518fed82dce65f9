"""llama.cpp's converters, as AutoRound carries them, beside the `gguf` package."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from studio.errors import ExportError

ARCHITECTURES = (
    "LlamaForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM", "Qwen3MoeForCausalLM", "Qwen3_5ForCausalLM",
    "Gemma2ForCausalLM", "Gemma3ForCausalLM", "Gemma3ForConditionalGeneration", "Gemma4ForConditionalGeneration",
    "Llama4ForCausalLM", "Lfm2ForCausalLM", "DeepseekV3ForCausalLM", "MistralForCausalLM",
    "Mistral3ForConditionalGeneration", "Phi3ForCausalLM", "GptOssForCausalLM", "SmolLM3ForCausalLM",
    "GraniteForCausalLM", "GraniteMoeHybridForCausalLM", "Olmo2ForCausalLM", "Glm4ForCausalLM", "CohereForCausalLM",
)  # fmt: skip


def folder_of(architecture: str, folder: Path) -> Path:
    (folder / "config.json").write_text(json.dumps({"architectures": [architecture], "model_type": "llama"}))
    return folder


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_converter_of_each_family_is_found(architecture: str, tmp_path: Path) -> None:
    from studio.workers.quantize import find_converter

    assert find_converter(folder_of(architecture, tmp_path)).__name__


def test_names_are_missing_in_gguf() -> None:
    """When this fails a newer gguf has all names, and studio/workers/gguf_names.py is no longer needed."""
    from studio.workers.gguf_names import fill_in_names

    assert "MODEL_ARCH.DFLASH" in fill_in_names()


def test_architecture_newer_than_gguf_is_told_as_that(tmp_path: Path) -> None:
    from studio.workers.quantize import find_converter

    with pytest.raises(ExportError, match=r"newer than what writes GGUF files here \(auto-round .*, gguf "):
        find_converter(folder_of("DeepseekV4ForCausalLM", tmp_path))


def test_architecture_without_converter_is_told_as_that(tmp_path: Path) -> None:
    from studio.workers.quantize import find_converter

    with pytest.raises(ExportError, match="no form for a model of the kind SomebodysForCausalLM"):
        find_converter(folder_of("SomebodysForCausalLM", tmp_path))


def test_error_of_a_converter_is_no_missing_support(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """AutoRound tells each failure to import as "not supported"; here it stays the error that it is."""
    from studio.workers import quantize

    conversion = quantize.get_conversion()
    monkeypatch.setattr(conversion.module, "get_model_class", lambda name, mmproj=False: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        quantize.find_converter(folder_of("Qwen3ForCausalLM", tmp_path))
