"""Every shape that people's rows have becomes the same conversation."""

from __future__ import annotations

import json
from typing import Any

import pytest

from studio.data.conversation import Conversation, ToolCall
from studio.data.formats import Conversion, Mapping, convert_rows, suggest_mapping
from studio.data.read import Row, UnreadableRow

HI, HELLO = ("user", "Hi"), ("assistant", "Hello")


def convert(*values: dict[str, Any], mapping: Mapping | None = None) -> Conversion:
    return convert_rows([Row(line, value) for line, value in enumerate(values, start=1)], mapping)


def said(value: dict[str, Any], mapping: Mapping | None = None) -> list[tuple[str, str]]:
    converted = convert(value, mapping=mapping)
    assert converted.unreadable == []
    return [(message.role, message.content) for message in converted.conversations[0].messages]


def refusal(value: dict[str, Any]) -> str:
    converted = convert(value)
    assert converted.conversations == []
    return converted.unreadable[0].reason


def turns(*pairs: tuple[str, Any], role: str = "role", content: str = "content") -> list[dict[str, Any]]:
    return [{role: name, content: words} for name, words in pairs]


SHAREGPT = turns(("human", "Hi"), ("gpt", "Hello"), role="from", content="value")


@pytest.mark.parametrize(
    ("shape", "value"),
    [
        ("messages", {"messages": turns(HI, HELLO)}),
        ("messages", {"Messages": turns(("User", "Hi"), (" ASSISTANT ", "Hello")), "id": 7}),
        ("messages", {"messages": json.dumps(turns(HI, HELLO))}),
        ("messages (from, value)", {"messages": SHAREGPT}),
        ("ShareGPT", {"conversations": SHAREGPT}),
        ("conversations", {"conversations": turns(HI, HELLO)}),
        ("conversation", {"conversation": turns(HI, HELLO)}),
        ("Alpaca", {"instruction": "Hi", "output": "Hello"}),
        ("Alpaca", {"instruction": "Hi", "input": "", "output": "Hello", "system": "", "history": []}),
        ("question and answer", {"prompt": "Hi", "completion": "Hello"}),
        ("question and answer", {"question": "Hi", "answer": "Hello"}),
        ("question and answer", {"\ufeffQuestion\r": "Hi", " ANSWER ": "Hello"}),
        ("question and answer", {"query": "Hi", "response": "Hello"}),
        ("question and answer", {"input": "Hi", "output": "Hello"}),
        ("question and answer", {"prompt": turns(HI), "completion": turns(HELLO)}),
        ("question and answer", {"prompt": turns(HI), "completion": "Hello"}),
    ],
)
def test_a_question_and_its_answer_are_found_in_every_shape(shape, value):
    assert said(value) == [HI, HELLO]
    assert convert(value).shapes == {shape: 1}


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("human", "user"), ("User", "user"), ("prompter", "user"), ("customer", "user"),
        ("gpt", "assistant"), ("ChatGPT", "assistant"), ("bot", "assistant"), ("model", "assistant"),
        ("system", "system"), ("developer", "system"),
        ("tool", "tool"), ("function", "tool"), ("observation", "tool"), ("ipython", "tool"),
    ],
)  # fmt: skip
def test_roles_have_many_names(name, role):
    value = {"conversations": turns((name, "words"), role="from", content="value")}
    assert said(value) == [(role, "words")]


def test_several_turns_stay_several_turns():
    talk = [("system", "Be kind."), HI, HELLO, ("user", "Time?"), ("tool", "12:00"), ("assistant", "Noon.")]
    assert said({"messages": turns(*talk)}) == talk


def test_content_in_parts_is_joined():
    parts = [{"type": "text", "text": "Hi "}, {"type": "input_text", "text": "there"}]
    assert said({"messages": turns(("user", parts), ("assistant", []))}) == [("user", "Hi there"), ("assistant", "")]


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ([{"type": "text", "text": "Look"}, {"type": "image_url", "image_url": {"url": "x"}}], "kind 'image_url'"),
        ([{"type": "text", "value": "Hi"}], "a part without text"),
    ],
)
def test_content_that_is_no_text_is_said(parts, reason):
    assert reason in refusal({"messages": turns(("user", parts))})


