"""What is learned belongs to an answer and to nothing else, in the manner of every family of templates."""

from __future__ import annotations

import pytest

from studio.data.conversation import Conversation, Message, ToolCall
from studio.data.tokens import FolderTokenizer, label_tokens, load_tokenizer, show_tokens
from studio.errors import TemplateError

ASKED, ANSWERED = Message("user", "Whither goes the ferry?"), Message("assistant", "Across the firth.")
ONE = (ASKED, ANSWERED)
TALK = (
    Message("system", "Speak plainly."),
    *ONE,
    Message("user", "Whence comes it?"),
    Message("assistant", "Out of the north.", reasoning="Remember yesterday."),
)
THOUGHT = "<think>\nRemember yesterday.\n</think>\n\nOut of the north."
FAMILIES = ("ChatML", "Llama 3", "Gemma", "Mistral", "Mistral v7", "Qwen3", "gpt-oss", "DeepSeek")
ENDS = {"Llama 3": "<|eot_id|>", "Gemma": "<end_of_turn>", "Mistral": "</s>", "Mistral v7": "</s>"}


def learned(messages: tuple[Message, ...], tokenizer: FolderTokenizer) -> list[str]:
    """The runs of text that are learned, in order."""
    runs: list[str] = []
    state = ""
    for piece in show_tokens(Conversation(messages), tokenizer, 10_000):
        if piece.state == "learned":
            if state == "learned":
                runs[-1] += piece.text
            else:
                runs.append(piece.text)
        state = piece.state
    return runs


@pytest.mark.parametrize(
    ("family", "first", "last"),
    [
        (
            "ChatML",
            "Across the firth.<|im_end|>",
            THOUGHT + "<|im_end|>",
        ),
        (
            "Llama 3",
            "Across the firth.<|eot_id|>",
            THOUGHT + "<|eot_id|>",
        ),
        ("Mistral v7", "Across the firth.</s>", THOUGHT + "</s>"),
        (
            "Qwen3",
            "Across the firth.<|im_end|>",
            THOUGHT + "<|im_end|>",
        ),
        (
            "gpt-oss",
            "<|channel|>final<|message|>Across the firth.<|end|>",
            "<|channel|>analysis<|message|>Remember yesterday.<|end|>"
            "<|start|>assistant<|channel|>final<|message|>Out of the north.<|return|>",
        ),
        (  # it is asked to begin with its thoughts, so it learns to write them and to come to their end
            "DeepSeek",
            "Across the firth.<｜end▁of▁sentence｜>",
            "Remember yesterday.\n</think>\n\nOut of the north.<｜end▁of▁sentence｜>",
        ),
    ],
)
def test_each_answer_is_learned_with_its_end_mark_and_nothing_else(make_tokenizer, family, first, last):
    tokenizer = load_tokenizer(make_tokenizer(family))
    assert [run.strip() for run in learned(TALK, tokenizer)] == [first, last]


@pytest.mark.parametrize(
    "family", ["ChatML", "Llama 3", "Gemma", "Mistral", "Mistral v7", "Qwen3", "gpt-oss", "DeepSeek"]
)
def test_a_single_turn_is_learned_in_the_manner_of_every_family(make_tokenizer, family):
    tokenizer = load_tokenizer(make_tokenizer(family))
    (run,) = learned(ONE, tokenizer)
    assert "Across the firth." in run
    assert "ferry" not in run
    assert run.strip().endswith(ENDS.get(family, tokenizer.eos_token))


def test_an_answer_without_weight_is_read_and_not_learned(make_tokenizer):
    tokenizer = load_tokenizer(make_tokenizer("Qwen3"))
    talk = (ASKED, Message("assistant", "Across the firth.", learned=False), *TALK[3:])
    (run,) = learned(talk, tokenizer)
    assert "Out of the north." in run


def test_a_template_that_tells_neither_way_gives_an_error_and_no_mask(make_tokenizer):
    tokenizer = load_tokenizer(make_tokenizer("forgetful"))
    with pytest.raises(TemplateError, match="does not say where answer 1 begins"):
        label_tokens(Conversation(TALK), tokenizer, 100)


def test_a_template_that_drops_the_call_of_a_tool_says_so(make_tokenizer):
    tokenizer = load_tokenizer(make_tokenizer("ChatML"))
    called = Message("assistant", "", tool_calls=(ToolCall("ferry_times", "{}"),))
    with pytest.raises(TemplateError, match="leaves out what tools are called"):
        label_tokens(Conversation((ASKED, called)), tokenizer, 100)


def test_a_passage_is_learned_from_its_first_token_to_its_end_mark(make_tokenizer):
    tokenizer = load_tokenizer(make_tokenizer("Llama 3"))
    pieces = show_tokens(Conversation((Message("text", "Once upon a time."),)), tokenizer, 5)
    assert "".join(piece.text for piece in pieces) == "Once upon a time.<|eot_id|>"
    assert {piece.state for piece in pieces[:5]} == {"learned"}
    assert {piece.state for piece in pieces[5:]} == {"cut"}


# The tokenizers themselves, out of npm's registry: see conftest


CALLED = (
    Message("user", "When goes the ferry?"),
    Message("assistant", "", tool_calls=(ToolCall("ferry_times", '{"day": "Monday"}', "a1"),)),
    Message("tool", "At nine", tool_call_id="a1"),
    Message("assistant", "It leaves early."),
)


def test_the_tokenizer_of_qwen3_learns_answers_thoughts_and_calls(fetch_tokenizer):
    tokenizer = fetch_tokenizer("qwen3")
    first, last = learned(TALK, tokenizer)
    assert first == "Across the firth.<|im_end|>"
    assert last == THOUGHT + "<|im_end|>"
    call, said = learned(CALLED, tokenizer)
    assert '"ferry_times"' in call
    assert call.endswith("</tool_call><|im_end|>")
    assert "It leaves early." in said
    assert "At nine" not in call + said


@pytest.mark.parametrize(("name", "end"), [("gemma3", "<end_of_turn>"), ("llama3_1", "<|eot_id|>")])
def test_the_tokenizers_of_gemma_and_llama_learn_answers_alone(fetch_tokenizer, name, end):
    tokenizer = fetch_tokenizer(name)
    first, last = learned(TALK, tokenizer)
    assert first == f"Across the firth.{end}"
    assert last == THOUGHT + end
