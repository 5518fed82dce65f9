"""Models counted by their numbers, and by building them without weights: both must say the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from studio.errors import ModelError, TunesmithError
from studio.train.shape import ModelShape, quick_shape, read_shape, remembered_shape, shape_from_json, shape_of_config
from studio.workspace import Workspace

SMALL: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 160,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 1000,
    "max_position_embeddings": 512,
}
KINDS: dict[str, dict[str, Any]] = {
    "llama": {},
    "llama, tied": {"tie_word_embeddings": True},
    "mistral": {"head_dim": 24},
    "qwen2": {"tie_word_embeddings": True},
    "qwen3": {"head_dim": 32},
    "gemma3_text": {"head_dim": 32},
    "phi3": {"pad_token_id": 0},
    "qwen3_moe": {"head_dim": 16, "num_experts": 8, "moe_intermediate_size": 32, "num_experts_per_tok": 2},
    "llama4_text": {"head_dim": 16, "num_local_experts": 4, "intermediate_size_mlp": 200, "num_experts_per_tok": 1},
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_numbers_of_a_configuration_count_what_the_built_model_has(tmp_path: Path, kind: str) -> None:
    from transformers import AutoConfig

    from studio.workers.shape import count_model

    AutoConfig.for_model(kind.partition(",")[0], **SMALL, **KINDS[kind]).save_pretrained(tmp_path)
    by_numbers = shape_of_config(json.loads((tmp_path / "config.json").read_text()))
    built = count_model(tmp_path)
    assert built.parameters > 100_000
    assert by_numbers == built


def test_a_text_model_inside_a_picture_model_is_counted_by_its_own_numbers() -> None:
    inner = {"model_type": "gemma3_text", **SMALL, "head_dim": 32}
    assert shape_of_config({"model_type": "gemma3", "text_config": inner}) == shape_of_config(inner)


def test_an_unknown_kind_is_refused_rather_than_guessed() -> None:
    with pytest.raises(ModelError, match="gpt2"):
        shape_of_config({"model_type": "gpt2", "n_embd": 32})
    with pytest.raises(ModelError, match="num_hidden_layers"):
        shape_of_config({"model_type": "llama", "hidden_size": 64})


def test_a_kind_that_numbers_cannot_count_is_built(tmp_path: Path) -> None:
    from transformers import GPT2Config

    from studio.workers.shape import count_model

    GPT2Config(vocab_size=100, n_positions=64, n_embd=32, n_layer=2, n_head=2).save_pretrained(tmp_path)
    shape = count_model(tmp_path)
    assert shape.linears["c_attn"] == (32, 96, 2)
    assert shape.tied
    assert (shape.hidden_size, shape.layers, shape.context_tokens) == (32, 2, 64)


def test_a_model_that_transformers_does_not_know_is_named_with_what_to_do(tmp_path: Path) -> None:
    from studio.workers.shape import count_model

    (tmp_path / "config.json").write_text('{"model_type": "from the future"}')
    with pytest.raises(ModelError, match="Pick another model"):
        count_model(tmp_path)


def test_a_shape_survives_json() -> None:
    shape = shape_of_config({"model_type": "llama", **SMALL})
    assert shape_from_json(json.loads(json.dumps(shape.as_json()))) == shape


def save_small(folder: Path, **more: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"model_type": "llama", **SMALL, **more}))
    return folder


def test_a_model_is_counted_once_in_a_process_of_its_own_and_remembered(workspace: Workspace, tmp_path: Path) -> None:
    folder = save_small(tmp_path / "small")
    assert remembered_shape(workspace, folder) is None
    shape = read_shape(workspace, folder)
    assert shape == shape_of_config(json.loads((folder / "config.json").read_text()))
    assert remembered_shape(workspace, folder) == shape
    save_small(folder, hidden_size=128)
    assert remembered_shape(workspace, folder) is None, "it was changed, so it must be counted again"


def test_what_the_counting_process_cannot_read_is_told(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "from the future"}')
    with pytest.raises(TunesmithError, match="could not be read"):
        read_shape(workspace, tmp_path)


def test_a_shape_is_had_at_once_from_the_numbers_where_they_are_enough(workspace: Workspace, tmp_path: Path) -> None:
    shape = quick_shape(workspace, save_small(tmp_path / "small"))
    assert isinstance(shape, ModelShape)
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    assert quick_shape(workspace, tmp_path) is None
    assert quick_shape(workspace, tmp_path / "nothing") is None