def test_content_that_is_neither_text_nor_parts_is_written_as_json():
    assert said({"question": 5, "answer": {"total": 5.5, "währung": "€"}}) == [
        ("user", "5"),
        ("assistant", '{"total": 5.5, "währung": "€"}'),
    ]


def test_alpaca_brings_its_input_system_and_history():
    value = {
        "instruction": "Translate.",
        "input": "Haus",
        "output": "house",
        "system": "You translate.",
        "history": [["Tür?", "door"], ["Tor?", "gate"]],
    }
    assert said(value) == [
        ("system", "You translate."),
        ("user", "Tür?"), ("assistant", "door"),
        ("user", "Tor?"), ("assistant", "gate"),
        ("user", "Translate.\n\nHaus"), ("assistant", "house"),
    ]  # fmt: skip


def test_a_history_that_is_none_is_said():
    assert "history that is not pairs" in refusal({"instruction": "a", "output": "b", "history": ["a", "b"]})


def test_a_system_column_stands_first_unless_the_conversation_has_its_own():
    own = [("system", "Own."), HI, HELLO]
    assert said({"system": "Column.", "messages": turns(HI, HELLO)}) == [("system", "Column."), HI, HELLO]
    assert said({"system": "Column.", "messages": turns(*own)}) == own
    assert said({"system": "Column.", "question": "Hi", "answer": "Hello"})[0] == ("system", "Column.")


def test_an_empty_system_prompt_is_none():
    assert said({"messages": turns(("system", " "), HI, HELLO)}) == [HI, HELLO]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"messages": turns(HI, ("narrator", "Later"))}, "a message from 'narrator', which is no role"),
        ({"messages": [*turns(HI), "Hello"]}, "a message 2 without 'role'"),
        ({"messages": [*turns(HI), {"content": "Hello"}]}, "a message 2 without 'role'"),
        ({"messages": "[not json"}, "has columns messages"),
        ({"messages": None}, "has columns messages"),
        ({"text": "Hi", "label": "greeting"}, "has columns text, label"),
        ({}, r"has columns (none)"),
    ],
)
def test_a_row_of_no_known_shape_says_why(value, reason):
    assert reason in refusal(value)


def test_what_cannot_be_read_is_listed_with_line_and_row_and_the_rest_goes_on():
    rows = [
        Row(1, {"question": "Hi", "answer": "Hello"}),
        UnreadableRow(3, "is not JSON", "{"),
        Row(4, {"remark": "alone"}),
        Row(9, {"messages": turns(HI, HELLO)}),
    ]
    converted = convert_rows(rows)
    assert converted.rows == 4
    assert [conversation.row for conversation in converted.conversations] == [0, 3]
    assert converted.unreadable_rows == [1, 2]
    assert [(row.line, row.text) for row in converted.unreadable] == [(3, "{"), (4, '{"remark": "alone"}')]
    assert converted.shapes == {"question and answer": 1, "messages": 1}
    assert converted.columns == ["question", "answer", "remark", "messages"]


def test_an_empty_list_of_messages_is_kept_for_the_findings():
    assert said({"messages": []}) == []


# What more a row may hold


def only(value: dict[str, Any]) -> Conversation:
    converted = convert(value)
    assert converted.unreadable == []
    return converted.conversations[0]


