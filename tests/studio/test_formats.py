"""Every shape that people's rows have becomes the same conversation."""

from __future__ import annotations

import json
from typing import Any

import pytest

from studio.data.formats import Converted, Mapping, convert_rows, suggest_mapping
from studio.data.read import Row, UnreadableRow

HI, HELLO = ("user", "Hi"), ("assistant", "Hello")


def convert(*values: dict[str, Any], mapping: Mapping | None = None) -> Converted:
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
        Row(4, {"text": "alone"}),
        Row(9, {"messages": turns(HI, HELLO)}),
    ]
    converted = convert_rows(rows)
    assert converted.rows == 4
    assert [conversation.row for conversation in converted.conversations] == [0, 3]
    assert converted.unreadable_rows == [1, 2]
    assert [(row.line, row.text) for row in converted.unreadable] == [(3, "{"), (4, '{"text": "alone"}')]
    assert converted.shapes == {"question and answer": 1, "messages": 1}
    assert converted.columns == ["question", "answer", "text", "messages"]


def test_an_empty_list_of_messages_is_kept_for_the_findings():
    assert said({"messages": []}) == []


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


def test_the_preview_keeps_no_more_than_it_shows():
    assert len(convert(*[{"a": "x", "b": "y"}] * 60).unmapped) == 50
