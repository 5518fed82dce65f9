"""Models that think before they answer: their thoughts are parted from what they say, and asked for as learned."""

from __future__ import annotations

import json

import pytest

from studio.data.calls import with_written_call
from studio.data.conversation import Conversation, Message, ToolCall
from studio.data.datasets import save_dataset
from studio.data.formats import convert_rows
from studio.data.read import Row
from studio.data.thoughts import part_answer
from studio.data.tokens import label_tokens, load_tokenizer
from studio.workers.generate import Generator, Prompt
from studio.workers.heldout import Manner, learned_to_think, longest_answer, manner_of
from tests.studio.reports import make_run

ASKED = (Message("system", "Be short."), Message("user", "When goes the ferry?"))
PLAIN = Conversation((*ASKED, Message("assistant", "At nine.")))
THOUGHTFUL = Conversation((*ASKED, Message("assistant", "At nine.", "It is Monday.")))
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}


@pytest.mark.parametrize(
    ("written", "parted"),
    [
        ("At nine.", ("", "At nine.")),
        ("<think>\n\n</think>\n\nAt nine.", ("", "At nine.")),
        ("<think>\nIt is Monday.\n</think>\n\nAt nine.", ("It is Monday.", "At nine.")),
        ("<think>\nIt is Mon", ("It is Mon", "")),
        ("At <think> nine.", ("", "At <think> nine.")),
        ("", ("", "")),
    ],
)
def test_what_was_thought_is_parted_from_what_was_said_also_when_it_was_cut_off(written, parted):
    assert part_answer(written) == parted


@pytest.mark.parametrize("conversation", [PLAIN, THOUGHTFUL])
def test_qwen3_is_asked_from_where_its_answers_began_when_it_learned(fetch_tokenizer, conversation):
    tokenizer = fetch_tokenizer("qwen3")
    labelled = label_tokens(conversation, tokenizer, 10_000)
    asked = tokenizer.prompt_ids(ASKED, thinks=bool(conversation.thought))
    assert labelled.input_ids[: len(asked)] == asked
    left = tokenizer.tokenizer.decode(labelled.input_ids[len(asked) :], skip_special_tokens=True).strip()
    assert left == ("<think>\nIt is Monday.\n</think>\n\nAt nine." if conversation.thought else "At nine.")


@pytest.mark.parametrize("family", ["ChatML", "Llama 3", "Mistral v7", "Qwen3", "gpt-oss"])
@pytest.mark.parametrize("conversation", [PLAIN, THOUGHTFUL], ids=["plain", "thoughtful"])
def test_what_a_model_of_any_family_learned_to_write_is_read_as_what_it_was_to_say(
    make_tokenizer, family, conversation
):
    tokenizer = load_tokenizer(make_tokenizer(family))
    labelled = label_tokens(conversation, tokenizer, 10_000)
    asked = tokenizer.prompt_ids(ASKED, thinks=bool(conversation.thought))
    assert labelled.input_ids[: len(asked)] == asked
    end = tokenizer.tokenizer.token_to_id(tokenizer.eos_token)
    written = labelled.input_ids[len(asked) :]
    assert tokenizer.read_answer(written[: written.index(end)]) == (conversation.thought, "At nine.")


def test_gpt_oss_that_is_cut_off_while_it_thinks_has_said_nothing(make_tokenizer):
    tokenizer = load_tokenizer(make_tokenizer("gpt-oss"))
    ids, _ = tokenizer.encode("<|channel|>analysis<|message|>It is Mon")
    assert tokenizer.read_answer(ids) == ("It is Mon", "")


def test_a_model_that_learned_thoughts_begins_them_by_itself(fetch_tokenizer):
    tokenizer = fetch_tokenizer("qwen3")
    assert tokenizer.prompt_text(ASKED, thinks=True) == tokenizer.render(ASKED, add_generation_prompt=True)
    assert tokenizer.prompt_text(ASKED).endswith("<think>\n\n</think>\n\n")