CALL = {"id": "a1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}


def test_openai_files_keep_their_tools_calls_and_weights():
    found = only(
        {
            "messages": [
                {"role": "user", "content": "Rome?"},
                {"role": "assistant", "content": None, "tool_calls": [CALL], "weight": 0},
                {"role": "tool", "content": "Sunny", "tool_call_id": "a1"},
                {"role": "assistant", "content": "Sunny.", "weight": 1},
            ],
            "tools": [WEATHER],
        }
    )
    _, called, result, said = found.messages
    assert called.tool_calls == (ToolCall("weather", '{"city": "Rome"}', "a1"),)
    assert called.as_dict()["tool_calls"][0]["function"]["arguments"] == {"city": "Rome"}
    assert (called.content, called.learned, said.learned, result.tool_call_id) == ("", False, True, "a1")
    assert found.tools == (WEATHER,)
    assert Conversation.from_record(found.as_record()) == found


def test_functions_in_openais_older_way_and_sharegpts_calls_are_tools_too():
    older = only({"messages": [{"role": "assistant", "function_call": CALL["function"]}], "functions": [{"name": "w"}]})
    assert older.messages[0].tool_calls[0].name == "weather"
    assert older.tools == ({"type": "function", "function": {"name": "w"}},)
    call = json.dumps({"name": "weather", "arguments": {"city": "Rome"}})
    talk = turns(("human", "Rome?"), ("function_call", call), ("observation", "Sunny"), role="from", content="value")
    assert only({"conversations": talk}).messages[1].tool_calls == (ToolCall("weather", '{"city": "Rome"}'),)


@pytest.mark.parametrize(
    "value",
    [
        {"messages": [*turns(HI), {"role": "assistant", "content": "Hello", "reasoning_content": "Be brief."}]},
        {"messages": turns(HI, ("assistant", "<think>\nBe brief.\n</think>\n\nHello"))},
        {"question": "Hi", "answer": "<think>Be brief.</think>Hello"},
        {"question": "Hi", "reasoning": "Be brief.", "answer": "Hello"},
        {"instruction": "Hi", "output": "<think>Be brief.</think>\nHello"},
    ],
)
def test_thoughts_are_kept_apart_from_the_answer(value):
    answer = only(value).messages[-1]
    assert (answer.content, answer.reasoning) == ("Hello", "Be brief.")


@pytest.mark.parametrize(
    "value",
    [
        {"prompt": "Hi", "chosen": "Hello", "rejected": "No"},
        {"prompt": turns(HI), "chosen": turns(HELLO), "rejected": turns(("assistant", "No"))},
        {"chosen": turns(HI, HELLO), "rejected": turns(HI, ("assistant", "No"))},
        {"question": "Hi", "chosen": "Hello", "rejected": "No"},
        {"chosen": "\n\nHuman: Hi\n\nAssistant: Hello", "rejected": "\n\nHuman: Hi\n\nAssistant: No"},
        {
            "conversations": [{"from": "human", "value": "Hi"}],
            "chosen": {"from": "gpt", "value": "Hello"},
            "rejected": {"from": "gpt", "value": "No"},
        },
    ],
)
def test_of_two_answers_the_chosen_one_is_learned_and_the_other_kept(value):
    assert convert(value).shapes == {"chosen and rejected": 1}
    assert said(value) == [HI, HELLO]
    assert only(value).rejected == "No"


@pytest.mark.parametrize(("label", "liked"), [(True, True), (False, False), (1, True), ("false", False)])
def test_a_thumb_up_or_down_is_kept(label, liked):
    value = {"prompt": "Hi", "completion": "Hello", "label": label}
    assert only(value).liked is liked
    assert convert(value).shapes == {"thumbs up or down": 1}


def test_a_label_that_is_no_thumb_is_a_tag():
    found = only({"prompt": "Hi", "completion": "Hello", "label": "greeting", "Source": "mail", "long": "x" * 200})
    assert (found.liked, found.tags) == (None, {"label": "greeting", "source": "mail"})


@pytest.mark.parametrize(
    "name", ["Question", " question ", "\ufeffquestion", "QUESTION\r", "question:", "*question*", "Question?"]
)
def test_the_name_of_a_column_is_known_in_whatever_dress(name):
    assert said({name: "Hi", "Answer": "Hello"}) == [HI, HELLO]


def test_a_context_stands_before_the_question_and_is_no_system_prompt():
    value = {"context": "Rome lies on the Tiber.", "question": "Which river?", "answer": "The Tiber."}
    assert said(value)[0] == ("user", "Rome lies on the Tiber.\n\nWhich river?")


def test_a_text_by_itself_is_a_passage_to_go_on_learning_from():
    found = only({"text": "Once upon a time.", "url": "x", "meta": {"n": 1}})
    assert found.is_passage
    assert found.tags == {"url": "x"}


def test_a_row_says_its_side_of_the_split():
    assert only({"question": "Hi", "answer": "Hello", "Split": "dev"}).split == "validation"


def node(name: str, parent: str | None, role: str, *parts: Any, **message: Any) -> dict[str, Any]:
    content = {"content_type": "text", "parts": list(parts)}
    return {"id": name, "parent": parent, "message": {"author": {"role": role}, "content": content, **message}}


def test_a_chatgpt_export_is_followed_along_the_branch_that_was_open_to_its_last_answer():
    nodes = [
        {"id": "root", "parent": None, "message": None},
        node("s", "root", "system", ""),
        node("h", "s", "system", "Secret", metadata={"is_visually_hidden_from_conversation": True}),
        node("a", "h", "user", "Hi", {"content_type": "image_asset_pointer"}),
        node("b", "a", "assistant", "First try"),
        node("c", "a", "assistant", "search(x)", recipient="browser"),
        node("d", "c", "tool", "found it"),
        node("e", "d", "assistant", "Hello"),
        node("f", "e", "user", "Bye, and"),
    ]
    export = {"title": "Greeting", "mapping": {each["id"]: each for each in nodes}, "current_node": "f"}
    assert said(export) == [HI, HELLO]
    assert only(export).tags == {"title": "Greeting"}
    assert convert(export).shapes == {"ChatGPT export": 1}
    assert "without an answer" in refusal({"mapping": {"root": nodes[0]}, "current_node": "root"})


def test_a_tree_that_leads_round_in_a_circle_ends():
    nodes = {"a": node("a", "b", "user", "Hi"), "b": node("b", "a", "assistant", "Hello")}
    assert len(only({"mapping": nodes, "current_node": "b"}).messages) <= 10_000


def test_all_rows_can_be_read_as_one_shape():
    rows = [
        Row(1, {"instruction": "Hi", "output": "Hello", "input": "there"}),
        Row(2, {"question": "a", "answer": "b"}),
    ]
    converted = convert_rows(rows, shape="question and answer")
    assert [c.messages[0].content for c in converted.conversations] == ["there", "a"]
    refused = convert_rows(rows, shape="Alpaca")
    assert refused.unreadable[0].reason == "has columns question, answer, which do not fit Alpaca"


# Two columns of any name


def test_a_mapping_says_which_columns_are_what():
    value = {"Mail": "Hi", "Ticket": "Hello", "Tone": "Kind."}
    assert said(value, Mapping("Mail", "Ticket")) == [HI, HELLO]
    assert said(value, Mapping("Mail", "Ticket", "Tone")) == [("system", "Kind."), HI, HELLO]


def test_a_mapping_to_a_column_that_a_row_lacks_lists_the_row():
    converted = convert({"Mail": "Hi", "Ticket": "Hello"}, {"Mail": "Hi"}, mapping=Mapping("Mail", "Ticket"))
    assert len(converted.conversations) == 1
    assert converted.unreadable[0].reason == "has no column 'Ticket'"


def test_a_mapping_is_suggested_from_the_first_two_columns_of_text():
    rows = [{"id": 1, "mail": "Hi", "note": "", "ticket": "Hello"}, {"id": 2, "mail": "Hey", "ticket": "Hello"}]
    assert suggest_mapping(rows) == Mapping("mail", "ticket")
    assert suggest_mapping([{"id": 1, "mail": "Hi"}]) is None
    assert suggest_mapping([]) is None


def test_a_long_passage_is_suggested_as_context_and_never_as_an_instruction():
    rows = [{"text": "word " * 400, "what": f"Which {n}?", "so": "This one.", "id": f"q{n}"} for n in range(5)]
    assert suggest_mapping(rows) == Mapping("what", "so", "", "text")
    figures = [
        {"PassengerId": f"{n}", "Fare": f"{n}.50", "Name": f"Mr Smith {'x' * n}", "Cabin": "deck C"} for n in range(5)
    ]
    assert suggest_mapping(figures) == Mapping("Name", "Cabin")
    named = [{"Antwort": "So.", "Frage": "Warum", "Quelle": "x"}]
    assert suggest_mapping(named) == Mapping("Frage", "Antwort")


def test_the_preview_keeps_no_more_than_it_shows():
    assert len(convert(*[{"a": "x", "b": "y"}] * 60).unmapped) == 50


@pytest.mark.parametrize("last", [[], {}, 7, None])
@pytest.mark.parametrize("children", [None, 7, [[]], ["b", {}]])
def test_a_tree_that_is_damaged_is_followed_as_far_as_it_goes(last, children):
    nodes = {"a": {**node("a", None, "user", "Hi"), "children": children}, "b": node("b", "a", "assistant", "Hello")}
    converted = convert({"mapping": nodes, "current_node": last})
    assert len(converted.conversations) + len(converted.unreadable) == 1
