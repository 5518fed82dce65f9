"""A Modelfile asks as the model's own template does, or says that it cannot. Go itself renders it: tests/families."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from studio.data.conversation import Message
from studio.data.tokens import FolderTokenizer, load_tokenizer
from studio.errors import TemplateError
from studio.export.ollama import Pieces, build_modelfile, find_pieces, go_template
from tests.families.ollama import build_renderer, render_all

SYSTEM = Message("system", 'Say "hi" \\ bye.')
TURNS = [Message("user", "One?"), Message("assistant", "1\n2"), Message("user", 'Two "2"?')]
SIMPLE = ("ChatML", "ChatML with a default", "SmolLM2", "Llama 3", "Gemma", "Mistral v7")
# What begins a text and no message: Ollama puts it there itself.
BEGINS = {"Llama 3": "<|begin_of_text|>", "Mistral v7": "<s>", "Gemma": "<bos>"}
DATED = (
    "Today is {{ strftime_now('%s') }}.\n{%% for m in messages %%}<|im_start|>{{ m.content }}<|im_end|>{%% endfor %%}"
)
STOPS = {
    "ChatML": ["<|im_end|>"],
    "Llama 3": ["<|eot_id|>"],
    "Gemma": ["<eos>", "<end_of_turn>"],
    "Mistral": ["</s>"],
    "Mistral v7": ["</s>"],
    "forgetful": ["<|im_end|>"],
}


@pytest.fixture(scope="module")
def renderer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_renderer(tmp_path_factory.mktemp("go"))


def asked(tokenizer: FolderTokenizer, messages: list[Message], begin: str = "") -> str:
    text = tokenizer.render(messages, add_generation_prompt=True)
    assert text.startswith(begin)
    return text.removeprefix(begin)


def template_in(modelfile: str) -> str:
    found = re.search(r'^TEMPLATE """(.*)"""$', modelfile, re.MULTILINE)
    assert found
    return found[1]


@pytest.mark.parametrize("family", SIMPLE)
def test_modelfile_asks_as_the_template_does(make_tokenizer, renderer, family):
    """With a system prompt, with the template's own, and where it has no role for one."""
    tokenizer = load_tokenizer(make_tokenizer(family))
    written = template_in(build_modelfile("m.gguf", tokenizer, ""))
    talks = ([SYSTEM, *TURNS], TURNS, TURNS[:1], [SYSTEM, *TURNS[:1]])
    expected = [asked(tokenizer, messages, BEGINS.get(family, "")) for messages in talks]
    assert render_all(renderer, [(written, messages) for messages in talks]) == expected


def test_starters_modelfile_asks_as_the_starter_does(starter, renderer):
    tokenizer = load_tokenizer(starter)
    written = template_in(build_modelfile("m.gguf", tokenizer, ""))
    assert render_all(renderer, [(written, [SYSTEM, *TURNS])]) == [asked(tokenizer, [SYSTEM, *TURNS])]


@pytest.mark.parametrize("form", ["%B %d, %Y", "%d %b %Y", "%Y-%m-%d"])
def test_day_of_the_question_is_written_not_that_of_the_export(make_tokenizer, renderer, form):
    tokenizer = load_tokenizer(make_tokenizer("ChatML", chat_template=DATED % form))
    modelfile = build_modelfile("m.gguf", tokenizer, "")
    assert "currentDate" in modelfile
    assert "SYSTEM" not in modelfile
    assert render_all(renderer, [(template_in(modelfile), TURNS)]) == [asked(tokenizer, TURNS)]


def test_day_in_a_form_that_ollama_cannot_write_is_said(make_tokenizer):
    tokenizer = load_tokenizer(make_tokenizer("ChatML", chat_template=DATED % "%A"))
    assert "# No TEMPLATE" in build_modelfile("m.gguf", tokenizer, "")


def test_system_prompt_of_the_data_is_written_down(make_tokenizer):
    tokenizer = load_tokenizer(make_tokenizer("ChatML with a default"))
    assert "SYSTEM" not in build_modelfile("m.gguf", tokenizer, "")  # the template writes its own by itself
    assert 'SYSTEM """Be kind."""' in build_modelfile("m.gguf", tokenizer, "Be kind.")


def test_template_that_does_more_is_left_out_and_said(make_tokenizer):
    tokenizer = load_tokenizer(make_tokenizer("forgetful"))
    with pytest.raises(TemplateError):
        find_pieces(tokenizer)
    modelfile = build_modelfile("m.gguf", tokenizer, "Be kind.")
    assert "\nTEMPLATE" not in modelfile
    assert "\n# No TEMPLATE: This model's chat template " in modelfile
    assert 'SYSTEM """Be kind."""' in modelfile


@pytest.mark.parametrize("family", STOPS)
def test_answers_stop_where_the_template_ends_them(make_tokenizer, family):
    modelfile = build_modelfile("m.gguf", load_tokenizer(make_tokenizer(family)), "")
    assert re.findall(r'^PARAMETER stop "(.*)"$', modelfile, re.MULTILINE) == STOPS[family]


def test_other_ends_are_stops_too(make_tokenizer):
    modelfile = build_modelfile("m.gguf", load_tokenizer(make_tokenizer("ChatML")), "", ["<|call|>", "<|im_end|>"])
    assert re.findall(r'^PARAMETER stop "(.*)"$', modelfile, re.MULTILINE) == ["<|im_end|>", "<|call|>"]


def test_template_that_refuses_everything_still_gives_a_modelfile(make_tokenizer):
    template = "{{ raise_exception('no\nFROM elsewhere') }}"
    tokenizer = load_tokenizer(make_tokenizer("ChatML", chat_template=template))
    assert build_modelfile("m.gguf", tokenizer, "").splitlines()[2:] == [
        'PARAMETER stop "<|im_end|>"',
        "PARAMETER temperature 0.2",
    ]


def test_every_line_is_a_word_of_ollamas(make_tokenizer):
    modelfile = build_modelfile("m.gguf", load_tokenizer(make_tokenizer("Llama 3")), 'Say """so""".\nAlways.')
    lines = modelfile.splitlines()
    assert lines[0] == "FROM ./m.gguf"
    assert [line.split()[0] for line in lines[:-1]] == ["FROM", "TEMPLATE", "PARAMETER", "PARAMETER", "SYSTEM"]
    assert modelfile.count('"""') == 4
    assert modelfile.endswith('Always."""\n')


def test_quotes_and_line_ends_of_a_template_stay_what_they_are(renderer):
    pieces = Pieces('"\n', "\\\n", '"""', "\t", " ", "\n")
    messages = [SYSTEM, *TURNS]
    assert '"""' not in go_template(pieces)
    assert render_all(renderer, [(go_template(pieces), messages)]) == [pieces.render(messages)]


def test_without_an_end_mark_there_is_no_stop(make_tokenizer):
    tokenizer = load_tokenizer(make_tokenizer("ChatML", eos_token=None, chat_template="{{ messages[0].content }}"))
    assert "stop" not in build_modelfile("m.gguf", tokenizer, "")
