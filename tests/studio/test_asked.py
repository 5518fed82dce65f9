"""Questions from a file: whatever Data reads, a question without its answer too, and sentences for the rest."""

from __future__ import annotations

import errno
import gzip
import json
import zipfile

import pandas
import pytest

from studio.compare import asked
from studio.compare.asked import FILE, open_asked, read_asked, take_asked
from studio.data.conversation import Message
from studio.errors import DataError

SYSTEM = {"role": "system", "content": "Be kind."}
TALK = [
    {"role": "user", "content": "Where is it?"},
    {"role": "assistant", "content": "At home."},
    {"role": "user", "content": "Since when?"},
]


@pytest.fixture
def write(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def questions(path):
    return [(each.prompt[-1].content, each.wanted) for each in read_asked(path).questions]


def test_a_text_has_one_question_a_line(write):
    path = write("mine.txt", "Where is it?\r\n\n  Since when? \n\n")
    assert questions(path) == [("Where is it?", ""), ("Since when?", "")]
    assert read_asked(path).words == "2 questions from mine.txt."


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "question\nWhere is it?\nSince when?\n"),
        ("a.csv", "Mail\nWhere is it?\nSince when?\n"),
        ("a.tsv", "id\tprompt\n1\tWhere is it?\n2\tSince when?\n"),
        ("a.jsonl", '{"question": "Where is it?"}\n{"instruction": "Since when?"}\n'),
        (
            "a.json",
            json.dumps([{"prompt": "Where is it?"}, {"messages": [{"role": "user", "content": "Since when?"}]}]),
        ),
        ("a.txt.gz", gzip.compress(b"Where is it?\nSince when?\n", mtime=0)),
    ],
)
def test_questions_without_answers_are_enough(write, name, content):
    assert questions(write(name, content)) == [("Where is it?", ""), ("Since when?", "")]


def test_excel_parquet_and_an_archive_are_read_as_in_data(tmp_path):
    table = pandas.DataFrame({"question": ["Where is it?"], "answer": ["At home."]})
    table.to_excel(tmp_path / "a.xlsx", index=False)
    table.to_parquet(tmp_path / "a.parquet")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(tmp_path / "a.xlsx", "one.xlsx")
        archive.write(tmp_path / "a.parquet", "two.parquet")
    for name, times in (("a.xlsx", 1), ("a.parquet", 1), ("a.zip", 2)):
        assert questions(tmp_path / name) == [("Where is it?", "At home.")] * times


def test_the_answer_that_is_wanted_the_instruction_and_earlier_turns_come_along(write):
    rows = [
        {"messages": [SYSTEM, *TALK, {"role": "assistant", "content": "Since Monday."}]},
        {"messages": [SYSTEM, *TALK]},
        {"question": "Why?", "answer": "So."},
    ]
    found = read_asked(write("a.jsonl", "\n".join(map(json.dumps, rows))))
    assert [(each.prompt[-1].content, each.wanted, each.system) for each in found.questions] == [
        ("Since when?", "Since Monday.", "Be kind."),
        ("Since when?", "", "Be kind."),
        ("Why?", "So.", ""),
    ]
    assert found.questions[1].prompt[1:3] == (Message("user", "Where is it?"), Message("assistant", "At home."))
    assert found.words == "3 questions from a.jsonl, 2 with an answer."


def test_columns_that_say_nothing_are_guessed_and_it_is_said_how(write):
    found = read_asked(write("a.csv", "Wish,Spell\nMake it rain,pluvia\nMake it stop,finis\n"))
    assert [each.wanted for each in found.questions] == ["pluvia", "finis"]
    assert "“Wish” was taken for the question and “Spell” for the answer" in found.words


def test_rows_that_cannot_be_asked_are_counted_with_a_reason(write):
    call = {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "look", "arguments": "{}"}}]}
    tools = {"messages": [TALK[0], call, {"role": "tool", "content": "7"}, {"role": "assistant", "content": "At 7."}]}
    rows = [json.dumps({"question": "Why?"}), "{", json.dumps(tools), json.dumps({"question": " "})]
    found = read_asked(write("a.jsonl", "\n".join(rows)))
    assert len(found.questions) == 1
    assert "3 rows could not be taken. Line 2 is not JSON" in found.words


def test_a_long_list_is_cut_and_it_is_said(write):
    found = read_asked(write("a.txt", "".join(f"Why {number}?\n" for number in range(9_000))))
    assert len(found.questions) == asked.MOST
    assert found.questions[-1].prompt[-1].content == "Why 499?"
    assert found.words.endswith("Only the first 500 are listed.")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.txt", "", "is empty"),
        ("a.txt", "\n \n", "holds no question"),
        ("a.txt", b"\x7fELF\x02\x01" * 9 + b"\x00", "bytes that are no text"),
        ("a.md", "# A book\n\nIt was a dark night.\n", "texts in which nobody asks"),
        ("a.jsonl", '{"text": "It was a dark night."}', "texts in which nobody asks"),
        ("a.jsonl", "{{{{", "could not be read"),
        ("a.json", "[" * 100_000, "could not be read"),
        ("a.xlsx", "no table", "could not be read"),
        ("a.parquet", "no table", "could not be read"),
        ("a.zip", "no archive", "cannot be read"),
        ("a.exe", "MZ", "ending .exe is not one of"),
        ("a.jsonl", json.dumps({"question": "x" * 30_000}), "holds no question"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_a_sentence(write, name, content, said):
    with pytest.raises(DataError, match=said):
        read_asked(write(name, content))


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(DataError, match="There is no file"):
        read_asked(tmp_path / "gone.txt")


def test_what_is_huge_is_refused_also_where_it_is_packed_small(write, tmp_path):
    huge = b"Why?\n" * (asked.LARGEST_BYTES // 5 + 1)
    paths = [write("a.txt", huge), write("a.txt.gz", gzip.compress(huge, 1))]
    for name, inside in (("a.zip", "a.txt"), ("a.xlsx", "xl/worksheets/sheet1.xml")):
        with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(inside, huge)
        paths.append(tmp_path / name)
    for path in paths:
        with pytest.raises(DataError, match="larger than 10 MB, unpacked"):
            read_asked(path)


def test_what_was_taken_is_there_after_a_restart_until_another_file_comes(workspace, write):
    assert open_asked(workspace) is None
    taken = take_asked(workspace, write("one.jsonl", json.dumps({"messages": [SYSTEM, *TALK]}) + "\n{"))
    assert open_asked(workspace) == taken
    with pytest.raises(DataError):
        take_asked(workspace, write("two.txt", ""))
    assert open_asked(workspace) == taken
    assert take_asked(workspace, write("three.txt", "Why?")) == open_asked(workspace)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"name": 1}',
        '{"name": "a", "remarks": [], "questions": [{"row": 0, "messages": []}]}',
        '{"name": "a", "remarks": [], "questions": [{"row": 0, "messages": [{"role": "user", "content": 7}]}]}',
    ],
)
def test_a_damaged_list_is_as_none(workspace, text):
    (workspace.root / FILE).write_text(text, encoding="utf-8")
    assert open_asked(workspace) is None


def test_a_full_disk_is_a_sentence_and_the_list_before_stays(workspace, write, monkeypatch):
    before = take_asked(workspace, write("one.txt", "Why?"))

    def full(*_given, **_named):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("studio.store.tempfile.mkstemp", full)
    with pytest.raises(DataError, match="could not be kept: No space left on device"):
        take_asked(workspace, write("two.txt", "When?"))
    assert open_asked(workspace) == before
