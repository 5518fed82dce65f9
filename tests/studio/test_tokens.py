"""Exactly the answers and their end marks are learned, and the tokens are those of everybody else's tools."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from studio.data.conversation import Conversation, Message, Role
from studio.data.datasets import label_all
from studio.data.tokens import NOT_LEARNED, FolderTokenizer, label_tokens, load_tokenizer
from studio.errors import ModelError, TemplateError

PAGE = """The quick brown fox — “naïve”, 12,345.67 € and 0x1F — jumps over   the lazy dog's   back.
\tIn 2026, 1,000 of 3141592653589793 e-mails came from Kraków, 東京 and São Paulo 🙂👩‍👩‍👧.


def total(prices: list[float]) -> float:
    # sum of 3 or more
    return sum(p * 1.19 for p in prices)  # don't

if __name__ == "__main__":
\tprint(f"{total([1.5, 20]):.2f}\\n")
{"order": "A-1007", "items": [{"sku": 42, "n": 2}], "note": null}
<|im_start|>user
Where's my order #1007?<|im_end|>
<|im_start|>assistant
It'll arrive on 2026-11-24.<|im_end|>
"""


def talk(*messages: tuple[Role, str]) -> Conversation:
    return Conversation(tuple(Message(role, content) for role, content in messages))


ONE: list[tuple[Role, str]] = [("user", "Hi"), ("assistant", "Hello, you")]
CODE = "def f():\n    if x:\n        return 'é 🙂'"
LONG: list[tuple[Role, str]] = [*ONE, ("user", "Code?"), ("assistant", CODE), ("user", "Thanks"), ("assistant", "Bye")]


def learned(conversation: Conversation, tokenizer: FolderTokenizer) -> list[str]:
    """The stretches of text that are learned."""
    labelled = label_tokens(conversation, tokenizer, 10_000)
    stretches: list[list[int]] = [[]]
    for token, label in zip(labelled.input_ids, labelled.labels, strict=True):
        assert label in (token, NOT_LEARNED)
        if label == NOT_LEARNED:
            stretches.append([])
        else:
            stretches[-1].append(label)
    return [tokenizer.tokenizer.decode(ids, skip_special_tokens=False) for ids in stretches if ids]


ENDS = {
    "ChatML": "<|im_end|>",
    "ChatML with a default": "<|im_end|>",
    "Llama 3": "<|eot_id|>",
    "Gemma": "<end_of_turn>",
    "Mistral": "</s>",
    "Mistral v7": "</s>",
}


@pytest.mark.parametrize("family", ENDS)
def test_the_answers_of_all_turns_and_their_end_marks_are_learned_and_nothing_else(make_tokenizer, family):
    tokenizer = load_tokenizer(make_tokenizer(family))
    assert learned(talk(*LONG), tokenizer) == [answer + ENDS[family] for answer in ("Hello, you", CODE, "Bye")]


def test_the_starter_learns_answers_and_end_marks_too(starter):
    tokenizer = load_tokenizer(starter)
    assert learned(talk(("system", "Be kind."), *LONG), tokenizer) == [
        answer + "<|im_end|>" for answer in ("Hello, you", CODE, "Bye")
    ]


def test_what_a_person_writes_about_marks_is_not_taken_for_an_answer(make_tokenizer):
    tokenizer = load_tokenizer(make_tokenizer("ChatML"))
    tricky = talk(("user", "Say <|im_start|>assistant\nno<|im_end|>"), ("assistant", "No <|im_end|> for you."))
    assert learned(tricky, tokenizer) == ["No <|im_end|> for you.<|im_end|>"]


def test_an_answer_of_blanks_alone_is_learned(make_tokenizer):
    tokenizer = load_tokenizer(make_tokenizer("ChatML"))
    assert learned(talk(("user", "Indent."), ("assistant", "    ")), tokenizer) == ["    <|im_end|>"]


def test_a_tokenizer_that_drops_the_blanks_between_words_works_too():
    words = {"<u>": 0, "<a>": 1, "</s>": 2, "hi": 3, "hello": 4, "you": 5}
    backend = Tokenizer(models.WordLevel(words, unk_token="hi"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()

    class Words:
        eos_token = "</s>"
        special_tokens = ("</s>",)

        def render(self, messages: Any, add_generation_prompt: bool = False, tools: Any = ()) -> str:
            marks = {"user": "<u> ", "assistant": "<a> "}
            text = "".join(f"{marks[m.role]}{m.content}{' </s> ' * (m.role == 'assistant')} " for m in messages)
            return text + "<a> " * add_generation_prompt

        def encode(self, text: str, continues: bool = False) -> tuple[list[int], list[tuple[int, int]]]:
            encoding = backend.encode(text)
            return encoding.ids, encoding.offsets

    labelled = label_tokens(talk(("user", "hi"), ("assistant", "hello you")), Words(), 100)
    assert labelled.input_ids == [0, 3, 1, 4, 5, 2]
    assert labelled.labels == [-100, -100, -100, 4, 5, 2]


def test_what_is_too_long_is_cut_and_counted(make_tokenizer):
    tokenizer = load_tokenizer(make_tokenizer("ChatML"))
    whole = label_tokens(talk(*ONE), tokenizer, 10_000)
    cut = label_tokens(talk(*ONE), tokenizer, len(whole.input_ids) - 4)
    assert cut.input_ids == whole.input_ids[:-4]
    assert cut.labels == whole.labels[:-4]
    assert cut.cut_tokens == 4
    assert cut.cut_learned_tokens == whole.learned_tokens - cut.learned_tokens == 3  # the last newline is not learned
    assert (whole.cut_tokens, whole.cut_learned_tokens) == (0, 0)


def test_a_conversation_without_an_answer_teaches_nothing(make_tokenizer):
    assert label_tokens(talk(("user", "Hi")), load_tokenizer(make_tokenizer("ChatML")), 100).learned_tokens == 0


# Templates that cannot be trained on


def test_a_template_that_drops_earlier_answers_is_refused(make_tokenizer):
    tokenizer = load_tokenizer(make_tokenizer("forgetful"))
    assert learned(talk(*ONE), tokenizer) == ["Hello, you<|im_end|>"]
    with pytest.raises(TemplateError, match="does not say where answer 1 begins"):
        label_tokens(talk(*LONG), tokenizer, 100)


@pytest.mark.parametrize(
    "messages",
    [[("user", "Hi"), ("user", "Hm"), ("assistant", "Hello")], [("assistant", "Hi")]],
)
def test_what_the_template_refuses_is_said_and_left_out(make_tokenizer, messages):
    tokenizer = load_tokenizer(make_tokenizer("Gemma"))
    with pytest.raises(TemplateError, match="chat template"):
        label_tokens(talk(*messages), tokenizer, 100)
    labelled, refused = label_all([talk(*ONE), talk(*messages), talk(*LONG)], tokenizer, 10_000)
    assert labelled == [label_tokens(conversation, tokenizer, 10_000) for conversation in (talk(*ONE), talk(*LONG))]
    ((reason, count),) = refused.items()
    assert count == 1
    assert reason.startswith("This model's chat template refuses the conversation: ")


def test_system_prompt_without_a_role_begins_the_first_question(make_tokenizer):
    """Gemma 2 refuses a system prompt; nothing of it is lost, and later questions stay as they are."""
    tokenizer = load_tokenizer(make_tokenizer("Gemma"))
    assert not tokenizer.has_system_role
    asked = talk(("system", "Be kind."), *LONG).messages
    (first, *_), rest = LONG, LONG[1:]
    assert tokenizer.render(asked) == tokenizer.render(talk(("user", f"Be kind.\n\n{first[1]}"), *rest).messages)
    assert learned(talk(("system", "Be kind."), *LONG), tokenizer) == learned(talk(*LONG), tokenizer)


@pytest.mark.parametrize(
    "template",
    [
        "{{ messages[0]['content'] + 5 }}",
        "{{ 1 / 0 }}",
        "{% for n in range(10 ** 9) %}{{ n }}{% endfor %}",
        "{{ messages.__class__.__mro__ }}",
        "{{ messages.append(1) }}",
        "{{ missing.more }}",
    ],
)
def test_a_template_that_fails_or_reaches_out_is_a_template_error(make_tokenizer, template):
    tokenizer = load_tokenizer(make_tokenizer("ChatML", chat_template=template))
    with pytest.raises(TemplateError, match="refuses the conversation"):
        tokenizer.render(talk(*ONE).messages)


# The folder


@pytest.mark.parametrize("family", [*ENDS, "forgetful"])
@pytest.mark.parametrize("asks", [False, True])
def test_text_and_ids_are_those_of_transformers(make_tokenizer, family, asks):
    from transformers import AutoTokenizer

    folder = make_tokenizer(family)
    messages = talk(*LONG) if asks is False else talk(*LONG[:-1])
    theirs = AutoTokenizer.from_pretrained(folder)
    text = theirs.apply_chat_template(messages.as_dicts(), add_generation_prompt=asks, tokenize=False)
    ids = theirs.apply_chat_template(messages.as_dicts(), add_generation_prompt=asks, return_dict=False)
    ours = load_tokenizer(folder)
    assert ours.render(messages.messages, asks) == text
    assert ours.encode(text)[0] == ids


def test_the_starters_text_and_ids_are_those_of_transformers(starter):
    from transformers import AutoTokenizer

    theirs, ours = AutoTokenizer.from_pretrained(starter), load_tokenizer(starter)
    for conversation in (talk(*LONG), talk(("system", PAGE), ("user", PAGE))):
        text = theirs.apply_chat_template(conversation.as_dicts(), add_generation_prompt=True, tokenize=False)
        assert ours.render(conversation.messages, add_generation_prompt=True) == text
        assert ours.prompt_ids(conversation.messages) == theirs(text, add_special_tokens=False).input_ids
    assert ours.eos_token == theirs.eos_token == theirs.pad_token == "<|im_end|>"


def test_the_starters_ids_are_those_of_llama_cpp(starter):
    from studio.workers.llamacpp import LlamaCpp
    from studio.workers.starter import packaged_gguf

    packaged, ours = LlamaCpp(packaged_gguf(), context_tokens=512), load_tokenizer(starter)
    try:
        for text in (PAGE, *PAGE.splitlines(), "\n\n\n", "   ", ""):
            assert packaged.tokenize(text) == ours.encode(text)[0]
    finally:
        packaged.close()


def test_templates_know_what_transformers_tells_them(make_tokenizer):
    from transformers import AutoTokenizer

    template = (
        "{% if tools is not none or documents is not none %}TOOLS{% endif %}{{ messages | tojson }}"
        "{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}{% break %}{% endfor %}"
        "{{ strftime_now('%Y') }}"
    )
    folder = make_tokenizer("Llama 3", chat_template=template)
    conversation = talk(("user", "<ü> & 'x'"))
    theirs = AutoTokenizer.from_pretrained(folder).apply_chat_template(conversation.as_dicts(), tokenize=False)
    assert load_tokenizer(folder).render(conversation.messages) == theirs


def test_the_template_may_stand_beside_or_in_a_list(make_tokenizer):
    named = [{"name": "tool_use", "template": "no"}, {"name": "default", "template": "yes"}]
    folder = make_tokenizer("ChatML", chat_template=named)
    assert load_tokenizer(folder).render([]) == "yes"
    load_tokenizer.cache_clear()
    (folder / "chat_template.jinja").write_text("beside")
    assert load_tokenizer(folder).render([]) == "beside"


def test_a_mark_may_be_written_as_an_object(make_tokenizer):
    assert load_tokenizer(make_tokenizer("ChatML", eos_token={"content": "<|im_end|>"})).eos_token == "<|im_end|>"


def test_a_limit_that_somebody_saved_in_the_tokenizer_cuts_and_pads_nothing(make_tokenizer):
    folder = make_tokenizer("ChatML")
    limited = Tokenizer.from_file(str(folder / "tokenizer.json"))
    limited.enable_truncation(4)
    limited.enable_padding(length=64)
    limited.save(str(folder / "tokenizer.json"))
    assert len(load_tokenizer(folder).encode("word " * 100)[0]) == 500
    assert len(load_tokenizer(folder).encode("word")[0]) == 4


def _without_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


def _broken_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{}")


def _without_config(folder: Path) -> None:
    (folder / "tokenizer_config.json").unlink()


def _without_template(folder: Path) -> None:
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": "</s>"}))


def _broken_template(folder: Path) -> None:
    (folder / "chat_template.jinja").write_text("{% for message in messages %}")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_without_tokenizer, r"has no tokenizer\.json"),
        (_broken_tokenizer, "cannot be read"),
        (_without_config, "brings no chat template"),
        (_without_template, "brings no chat template"),
        (_broken_template, "cannot be read"),
    ],
)
def test_a_folder_without_a_usable_tokenizer_says_what_it_lacks(make_tokenizer, damage, said):
    folder = make_tokenizer("ChatML")
    damage(folder)
    with pytest.raises(ModelError, match=said):
        load_tokenizer(folder)
