"""Bases that bring no chat template are given one, which ends answers with a token that they know."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from studio.data.chat_templates import CHAT_TEMPLATES
from studio.data.conversation import Conversation, Message
from studio.data.tokens import FolderTokenizer, brings_template, label_tokens, load_tokenizer
from studio.errors import ModelError
from studio.train.recipe import choices, make_recipe
from studio.train.tokenizing import tokenizer_of
from studio.workers.whole import copy_files_of

TALK = (
    Message("system", "Be brief."),
    Message("user", "Where?"),
    Message("assistant", "Here."),
    Message("user", "And?"),
    Message("assistant", "There."),
)
FITTING = {"chatml": "ChatML", "llama3": "Llama 3", "gemma": "Gemma", "mistral": "Mistral"}


def test_recipe_offers_every_template():
    assert choices("chat_template") == ["own", *CHAT_TEMPLATES]


def without_template(folder: Path) -> Path:
    file = folder / "tokenizer_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "chat_template": None}))
    return folder


def learned(tokenizer: FolderTokenizer) -> list[str]:
    labelled = label_tokens(Conversation(TALK), tokenizer, 1000)
    runs: list[list[int]] = [[]]
    for label in labelled.labels:
        runs[-1].append(label) if label >= 0 else runs.append([])
    return [tokenizer.tokenizer.decode(run, skip_special_tokens=False).strip() for run in runs if run]


@pytest.mark.parametrize("name", CHAT_TEMPLATES)
def test_chosen_template_marks_and_ends_answers(make_tokenizer, name):
    folder = without_template(make_tokenizer(FITTING[name]))
    tokenizer = load_tokenizer(folder, name)
    end = CHAT_TEMPLATES[name].end
    assert tokenizer.eos_token == end
    assert learned(tokenizer) == [f"Here.{end}", f"There.{end}"]
    assert "Be brief." in tokenizer.render(TALK)


def test_chatml_ends_with_the_tokenizers_own_mark(make_tokenizer):
    """A mark that is no token would be spelled letter by letter, and no answer would ever end."""
    tokenizer = load_tokenizer(without_template(make_tokenizer("Gemma")), "chatml")
    assert tokenizer.eos_token == "<eos>"
    assert learned(tokenizer) == ["Here.<eos>", "There.<eos>"]


def test_template_of_another_family_is_refused_with_chatml(make_tokenizer):
    with pytest.raises(ModelError, match=r"no <start_of_turn> and no <end_of_turn>.*Choose chatml"):
        load_tokenizer(without_template(make_tokenizer("ChatML")), "gemma")


def test_own_template_is_asked_for_where_there_is_none(make_tokenizer):
    folder = without_template(make_tokenizer("ChatML"))
    assert not brings_template(folder)
    with pytest.raises(ModelError, match="brings no chat template"):
        tokenizer_of(folder, make_recipe(data="x"))
    assert tokenizer_of(folder, make_recipe(data="x", task="text")).chosen == "chatml"  # text needs none
    assert tokenizer_of(folder, make_recipe(data="x", chat_template="chatml")).chosen == "chatml"


def test_chosen_template_is_written_into_exports(make_tokenizer, tmp_path):
    folder = without_template(make_tokenizer("ChatML", eos_token="<|im_start|>"))
    (folder / "generation_config.json").write_text('{"eos_token_id": 3}')
    tokenizer = load_tokenizer(folder, "chatml")
    copy_files_of(folder, tokenizer, tmp_path / "export")
    again = load_tokenizer(tmp_path / "export")
    assert again.render(TALK) == tokenizer.render(TALK)
    assert again.eos_token == "<|im_end|>"
    ends = json.loads((tmp_path / "export" / "generation_config.json").read_text())["eos_token_id"]
    assert ends == sorted({3, tokenizer.tokenizer.token_to_id("<|im_end|>")})
