"""What is learned of a conversation and how it is asked, with the tokenizers and templates that people use."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from studio.data.conversation import Conversation, Message, ToolCall
from studio.data.tokens import NOT_LEARNED, FolderTokenizer, has_system_role, label_tokens
from studio.errors import TemplateError
from studio.export.ollama import build_modelfile
from studio.train.recipe import make_recipe
from tests.families.ollama import render_all
from tests.families.tiny import FAMILIES
from tests.studio.test_script import LLAMA, assert_same_labels, save

TURNS = (
    Message("user", "Where is the ferry?"),
    Message("assistant", "Across the firth."),
    Message("user", "And  then?\n\nSay it, 東京."),
    Message("assistant", "Out of the north."),
)
SYSTEM = Message("system", "Be brief.\nAlways.")
TALKS = {"one turn": TURNS[:2], "several turns": TURNS, "with a system prompt": (SYSTEM, *TURNS)}
# What may stand before an answer of which no thoughts are known, and what gpt-oss writes between its channels.
BEFORE = re.compile(r"(<think>)?\s*(</think>)?\s*|<\|channel\|>final<\|message\|>|<\|channel>thought\n<channel\|>")
THINKS = ("Qwen 3", "Qwen 3 MoE", "Qwen 3.5", "Qwen 3 VL", "R1 Distill Qwen", "R1 Distill Llama")
TAKE_TOOLS = (
    "Llama 3.1", "Llama 3.2", "Qwen 2.5", "Qwen 3", "Qwen 3 MoE", "Qwen 3.5", "Qwen 3 VL", "Gemma 4", "gpt-oss",
)  # fmt: skip
TOOL = {
    "type": "function",
    "function": {
        "name": "tide_table",
        "description": "Tides of a harbour.",
        "parameters": {"type": "object", "properties": {"harbour": {"type": "string"}}, "required": ["harbour"]},
    },
}
WITH_TOOLS = Conversation(
    (
        Message("user", "When is high water in Wick?"),
        Message("assistant", "", tool_calls=(ToolCall("tide_table", '{"harbour": "Wick"}', "call00001"),)),
        Message("tool", '{"high": "14:05"}', tool_call_id="call00001"),
        Message("assistant", "At five past two."),
    ),
    tools=(TOOL,),
)
# Templates that leave something out, a tokenizer that puts a blank before, and one of the most usual kind.
SCRIPTED = ("Llama 3.1", "Qwen 3.5", "R1 Distill Qwen", "Gemma 2", "Mistral v0.3")
CALL_ENDS = {"Gemma 4": "<|tool_response>", "gpt-oss": "<|call|>"}

Fetch = Callable[[str], FolderTokenizer]


def learned_runs(conversation: Conversation, tokenizer: FolderTokenizer) -> list[tuple[int, str]]:
    """(where it begins, its text) of each run of learned tokens."""
    labelled = label_tokens(conversation, tokenizer, 10_000)
    runs: list[tuple[int, list[int]]] = []
    for place, (token, label) in enumerate(zip(labelled.input_ids, labelled.labels, strict=True)):
        assert label in (token, NOT_LEARNED)
        if label != NOT_LEARNED:
            if not place or labelled.labels[place - 1] == NOT_LEARNED:
                runs.append((place, []))
            runs[-1][1].append(token)
    return [(place, tokenizer.tokenizer.decode(ids, skip_special_tokens=False)) for place, ids in runs]


@pytest.mark.parametrize("talk", TALKS)
@pytest.mark.parametrize("family", FAMILIES)
def test_labels_are_answers_and_end_marks(tokenizer_of_family: Fetch, family: str, talk: str) -> None:
    """Each run of learned tokens is one answer with its end mark, and the last begins where it is asked to begin."""
    tokenizer, messages = tokenizer_of_family(family), TALKS[talk]
    runs = learned_runs(Conversation(messages), tokenizer)
    answers = [message.content for message in messages if message.role == "assistant"]
    assert len(runs) == len(answers)
    for (_, text), answer in zip(runs, answers, strict=True):
        before, found, end = text.partition(answer)
        assert found, text
        assert BEFORE.fullmatch(before), before
        assert end.strip() in {*FAMILIES[family].ends, "<|end|>"}, end
    asked = tokenizer.prompt_ids(messages[:-1], thinks=True)
    assert runs[-1][0] == len(asked)
    assert label_tokens(Conversation(messages), tokenizer, 10_000).input_ids[: len(asked)] == asked


@pytest.mark.parametrize("family", TAKE_TOOLS)
def test_calls_are_learned_and_what_tools_answer_is_not(tokenizer_of_family: Fetch, family: str) -> None:
    tokenizer = tokenizer_of_family(family)
    (_, call), (_, answer) = learned_runs(WITH_TOOLS, tokenizer)
    assert "tide_table" in call
    assert "Wick" in call
    assert call.strip().endswith(CALL_ENDS.get(family, FAMILIES[family].ends))
    before, _, end = answer.partition("At five past two.")
    assert BEFORE.fullmatch(before)
    assert end.strip() in FAMILIES[family].ends
    assert "14:05" not in call + answer
    assert "Tides of a harbour." in tokenizer.render(WITH_TOOLS.messages, tools=WITH_TOOLS.tools)


@pytest.mark.parametrize("family", [family for family in FAMILIES if family not in TAKE_TOOLS])
def test_template_without_a_place_for_calls_is_said(tokenizer_of_family: Fetch, family: str) -> None:
    with pytest.raises(TemplateError, match=r"tools|refuses the conversation"):
        label_tokens(WITH_TOOLS, tokenizer_of_family(family), 10_000)


@pytest.mark.parametrize("family", FAMILIES)
def test_prompt_is_what_training_saw(tokenizer_of_family: Fetch, family: str) -> None:
    """Asked without thoughts, a model reads exactly what stood before the answer when it learned."""
    tokenizer = tokenizer_of_family(family)
    labelled = label_tokens(Conversation(TURNS), tokenizer, 10_000)
    asked = tokenizer.prompt_ids(TURNS[:-1])
    assert labelled.input_ids[: len(asked)] == asked
    written = labelled.input_ids[len(asked) :]
    marks = {tokenizer.tokenizer.token_to_id(mark) for mark in {*FAMILIES[family].ends, "<|end|>"}}
    end = next(place for place, token in enumerate(written) if token in marks)
    assert tokenizer.read_answer(written[:end])[1].strip() == "Out of the north."
    if tokenizer.bos_token and tokenizer.render(TURNS).startswith(tokenizer.bos_token):
        assert labelled.input_ids.count(tokenizer.tokenizer.token_to_id(tokenizer.bos_token)) == 1 or (
            tokenizer.bos_token in FAMILIES[family].ends
        )


@pytest.mark.parametrize(
    "family", [pytest.param(name, marks=() if name in SCRIPTED else pytest.mark.slow) for name in FAMILIES]
)
def test_script_reads_the_same_tokens(workspace, tokenizer_folder: Callable[[str], Path], family: str) -> None:
    base = tokenizer_folder(family)
    (base / "config.json").write_text(json.dumps(LLAMA))  # a script is written without weights
    (base / "model.safetensors").touch()
    data = save(workspace, *TALKS.values())
    assert_same_labels(workspace, make_recipe(data=data, base=str(base)))


@pytest.mark.parametrize("family", THINKS)
def test_thoughts_are_learned_where_they_are_asked(tokenizer_of_family: Fetch, family: str) -> None:
    tokenizer = tokenizer_of_family(family)
    thoughtful = (*TURNS[:3], Message("assistant", "Out of the north.", "It came yesterday."))
    *_, (begin, text) = learned_runs(Conversation(thoughtful), tokenizer)
    assert begin == len(tokenizer.prompt_ids(TURNS[:-1], thinks=True))
    assert re.search(r"It came yesterday\.\n</think>\n\nOut of the north\.", text)


@pytest.mark.parametrize("family", FAMILIES)
def test_ollama_asks_as_the_template_does(tokenizer_of_family: Fetch, renderer: Path, family: str) -> None:
    """Rendered by Go's text/template, for one turn and several, with a system prompt and without."""
    tokenizer = tokenizer_of_family(family)
    modelfile = build_modelfile("m.gguf", tokenizer, "")
    written = re.search(r'^TEMPLATE """(.*?)"""$', modelfile, re.MULTILINE | re.DOTALL)
    assert written, modelfile
    asked = [messages[:-1] for messages in (*TALKS.values(), (SYSTEM, *TURNS[:2]))]
    begin = tokenizer.bos_token
    expected = [tokenizer.render(messages, add_generation_prompt=True) for messages in asked]
    given = render_all(renderer, [(written[1], messages) for messages in asked])
    assert [begin + text if text != whole else text for text, whole in zip(given, expected, strict=True)] == expected
    stops = re.findall(r'^PARAMETER stop "(.*)"$', modelfile, re.MULTILINE)
    assert set(stops) & set(FAMILIES[family].ends)


@pytest.mark.parametrize("family", FAMILIES)
def test_place_for_a_system_prompt_is_known_without_the_words(
    family: str, tokenizer_of_family: Fetch, tokenizer_folder: Callable[[str], Path]
) -> None:
    """The form says so at each key, and a tokenizer takes a second and hundreds of megabytes."""
    assert has_system_role(tokenizer_folder(family)) == tokenizer_of_family(family).has_system_role