@pytest.mark.parametrize("name", ["gemma3", "llama3_1"])
def test_models_without_thoughts_are_asked_as_their_template_has_it(fetch_tokenizer, name):
    tokenizer = fetch_tokenizer(name)
    asked = ASKED[1:]
    assert tokenizer.prompt_text(asked) == tokenizer.render(asked, add_generation_prompt=True)
    assert not tokenizer.opens_thought


def test_the_starter_is_asked_as_before(starter):
    tokenizer = load_tokenizer(starter)
    assert tokenizer.prompt_text(ASKED) == tokenizer.render(ASKED, add_generation_prompt=True)


def test_what_a_model_wrote_is_read_with_its_thoughts_apart(fetch_tokenizer):
    tokenizer = fetch_tokenizer("qwen3")
    end = tokenizer.tokenizer.token_to_id(tokenizer.eos_token)
    generator = Generator(None, tokenizer, {end})
    written, _ = tokenizer.encode("<think>\nIt is Monday.\n</think>\n\nAt nine.")
    (answer,) = generator.read([[*written, end]], [True])
    assert (answer.text, answer.thoughts, answer.finished) == ("At nine.", "It is Monday.", True)
    assert answer.tokens == len(written) + 1
    (cut,) = generator.read([written[:4]], [True])
    assert (cut.text, cut.finished) == ("", False)
    assert cut.thoughts


def test_there_is_room_for_the_thoughts_too(fetch_tokenizer):
    tokenizer = fetch_tokenizer("qwen3")
    long = Conversation((*ASKED, Message("assistant", "At nine.", "It is Monday. " * 40)))
    assert longest_answer([long], tokenizer) > 40 * 4
    assert longest_answer([PLAIN], tokenizer) < 20
    assert learned_to_think([PLAIN, long])
    assert not learned_to_think([PLAIN])


def test_the_tools_that_were_learned_with_stand_in_the_question(fetch_tokenizer):
    tokenizer = fetch_tokenizer("qwen3")
    called = Conversation(PLAIN.messages, tools=(WEATHER,))
    labelled = label_tokens(called, tokenizer, 10_000)
    ids = Prompt("tuned", called.prompt, called.tools).ids(tokenizer)
    assert labelled.input_ids[: len(ids)] == ids
    assert ids != Prompt("tuned", called.prompt).ids(tokenizer)


def test_a_call_that_is_wanted_stands_in_the_words_of_the_model_and_teaches_the_same(fetch_tokenizer):
    tokenizer = fetch_tokenizer("qwen3")
    call = Message("assistant", "", tool_calls=(ToolCall("weather", '{"day": "Monday"}'),))
    called = Conversation((*ASKED, call), tools=(WEATHER,))
    written = with_written_call(called, tokenizer)
    assert json.loads(written.wanted.removeprefix("<tool_call>").removesuffix("</tool_call>")) == {
        "name": "weather", "arguments": {"day": "Monday"},
    }  # fmt: skip
    assert label_tokens(written, tokenizer, 10_000) == label_tokens(called, tokenizer, 10_000)
    assert with_written_call(PLAIN, tokenizer) is PLAIN


def test_whoever_is_talked_to_is_asked_in_the_manner_of_its_data(workspace):
    rows = [
        Row(n, {
            "messages": [
                {"role": "user", "content": f"Ferry {n}?"},
                {"role": "assistant", "content": "At nine.", "reasoning_content": f"Day {n}"},
            ],
            "tools": [WEATHER],
        })
        for n in range(60)
    ]  # fmt: skip
    save_dataset(workspace, "orders", "orders.jsonl", convert_rows(rows))
    run = make_run(workspace)
    assert manner_of(run) == Manner((WEATHER,), True)


def test_where_the_data_is_gone_the_plain_way_is_left(workspace):
    run = make_run(workspace)
    assert manner_of(run) == Manner()
    (workspace.datasets / "orders").rename(workspace.datasets / "gone")
    assert manner_of(run) == Manner()
