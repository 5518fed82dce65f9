"""The catalog of bases: its numbers must give the sizes that their makers state, and it is sorted by what fits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from studio.hardware import Card, Machine
from studio.store import write_json
from studio.train.catalog import CATALOG, find_base, read_catalog, shape_of_base, sorted_by_fit
from studio.train.models import STARTER, place_of
from studio.train.recipe import make_recipe
from studio.train.shape import shape_from_json
from studio.workspace import Workspace
from tests.families.test_matrix import NOT_YET
from tests.families.tiny import FAMILIES

GIB = 2**30
# Parameters of the weights as the hub counts them in the makers' own safetensors, each once.
STATED = {
    "SmolLM2 135M (starter)": 134_515_008,
    "SmolLM2 360M": 361_821_120,
    "SmolLM2 1.7B": 1_711_376_384,
    "Llama 3.2 1B": 1_235_814_400,
    "Llama 3.2 3B": 3_212_749_824,
    "Llama 3.1 8B": 8_030_261_248,
    "Llama 3.1 70B": 70_553_706_496,
    "Llama 3.3 70B": 70_553_706_496,
    "Qwen 2.5 0.5B": 494_032_768,
    "Qwen 2.5 1.5B": 1_543_714_304,
    "Qwen 2.5 3B": 3_085_938_688,
    "Qwen 2.5 7B": 7_615_616_512,
    "Qwen 2.5 14B": 14_770_033_664,
    "Qwen 2.5 32B": 32_763_876_352,
    "Qwen 2.5 72B": 72_706_203_648,
    "Qwen 3 4B": 4_022_468_096,
    "Qwen 3 8B": 8_190_735_360,
    "Qwen 3 14B": 14_768_307_200,
    "Qwen 3 32B": 32_762_123_264,
    "Qwen 3 30B-A3B": 30_532_122_624,
    "Gemma 3 270M": 268_098_176,
    "Gemma 3 1B": 999_885_952,
    "Gemma 3 4B": 4_300_079_472,
    "Gemma 3 12B": 12_187_325_040,
    "Gemma 3 27B": 27_432_406_640,
    "Phi-4 mini": 3_836_021_760,
    "Phi-4 14B": 14_659_507_200,
    "Mistral 7B v0.3": 7_248_023_552,
    "Mistral Nemo 12B": 12_247_782_400,
    "Mistral Small 24B": 23_572_403_200,
    "Llama 4 Scout": 108_641_793_536,
    "gpt-oss 20B": 20_914_757_184,
    "SmolLM3 3B": 3_075_098_624,
    "LFM2 350M": 354_483_968,
    "LFM2 1.2B": 1_170_340_608,
    "Granite 3.3 2B": 2_533_539_840,
    "Granite 3.3 8B": 8_170_864_640,
}


# Which row of the matrix in tests/families stands for a family of the catalog.
ROWS = {
    "SmolLM2": ("Llama 3.2",), "Llama 3": ("Llama 3.1", "Llama 3.2"), "Qwen 2.5": ("Qwen 2.5",),
    "Qwen 3": ("Qwen 3", "Qwen 3 MoE"), "Qwen 3.5": ("Qwen 3.5",), "Gemma 3": ("Gemma 3", "Gemma 3 with pictures"),
    "Gemma 4": ("Gemma 4",), "Phi-4": ("Phi-4", "Phi-3.5"), "Mistral": ("Mistral v0.3", "Mistral Small"),
    "Llama 4": ("Llama 4",), "gpt-oss": ("gpt-oss",), "SmolLM3": ("SmolLM3",), "Granite 3.3": ("Granite 3.3",),
    "LFM2": ("LFM2",),
}  # fmt: skip


def test_every_family_of_the_catalog_goes_the_whole_way() -> None:
    """What is offered is trained, taken home and proved in tests/families."""
    assert {base.family for base in read_catalog()} == ROWS.keys()
    for rows in ROWS.values():
        assert set(rows) <= FAMILIES.keys() - NOT_YET.keys()


COUNTED = {entry["title"]: entry for entry in yaml.safe_load(CATALOG.read_text()) if "counted" in entry}


@pytest.mark.parametrize("title", COUNTED)
def test_counted_sizes_are_those_of_the_built_model(title: str) -> None:
    import torch
    from transformers import AutoConfig

    from studio.workers.load import auto_class
    from studio.workers.shape import describe_model

    entry: dict[str, Any] = COUNTED[title]
    settings = {name: value for name, value in entry["config"].items() if name != "model_type"}
    config = AutoConfig.for_model(entry["config"]["model_type"], **settings)
    with torch.device("meta"):
        model = auto_class(config).from_config(config)
    assert describe_model(model, config) == shape_from_json(entry["counted"])


def with_card(free_gb: float) -> Machine:
    return Machine((Card("a card", 96 * GIB, int(free_gb * GIB)),), "a processor", 8, 64 * GIB, 48 * GIB, True)


@pytest.mark.parametrize("title", STATED)
def test_a_bases_numbers_give_the_size_that_its_maker_states(title: str) -> None:
    base = next(base for base in read_catalog() if base.title == title)
    assert base.parameters == STATED[title]


def test_the_size_in_a_name_is_about_the_size_that_is_counted() -> None:
    for base in read_catalog():
        stated = next((word for word in base.title.split() if word[:1].isdigit() and word[-1] in "BM"), None)
        if stated is None or "-" in stated or base.title == "Granite 3.3 2B":  # its maker counts without the tables
            continue
        size = float(stated[:-1]) * (1e9 if stated.endswith("B") else 1e6)
        assert base.parameters == pytest.approx(size, rel=0.25), base.title


def test_every_base_can_be_fetched_by_anybody_and_says_what_binds_its_user() -> None:
    hubs = [base.hub for base in read_catalog()]
    assert len(set(hubs)) == len(hubs) > 30
    for base in read_catalog():
        assert base.hub == STARTER or base.hub.startswith("unsloth/"), base.title
        assert base.licence
        assert base.languages
        assert base.good_for
        assert base.context_tokens >= 8192
        assert "/" in base.maker
    gated = {base.family for base in read_catalog() if base.gated}
    assert gated == {"Llama 3", "Llama 4", "Gemma 3"}


def test_a_base_is_found_by_its_copy_or_its_makers_page_in_any_case() -> None:
    found = find_base("meta-llama/llama-3.1-8b-instruct")
    assert found is not None
    assert found == find_base("unsloth/Meta-Llama-3.1-8B-Instruct")
    assert find_base("somebody/else") is None


def test_what_fits_comes_first_and_the_largest_of_it_on_top() -> None:
    candidates = sorted_by_fit(make_recipe(data="x", max_length=1024), with_card(11.5))
    words = [candidate.word for candidate in candidates]
    assert words == sorted(words, key=["fits", "fits with a smaller batch", "does not fit"].index)
    assert {"fits", "fits with a smaller batch", "does not fit"} == set(words)
    fitting = [candidate.base.parameters for candidate in candidates if candidate.word == "fits"]
    assert fitting == sorted(fitting, reverse=True)
    too_large = [candidate.base.parameters for candidate in candidates if candidate.word == "does not fit"]
    assert too_large == sorted(too_large)
    assert len(candidates) == len(read_catalog())


def test_the_words_agree_with_the_estimate() -> None:
    recipe = make_recipe(data="x", max_length=2048, batch_size=16)
    for candidate in sorted_by_fit(recipe, with_card(20)):
        assert (candidate.word == "fits") == candidate.estimate.fits
    single = recipe.model_copy(update={"batch_size": 1})
    ones = {candidate.base.title: candidate.word for candidate in sorted_by_fit(single, with_card(20))}
    for candidate in sorted_by_fit(recipe, with_card(20)):
        if candidate.word == "fits with a smaller batch":
            assert ones[candidate.base.title] == "fits"


def test_on_a_processor_the_starter_fits_and_the_largest_does_not() -> None:
    machine = Machine((), "a processor", 2, 24 * GIB, 20 * GIB, True)
    words = {candidate.base.hub: candidate.word for candidate in sorted_by_fit(make_recipe(data="x"), machine, 300)}
    assert words[STARTER] == "fits"
    assert words["unsloth/Llama-3.3-70B-Instruct"] == "does not fit"


def test_a_bases_shape_is_known_before_it_is_fetched_and_of_a_folder(workspace: Workspace, tmp_path: Path) -> None:
    by_name = shape_of_base(workspace, "unsloth/Qwen2.5-7B-Instruct")
    assert by_name is not None
    assert by_name.parameters == STATED["Qwen 2.5 7B"]
    assert shape_of_base(workspace, "somebody/else") is None
    numbers = {
        "model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 128, "vocab_size": 100,
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(numbers))
    in_folder = shape_of_base(workspace, str(tmp_path))
    assert in_folder is not None
    assert in_folder.vocab_size == 100


def test_what_was_fetched_counts_rather_than_what_the_catalog_says(workspace: Workspace) -> None:
    name = "unsloth/Qwen3-0.6B"
    place = place_of(workspace, name)
    numbers = {
        "model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 128, "vocab_size": 100,
    }  # fmt: skip
    write_json(place / "config.json", numbers)
    write_json(place / "tunesmith.json", {"name": name})
    shape = shape_of_base(workspace, name)
    assert shape is not None
    assert shape.vocab_size == 100
