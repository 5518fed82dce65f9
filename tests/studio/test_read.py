"""Files as people have them: in every encoding, half broken, or no text at all."""

from __future__ import annotations

import codecs
import datetime
import gzip
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pandas
import pyarrow
import pytest

from studio.data import json_rows, sources, table_rows, text
from studio.data.read import EXPECTED, Meter, PassageLength, Row, UnreadableRow, read_file
from studio.errors import DataError

QUESTION = {"question": "Où est le café à 5 €?", "answer": "Là-bas – “tout droit”."}
LINE = json.dumps(QUESTION, ensure_ascii=False)

ENCODED = {
    "UTF-8": LINE.encode(),
    "UTF-8 with mark": codecs.BOM_UTF8 + LINE.encode(),
    "UTF-16 LE": LINE.encode("utf-16-le"),
    "UTF-16 BE": LINE.encode("utf-16-be"),
    "UTF-16 LE with mark": codecs.BOM_UTF16_LE + LINE.encode("utf-16-le"),
    "UTF-16 BE with mark": codecs.BOM_UTF16_BE + LINE.encode("utf-16-be"),
    "Windows-1252": LINE.encode("windows-1252"),
}


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def values(path: Path) -> list[dict[str, Any]]:
    return [row.value for row in read_file(path) if isinstance(row, Row)]


def lines(path: Path) -> list[int]:
    return [row.line for row in read_file(path) if isinstance(row, Row)]


def broken(path: Path) -> list[tuple[int, str]]:
    return [(row.line, row.reason) for row in read_file(path) if isinstance(row, UnreadableRow)]


@pytest.mark.parametrize("encoding", ENCODED)
@pytest.mark.parametrize("ending", ["jsonl", "ndjson", "json"])
def test_letters_come_through_every_encoding(write, encoding, ending):
    assert values(write(f"data.{ending}", ENCODED[encoding])) == [QUESTION]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "windows-1252"])
def test_a_table_comes_through_every_encoding(write, encoding):
    table = 'question,answer\n"Où est le café, à 5 €?",Là-bas\n'.encode(encoding)
    assert values(write("data.csv", table)) == [{"question": "Où est le café, à 5 €?", "answer": "Là-bas"}]


def test_bytes_without_meaning_in_windows_1252_lose_no_row(write):
    assert len(values(write("data.csv", b"question,answer\nna\xefve \x81,yes\n"))) == 1


# JSONL


def test_broken_lines_are_listed_by_number_and_the_rest_goes_on(write):
    path = write("data.jsonl", f'{LINE}\n\n{{"question": "cut\n{LINE}\n42\n[]\n{LINE}\r\n')
    assert lines(path) == [1, 4, 7]
    assert [line for line, _ in broken(path)] == [3, 5, 6]
    reasons = [reason for _, reason in broken(path)]
    assert reasons[0].startswith("is not JSON: Unterminated string")
    assert reasons[1:] == ["is not an object in braces"] * 2


def test_a_line_end_of_unicode_inside_a_text_ends_no_line(write):
    assert values(write("data.jsonl", '{"a": "one\u2028two\x85three"}\n')) == [{"a": "one\u2028two\x85three"}]


def test_a_bare_list_of_messages_is_a_row(write):
    messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    assert values(write("data.jsonl", json.dumps(messages))) == [{"messages": messages}]


@pytest.mark.parametrize("depth", [json_rows.DEEPEST + 1, sys.getrecursionlimit() - 100, 100_000])
def test_a_row_nested_too_deeply_is_listed(write, depth):
    path = write("data.jsonl", f'{LINE}\n{{"a": {"[" * depth}{"]" * depth}}}\n{LINE}\n')
    assert lines(path) == [1, 3]
    assert [(line, "nested too deeply" in reason) for line, reason in broken(path)] == [(2, True)]


def test_brackets_in_a_text_are_no_depth(write):
    assert values(write("data.jsonl", json.dumps({"a": "[" * 500}))) == [{"a": "[" * 500}]


def test_a_number_that_python_refuses_to_hold_is_listed(write):
    path = write("data.jsonl", f'{{"a": {"9" * 5000}}}\n{LINE}\n')
    assert [line for line, _ in broken(path)] == [1]


