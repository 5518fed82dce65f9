"""A Modelfile asks as the model's own template does, or says that it cannot."""

from __future__ import annotations

import re

import jinja2
import pytest

from studio.data.conversation import Message
from studio.data.tokens import FolderTokenizer, load_tokenizer
from studio.errors import TemplateError
from studio.export.ollama import Pieces, build_modelfile, find_pieces, go_template

SYSTEM = Message("system", 'Say "hi" \\ bye.')
TURNS = [Message("user", "One?"), Message("assistant", "1\n2"), Message("user", 'Two "2"?')]

SIMPLE = {
    "ChatML": Pieces(
        *("<|im_start|>system\n", "<|im_end|>\n"),
        *("<|im_start|>user\n", "<|im_end|>\n"),
        *("<|im_start|>assistant\n", "<|im_end|>\n"),
    ),
    "SmolLM2": Pieces(
        *("<|im_start|>system\n", "<|im_end|>\n"),
        *("<|im_start|>user\n", "<|im_end|>\n"),
        *("<|im_start|>assistant\n", "<|im_end|>\n"),
    ),
    "Llama 3": Pieces(
        *("<|start_header_id|>system<|end_header_id|>\n\n", "<|eot_id|>"),
        *("<|start_header_id|>user<|end_header_id|>\n\n", "<|eot_id|>"),
        *("<|start_header_id|>assistant<|end_header_id|>\n\n", "<|eot_id|>"),
    ),
    "Mistral v7": Pieces("[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[INST]", "[/INST]", "", "</s>"),
}
# What begins a text and no message: Ollama puts it there itself.
BEGINS = {"Llama 3": "<|begin_of_text|>", "Mistral v7": "<s>"}
STOPS = {
    "ChatML": ["<|im_end|>"],
    "Llama 3": ["<|eot_id|>"],
    "Gemma": ["<eos>", "<end_of_turn>"],
    "Mistral": ["</s>"],
    "Mistral v7": ["</s>"],
    "forgetful": ["<|im_end|>"],
}


def run_go(template: str, messages: list[Message]) -> str:
    """The few words of Go's template language that we write, said in jinja's."""
    for go, jinja in (
        ("{{- range .Messages }}", "{% for m in messages %}"),
        ("{{- end }}{{- end }}", "{% endif %}{% endfor %}"),
        ("{{ .Content }}", "{{ m.content }}"),
    ):
        template = template.replace(go, jinja)
    template = re.sub(r'{{- (if|else if) eq \.Role ("\w+") }}', r"{% \1 m.role == \2 %}", template)
    return jinja2.Template(template.replace("{% else if", "{% elif"), keep_trailing_newline=True).render(
        messages=messages
    )


def asked(tokenizer: FolderTokenizer, messages: list[Message], begin: str = "") -> str:
    text = tokenizer.render(messages, add_generation_prompt=True)
    assert text.startswith(begin)
    return text.removeprefix(begin)


def template_in(modelfile: str) -> str:
    found = re.search(r'^TEMPLATE """(.*)"""$', modelfile, re.MULTILINE)
    assert found
    return found[1]


@pytest.mark.parametrize("family", SIMPLE)
def test_what_a_simple_template_puts_around_messages_is_found(make_tokenizer, family):
    assert find_pieces(load_tokenizer(make_tokenizer(family))) == SIMPLE[family]


@pytest.mark.parametrize("family", SIMPLE)
@pytest.mark.parametrize("messages", [[SYSTEM, *TURNS], TURNS, TURNS[:1]])
def test_the_modelfile_asks_as_the_models_own_template_does(make_tokenizer, family, messages):
    tokenizer = load_tokenizer(make_tokenizer(family))
    written = template_in(build_modelfile("m.gguf", tokenizer, ""))
    assert run_go(written, messages) == asked(tokenizer, messages, BEGINS.get(family, ""))


def test_the_starters_modelfile_asks_as_the_starter_does(starter):
    tokenizer = load_tokenizer(starter)
    assert run_go(template_in(build_modelfile("m.gguf", tokenizer, "")), [SYSTEM, *TURNS]) == asked(
        tokenizer, [SYSTEM, *TURNS]
    )


def test_a_system_prompt_that_the_template_puts_in_by_itself_is_written_down(make_tokenizer):
    tokenizer = load_tokenizer(make_tokenizer("ChatML with a default"))
    modelfile = build_modelfile("m.gguf", tokenizer, "")
    assert 'SYSTEM """You are Tess."""' in modelfile
    written = [Message("system", "You are Tess."), *TURNS]
    assert run_go(template_in(modelfile), written) == asked(tokenizer, TURNS)
    assert 'SYSTEM """Be kind."""' in build_modelfile("m.gguf", tokenizer, "Be kind.")


@pytest.mark.parametrize("family", ["Gemma", "Mistral", "forgetful"])
def test_a_template_that_does_more_is_left_out_and_said(make_tokenizer, family):
    tokenizer = load_tokenizer(make_tokenizer(family))
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


def test_a_template_that_refuses_everything_still_gives_a_modelfile(make_tokenizer):
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


def test_quotes_and_line_ends_of_a_template_stay_what_they_are():
    pieces = Pieces('"\n', "\\\n", '"""', "\t", " ", "\n")
    messages = [SYSTEM, *TURNS]
    assert '"""' not in go_template(pieces)
    assert run_go(go_template(pieces), messages) == pieces.render(messages)


def test_without_an_end_mark_there_is_no_stop(make_tokenizer):
    tokenizer = load_tokenizer(make_tokenizer("ChatML", eos_token=None, chat_template="{{ messages[0].content }}"))
    assert "stop" not in build_modelfile("m.gguf", tokenizer, "")
