"""What a base can do to a run: it ends with a sentence, or goes on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoModelForCausalLM, Qwen3VLConfig

from studio.queue import start_run
from studio.train.recipe import Recipe
from studio.workspace import Workspace
from tests.process.small import start_rigged, told, wait_for_end

FAILING_SAMPLES = """
from studio.workers import trainer

def build(*arguments):
    def answer(step):
        raise RuntimeError("The size of tensor a (3) must match the size of tensor b (87)")
    return answer

trainer.build_answering = build
"""


def test_failing_sample_answer_leaves_the_run_alone(place: Workspace, recipe_of: Callable[..., Recipe]) -> None:
    """A run is worth more than the three answers that one watches: mixtures of experts ended at their first look."""
    run = wait_for_end(place, start_rigged(place, recipe_of(max_steps=4), FAILING_SAMPLES).id)
    assert run.state == "done", run.status
    assert told(run).count("The sample answers could not be made") == 1


def other_base(tiny_llama: Path, folder: Path, **settings: Any) -> str:
    shutil.copytree(tiny_llama, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | settings))
    return str(folder)


def test_tokenizer_of_another_model_ends_the_run_with_a_sentence(
    place: Workspace, recipe_of: Callable[..., Recipe], tiny_llama: Path, tmp_path: Path
) -> None:
    base = other_base(tiny_llama, tmp_path / "mixed", vocab_size=100)
    run = wait_for_end(place, start_run(place, recipe_of(max_steps=4).model_copy(update={"base": base})).id)
    assert run.state == "failed"
    assert run.status["error"]["what"].startswith("The tokenizer does not belong to these weights: it writes token ")


def test_template_that_raises_ends_the_run_with_its_reason(
    place: Workspace, recipe_of: Callable[..., Recipe], tiny_llama: Path, tmp_path: Path
) -> None:
    base = other_base(tiny_llama, tmp_path / "raising")
    for file in Path(base).glob("chat_template*"):
        file.unlink()
    settings = json.loads((Path(base) / "tokenizer_config.json").read_text())
    settings["chat_template"] = "{{ raise_exception('Only poems, please.') }}"
    (Path(base) / "tokenizer_config.json").write_text(json.dumps(settings))
    run = wait_for_end(place, start_run(place, recipe_of(max_steps=4).model_copy(update={"base": base})).id)
    assert run.state == "failed"
    assert "Only poems, please." in run.status["error"]["what"]


def test_kind_that_unsloth_does_not_open_is_told_in_words() -> None:
    """A model that sees pictures, on a processor; any other error keeps its own first line."""
    from studio.workers.trainable import words_of

    with pytest.raises(ValueError, match="Unrecognized") as raised:
        AutoModelForCausalLM.from_config(Qwen3VLConfig())
    assert words_of(raised.value) == "it knows no model of this kind here"
    assert words_of(RuntimeError("no such\nCUDA")) == "RuntimeError: no such"