def test_half_a_character_becomes_a_replacement_and_whole_ones_stay(write):
    path = write("data.jsonl", r'{"a": "\ud83d\ude00 cut \ud83d", "b\udc00": "\\ud83d"}')
    assert values(path) == [{"a": "😀 cut \ufffd", "b\ufffd": r"\ud83d"}]


# JSON


@pytest.mark.parametrize(
    "layout",
    [
        [QUESTION, QUESTION],
        {"data": [QUESTION, QUESTION], "version": 2},
        {"train": [QUESTION], "test": [QUESTION]},
        {"question": [QUESTION["question"]] * 2, "answer": [QUESTION["answer"]] * 2},
        {name: {"0": text, "1": text} for name, text in QUESTION.items()},
    ],
    ids=["list", "list under a name", "splits", "columns", "pandas"],
)
def test_a_json_file_may_be_laid_out_in_many_ways(write, layout):
    assert values(write("data.json", json.dumps(layout, indent=2))) == [QUESTION, QUESTION]


@pytest.mark.parametrize("key", ["messages", "conversations"])
def test_a_json_file_may_hold_one_conversation(write, key):
    one = {key: [{"role": "user", "content": "Hi"}], "tags": []}
    assert values(write("data.json", json.dumps(one))) == [one]


def test_jsonl_that_is_named_json_is_read_as_jsonl(write):
    path = write("data.json", f"{LINE}\n{LINE}\nnot this\n")
    assert lines(path) == [1, 2]
    assert [line for line, _ in broken(path)] == [3]


def test_entries_of_a_json_list_are_counted_from_one(write):
    assert broken(write("data.json", json.dumps([QUESTION, "text", QUESTION]))) == [(2, "is not an object in braces")]


def test_a_huge_json_list_is_read(write):
    assert len(values(write("data.json", json.dumps([QUESTION] * 50_000)))) == 50_000


@pytest.mark.parametrize("content", ["[" * 100_000, "[" + "9" * 5000 + "]", '{"a": 1', "nothing of the kind", "17"])
def test_a_json_file_that_is_none_says_so(write, content):
    with pytest.raises(DataError, match="could not be read"):
        read_file(write("data.json", content))


# CSV and TSV


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("comma.csv", "question,answer\na,b\n"),
        ("semicolon.csv", "question;answer\na;b\n"),
        ("tab.csv", "question\tanswer\na\tb\n"),
        ("bar.csv", "question|answer\na|b\n"),
        ("tab.tsv", "question\tanswer\na\tb\n"),
        ("windows.csv", "question,answer\r\na,b\r\n"),
        ("old-mac.csv", "question,answer\ra,b\r"),
        ("returns.csv", '"question\r","answer\r\n"\r\na,b\r\n'),
        ("blanks.csv", "\n\n question , answer \na,b\n"),
        ("marked.csv", "\ufeffquestion,answer\na,b"),
    ],
)
def test_the_separator_and_the_line_ends_are_found_out(write, name, table):
    assert values(write(name, table)) == [{"question": "a", "answer": "b"}]


def test_a_separator_within_quotes_does_not_count(write):
    path = write("data.csv", '"question, in, full";answer\na;b\n')
    assert values(path) == [{"question, in, full": "a", "answer": "b"}]


def test_a_row_has_the_line_where_it_begins_though_cells_hold_line_ends(write):
    path = write("data.csv", 'question,answer\n"one\ntwo",b\n\n"three ""quoted""",d\ne,f,g\nh,i\n')
    assert lines(path) == [2, 5, 7]
    assert values(path)[0] == {"question": "one\ntwo", "answer": "b"}
    assert values(path)[1]["question"] == 'three "quoted"'
    assert broken(path) == [(6, "has 3 columns where the header has 2")]


def test_a_quote_that_is_never_closed_is_said(write):
    path = write("data.csv", 'question,answer\na,b\nc,"d\ne,f\n')
    assert values(path) == [{"question": "a", "answer": "b"}, {"question": "e", "answer": "f"}]
    assert broken(path) == [(3, "is not a table row: unexpected end of data")]


def test_a_second_column_of_one_name_is_kept_under_a_number(write):
    assert values(write("data.csv", "q,a,a\n1,2,3\n")) == [{"q": "1", "a": "2", "a.1": "3"}]


# Excel and Parquet


