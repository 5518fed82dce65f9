"""Files that nobody would think of: no traceback, no endless reading, and no readable row lost."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import string
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studio.data.formats import Conversion
from studio.data.read import Row, UnreadableRow, read_file
from studio.data.sources import ROWS, TEXTS
from studio.errors import DataError

often = settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
words = texts.filter(lambda text: bool(text.strip()))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16"]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def rows_of(path: Path) -> list[Row | UnreadableRow]:
    return list(read_file(path))


def values(path: Path) -> list[dict[str, Any]]:
    return [row.value for row in rows_of(path) if isinstance(row, Row)]


@often
@given(st.lists(st.dictionaries(texts, json_values, min_size=1, max_size=5), min_size=1), st.sampled_from(ENCODINGS))
def test_every_object_on_a_line_is_read_as_it_was_written(folder, rows, encoding):
    path = folder / "a.jsonl"
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_bytes(lines.encode(encoding))
    assert values(path) == rows


@often
@given(st.lists(st.dictionaries(texts, json_values, min_size=1, max_size=5), min_size=2, max_size=20), st.data())
def test_a_broken_line_costs_its_own_row_alone(folder, rows, data):
    path = folder / "b.jsonl"
    lines = [json.dumps(row) for row in rows]
    broken = data.draw(st.integers(0, len(lines) - 1))
    cut = data.draw(st.integers(1, len(lines[broken]) - 1))
    lines[broken] = lines[broken][:cut]
    path.write_text("\n".join(lines))
    assert values(path) == rows[:broken] + rows[broken + 1 :]


@often
@given(
    st.lists(st.dictionaries(texts, json_values, min_size=1, max_size=4), min_size=1, max_size=20), st.integers(0, 3)
)
def test_a_list_of_objects_is_read_however_it_is_indented(folder, rows, indent):
    path = folder / "c.json"
    path.write_text(json.dumps(rows, indent=indent or None, ensure_ascii=False), encoding="utf-8")
    assert values(path) == rows


@often
@given(
    st.lists(st.tuples(words, words), min_size=1, max_size=20),
    st.sampled_from(",;\t|"),
    st.sampled_from(["\n", "\r\n"]),
)
def test_every_row_of_a_table_is_read_as_it_was_written(folder, rows, delimiter, end):
    path = folder / "d.csv"
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerow(["question", "answer"])
    writer.writerows(rows)
    path.write_bytes(out.getvalue().encode())
    assert [(row["question"], row["answer"]) for row in values(path)] == rows


@often
@given(st.lists(words, min_size=1, max_size=30), st.integers(1, 50))
def test_no_word_of_a_text_is_lost_however_short_the_passages(folder, paragraphs, most):
    path = folder / "e.txt"
    path.write_text("\n\n".join(paragraphs), encoding="utf-8")
    read = "".join(row["text"] for row in values(path))
    assert "".join(read.split()) == "".join("\n".join(paragraphs).split())


@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from([*ROWS, *TEXTS, ".zip", ".jsonl.gz", ".csv.zst", ""]), st.binary(min_size=1, max_size=4000))
def test_any_bytes_under_any_name_give_rows_or_a_sentence(folder, suffix, content):
    path = folder / f"f{suffix}"
    path.write_bytes(content)
    read_or_refused(path)


@often
@given(st.lists(json_values, max_size=10))
def test_any_json_is_converted_or_listed(folder, rows):
    path = folder / "g.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "\n")
    read_or_refused(path)


names = st.sampled_from(
    ["messages", "conversations", "mapping", "chosen", "rejected", "prompt", "completion", "label", "text", "tools",
     "instruction", "output", "history", "role", "content", "from", "value", "current_node", "function_call", "system"]
)  # fmt: skip


@settings(max_examples=400, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["user", "assistant", "Hi", "[", "", "human"]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=5),
        max_leaves=25,
    )
)
def test_rows_that_look_like_a_shape_and_are_none_are_listed(value):
    row = value if isinstance(value, dict) else {"messages": value}
    conversion = Conversion([Row(1, row)])
    assert len(list(conversion)) + len(conversion.unreadable_rows) == 1


def read_or_refused(path: Path) -> int:
    """How many rows were read or listed; none where a sentence said why. Anything else fails."""
    try:
        conversion = Conversion(read_file(path))
        for conversation in conversion:
            conversation.as_record()
    except DataError as error:
        refused = error
    else:
        return conversion.rows
    assert refused.what
    assert refused.do
    return 0


# A megabyte of everything


def megabytes() -> Iterator[tuple[str, bytes]]:
    """Files of a megabyte or so that are as bad for a reader as can be."""
    draw = random.Random(5)
    million = 1_000_000
    yield "noise.jsonl", draw.randbytes(million)
    yield "noise.csv", draw.randbytes(million)
    yield "noise.txt", draw.randbytes(million)
    yield "noise.json", b"[" + draw.randbytes(million)
    yield "deep.json", b"[" * million
    yield "deep.jsonl", b'{"a":' * (million // 5)
    yield "objects.json", b"[" + b"{" * million
    yield "strings.json", b'["' + b"x" * million
    yield "commas.json", b"[" + b"," * million
    yield "braces.json", b"[" + b"{}, x, " * (million // 7)
    yield "escapes.json", b'["' + b"\\u" * (million // 2)
    yield "numbers.jsonl", b"9" * million
    yield "quotes.csv", b'a,b\n"' * (million // 6)
    yield "open.csv", b'a,b\n"' + b"x\n" * (million // 2)
    yield "odd.csv", b"a,b\n" + b'"x" y,z\n' * (million // 8)
    yield "commas.csv", b"," * million
    yield "short.csv", b"a,b\n" + b"c\n" * (million // 2)
    yield "line.txt", b"x" * million
    yield "words.md", b"x " * (million // 2)
    yield "letters.txt", ("。" * (million // 3)).encode()
    yield "surrogates.jsonl", b'{"a": "\\ud800"}\n' * (million // 16)
    yield "lists.jsonl", b'[{"role": "user", "content": "x"}]\n' * (million // 36)
    yield "empty.jsonl", b"\n" * million
    yield "zeros.jsonl", b"\0" * million
    yield "braces.jsonl", b"{}\n" * (million // 3)


@pytest.mark.parametrize("name", [name for name, _ in megabytes()])
def test_a_megabyte_of_anything_gives_rows_or_a_sentence(folder, name):
    path = folder / name
    path.write_bytes(dict(megabytes())[name])
    read_or_refused(path)  # how fast, tests/benchmarks/reading.py tells


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".json", ".xlsx", ".parquet", ".zip", ".jsonl.gz", ".txt"])
def test_a_file_that_was_damaged_anywhere_gives_rows_or_a_sentence(folder, suffix):
    draw = random.Random(suffix)
    rows = [{"question": "".join(draw.choices(string.ascii_letters, k=30)), "answer": "yes"} for _ in range(50)]
    whole = write_whole_file(folder / f"whole{suffix}", rows)
    for number in range(60):
        content = bytearray(whole)
        for _ in range(draw.randint(1, 5)):
            content[draw.randrange(len(content))] = draw.randrange(256)
        if number % 3 == 0:
            del content[draw.randrange(len(content)) :]
        path = folder / f"damaged{suffix}"
        path.write_bytes(content)
        read_or_refused(path)


def write_whole_file(path: Path, rows: list[dict[str, str]]) -> bytes:
    table = pandas.DataFrame(rows)
    lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
    if path.suffix == ".xlsx":
        table.to_excel(path, index=False)
    elif path.suffix == ".parquet":
        table.to_parquet(path)
    elif path.suffix == ".csv":
        table.to_csv(path, index=False)
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.jsonl", lines)
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows))
    else:
        path.write_bytes(gzip.compress(lines) if path.suffix == ".gz" else lines)
    return path.read_bytes()


def test_a_single_line_of_200_megabytes_is_one_sentence(folder):
    path = folder / "long.jsonl"
    with path.open("wb") as file:
        file.write(b'{"question": "a", "answer": "b"}\n{"question": "')
        for _ in range(200):
            file.write(b"x" * 1_000_000)
        file.write(b'"}\n{"question": "c", "answer": "d"}\n')
    try:
        rows = rows_of(path)
    finally:
        path.unlink()
    assert [row.line for row in rows if isinstance(row, Row)] == [1, 3]
    assert [row.reason for row in rows if isinstance(row, UnreadableRow)] == ["is longer than 20 million characters"]