def save_sheet(path: Path, *rows: list[Any]) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def test_excel_cells_come_as_they_are_read(tmp_path):
    day = datetime.datetime(2026, 11, 24, 15, 30)
    path = save_sheet(
        tmp_path / "data.XLSX", ["Question ", "Answer"], ["When?", day], ["How many?", 5], ["Sure?", True]
    )
    assert values(path) == [
        {"Question": "When?", "Answer": "2026-11-24 15:30:00"},
        {"Question": "How many?", "Answer": 5},
        {"Question": "Sure?", "Answer": True},
    ]


@pytest.mark.parametrize("answer", ["None", "N/A", "null", "nan", "NA"])
def test_an_answer_that_pandas_takes_for_a_missing_one_is_an_answer(tmp_path, answer):
    path = save_sheet(tmp_path / "data.xlsx", ["question", "answer"], ["Allergies?", answer])
    assert values(path) == [{"question": "Allergies?", "answer": answer}]


def test_an_empty_line_of_a_sheet_is_counted_and_passed_over(tmp_path):
    path = save_sheet(tmp_path / "data.xlsx", ["question", "answer"], ["a", "b"], [None, None], ["c", "d"])
    assert lines(path) == [2, 4]


def test_a_zip_bomb_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(table_rows, "LARGEST_TABLE_BYTES", 1_000_000)
    with zipfile.ZipFile(tmp_path / "bomb.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", "0" * 2_000_000)
    with pytest.raises(DataError, match="unpacks to more than"):
        read_file(tmp_path / "bomb.xlsx")


def test_parquet_keeps_lists_of_messages(tmp_path):
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "Hello"}]},
    ]
    pandas.DataFrame({"messages": [messages, messages]}).to_parquet(tmp_path / "data.parquet")
    assert values(tmp_path / "data.parquet") == [{"messages": messages}] * 2


def test_parquet_values_become_what_json_has(tmp_path):
    when = pandas.Timestamp("2026-11-24 15:30")
    pandas.DataFrame({"n": [1, 2], "when": [when, None], "ok": [True, None]}).to_parquet(tmp_path / "data.parquet")
    assert values(tmp_path / "data.parquet") == [
        {"n": 1, "when": "2026-11-24 15:30:00", "ok": True},
        {"n": 2, "when": None, "ok": None},
    ]


# Files that cannot be read at all

RUBBISH = bytes(range(128, 256)) * 40
UNREADABLE = {
    "photo.png": b"\x89PNG\r\n",
    "old.xls": b"\xd0\xcf\x11\xe0 sheet",
    "noending": b"hello there",
    "rubbish.jsonl": b"%PDF-1.7\n" + RUBBISH,
    "zeros.jsonl": b"\x00\x01\x00\xd8" * 200,
    "broken.jsonl": b'{"question": \nnever\n',
    "blank.jsonl": b" \n\n\t\n",
    "blank.csv": b"\n\n \n",
    "header.csv": b"question,answer\n",
    "ragged.csv": b"question,answer\na\nb\n",
    "zeros.csv": b"question,answer\na,\x00\n",
    "rubbish.xlsx": b"PK not a sheet",
    "rubbish.parquet": b"PAR1 not a table",
    "rubbish.json": b"{{{",
    "nothing.json": b"[]",
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_an_unreadable_file_says_what_was_expected_and_shows_how_it_begins(write, name):
    with pytest.raises(DataError) as failure:
        list(read_file(write(name, UNREADABLE[name])))
    assert failure.value.what.startswith(f"{name} could not be read. ")
    assert "It begins with: " in failure.value.what
    assert failure.value.what.isprintable()
    assert failure.value.do == EXPECTED


def test_the_first_bytes_are_shown_as_text(write):
    with pytest.raises(DataError, match=r"It begins with: %PDF-1.7·"):
        read_file(write("paper.jsonl", b"%PDF-1.7\n" + RUBBISH))


def test_an_empty_file_and_a_missing_one_are_said(write, tmp_path):
    with pytest.raises(DataError, match=r"data.csv is empty\. Bring a file"):
        read_file(write("data.csv", b""))
    with pytest.raises(DataError, match="There is no file"):
        read_file(tmp_path / "elsewhere.csv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no file of examples"):
        read_file(tmp_path / "empty")


def test_a_file_beyond_the_limit_is_refused_unread(write, monkeypatch):
    monkeypatch.setattr(sources, "LARGEST_FILE_BYTES", 10)
    with pytest.raises(DataError, match="larger than"):
        read_file(write("data.jsonl", LINE))


# Compressed, together, and as text


@pytest.mark.parametrize("name", ["data.jsonl.gz", "data.csv.gz", "data.json.zst", "data.parquet.zst", "data.xlsx.gz"])
def test_a_compressed_file_is_read_as_what_it_is(tmp_path, name):
    plain = tmp_path / name.rpartition(".")[0]
    table = pandas.DataFrame([QUESTION] * 3)
    if plain.suffix == ".xlsx":
        table.to_excel(plain, index=False)
    elif plain.suffix == ".parquet":
        table.to_parquet(plain)
    elif plain.suffix == ".csv":
        table.to_csv(plain, index=False)
    else:
        plain.write_text("".join(f"{LINE}\n" for _ in range(3)))
    packed = gzip.compress if name.endswith("gz") else lambda data: pyarrow.compress(data, "zstd", asbytes=True)
    (tmp_path / name).write_bytes(packed(plain.read_bytes()))
    assert values(tmp_path / name) == [QUESTION] * 3


def test_a_compressed_file_that_breaks_off_is_said(tmp_path):
    (tmp_path / "data.jsonl.gz").write_bytes(gzip.compress(f"{LINE}\n".encode() * 500)[:-30])
    with pytest.raises(DataError, match="cannot be read"):
        list(read_file(tmp_path / "data.jsonl.gz"))


def test_an_archive_gives_the_rows_of_all_its_files_and_says_what_it_left_out(tmp_path):
    path = zipfile_with_everything(tmp_path)
    rows = list(read_file(path))
    assert [(row.file, row.line, row.split) for row in rows if isinstance(row, Row)] == [
        ("shop/test.csv", 2, "test"),
        ("shop/train.jsonl", 1, "train"),
    ]
    assert [row.sentence for row in rows if isinstance(row, UnreadableRow)] == [
        "shop/README.md is text beside tables, and left out.",
        "shop/photo.png is no file of examples: its ending .png is not one that is read.",
    ]


def zipfile_with_everything(tmp_path: Path) -> Path:
    with zipfile.ZipFile(tmp_path / "shop.zip", "w") as archive:
        archive.writestr("shop/train.jsonl", LINE)
        archive.writestr("shop/test.csv", "question,answer\na,b\n")
        archive.writestr("shop/README.md", "Read me.")
        archive.writestr("shop/photo.png", b"\x89PNG")
        archive.writestr("__MACOSX/shop/._train.jsonl", b"\x00")
    return tmp_path / "shop.zip"


def test_a_folder_is_read_as_an_archive_is(tmp_path):
    with zipfile.ZipFile(zipfile_with_everything(tmp_path)) as archive:
        archive.extractall(tmp_path / "folder")
    inside, packed = (list(read_file(path)) for path in (tmp_path / "folder" / "shop", tmp_path / "shop.zip"))
    assert [row.line for row in inside] == [row.line for row in packed]


def test_a_name_that_leads_out_of_an_archive_leads_nowhere(tmp_path):
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("../../evil.jsonl", LINE)
        archive.writestr("/etc/evil.jsonl", LINE)
    before = sorted(tmp_path.parent.rglob("*"))
    assert values(tmp_path / "evil.zip") == [QUESTION, QUESTION]
    assert sorted(tmp_path.parent.rglob("*")) == before


def test_one_damaged_file_of_an_archive_does_not_take_the_others_with_it(tmp_path):
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        archive.writestr("a.parquet", b"PAR1 not a table")
        archive.writestr("b.jsonl", LINE)
    assert values(tmp_path / "data.zip") == [QUESTION]
    assert "The Parquet reader says" in broken(tmp_path / "data.zip")[0][1]


@pytest.mark.parametrize("name", ["bomb.zip", "bomb.jsonl.gz", "bomb.jsonl.zst"])
def test_what_unpacks_without_end_is_refused(tmp_path, name):
    zeros = b"0" * 60_000_000
    if name.endswith("zip"):
        with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.jsonl", zeros)
    else:
        packed = gzip.compress(zeros) if name.endswith("gz") else pyarrow.compress(zeros, "zstd", asbytes=True)
        (tmp_path / name).write_bytes(packed)
    with pytest.raises(DataError, match="unpacks to more than 100 times its size"):
        list(read_file(tmp_path / name))


def test_an_archive_with_a_password_says_so(tmp_path):
    path = zipfile_with_everything(tmp_path)
    data = bytearray(path.read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = -1
        while (start := data.find(mark, start + 1)) >= 0:
            data[start + place] |= 1  # the bit that says "encrypted"
    path.write_bytes(data)
    with pytest.raises(DataError, match="encrypted"):
        list(read_file(path))


def test_a_text_is_cut_at_paragraphs_to_the_length_asked_for(write):
    paragraphs = [f"Paragraph {n} " + "word " * 30 for n in range(10)]
    path = write("book.txt", "\n\n".join(paragraphs))
    passages = [row["text"] for row in read_values(path, 100)]
    assert all(len(passage.split()) <= 100 for passage in passages)
    assert "\n\n".join(passages) == "\n\n".join(paragraph.rstrip() for paragraph in paragraphs)
    assert [passage.count("Paragraph") for passage in passages] == [3, 3, 3, 1]


def test_a_paragraph_that_is_too_long_is_cut_at_sentences_then_at_words(write):
    path = write("book.md", "One two three. Four five six. " + "long " * 12 + ".\n")
    assert [row["text"] for row in read_values(path, 6)] == [
        "One two three. Four five six.", "long long long long long long", "long long long long long long", ".",
    ]  # fmt: skip


def test_lines_stay_lines_where_a_long_list_is_cut(write):
    listed = [f"- item {n} of the list" for n in range(8)]
    passages = [row["text"] for row in read_values(write("list.md", "\n".join(listed)), 20)]
    assert len(passages) == 3
    assert "\n".join(passages).split("\n") == listed


def test_a_heading_goes_with_what_it_heads(write):
    text = "# One\n\n" + "word " * 8 + "\n\n# Two\n\n## Deeper\n\n" + "word " * 9
    passages = [row["text"] for row in read_values(write("book.md", text), 14)]
    assert [passage.split("\n\n")[:2] for passage in passages] == [
        ["# One", "word " * 7 + "word"],
        ["# Two", "## Deeper"],
    ]


def test_a_heading_begins_a_new_passage(write):
    path = write("book.md", "# One\n\n" + "word " * 8 + "\n\n## Two\n\n" + "word " * 8)
    assert [row["text"].split("\n")[0] for row in read_values(path, 14)] == ["# One", "## Two"]


def read_values(path: Path, most_tokens: int) -> list[dict[str, Any]]:
    length = PassageLength(most_tokens, lambda text: len(text.split()))
    return [row.value for row in read_file(path, passage=length) if isinstance(row, Row)]


# Lists, letters and lines that are broken in part


def test_a_list_that_breaks_off_keeps_the_entries_before(write):
    path = write("data.json", json.dumps([QUESTION] * 3)[:-20])
    assert values(path) == [QUESTION] * 2
    assert broken(path) == [(3, "is missing: the file breaks off before the list ends")]


def test_a_broken_entry_of_a_list_is_listed_and_the_rest_goes_on(write):
    path = write("data.json", f"[{LINE}, {{'single': quotes}}, {LINE}, {{\"a\": }}, {LINE}]")
    assert values(path) == [QUESTION] * 3
    assert [line for line, _ in broken(path)] == [2, 4]


def test_a_list_of_megabytes_on_one_line_is_read_entry_by_entry(write):
    path = write("data.json", json.dumps([{**QUESTION, "filler": "x" * 1000}] * 2_000))
    assert len(values(path)) == 2_000


def test_letters_of_two_encodings_in_one_file_are_all_read(write):
    line = json.dumps({"a": "né"}, ensure_ascii=False)
    path = write("data.jsonl", line.encode() + b"\n" + line.encode("windows-1252"))
    assert values(path) == [{"a": "né"}, {"a": "né"}]


def test_a_line_beyond_all_measure_is_listed(write, monkeypatch):
    monkeypatch.setattr(text, "LONGEST_LINE", 1_000)
    path = write("data.jsonl", f'{LINE}\n{{"a": "{"x" * 5_000}"}}\n{LINE}\n')
    assert lines(path) == [1, 3]
    assert [line for line, reason in broken(path) if "is longer than" in reason] == [2]


def test_how_far_it_is_shows_while_it_is_read(write):
    meter = Meter()
    rows = read_file(write("data.jsonl", f"{LINE}\n" * 20_000), meter)
    shares = [meter.share for _ in rows]
    assert shares == sorted(shares)
    assert shares[0] < 0.5 < shares[-1] <= 1.0
