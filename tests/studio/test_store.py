"""No reader ever sees half a file, whatever the writer came to."""

from __future__ import annotations

import os
import shutil
import threading
from collections import namedtuple

import pytest

from studio.errors import DamagedError, TunesmithError
from studio.store import (
    append_row,
    free_name,
    marks_of,
    read_if_whole,
    read_json,
    read_rows,
    require_space,
    set_aside,
    write_json,
    write_whole,
)


def test_what_is_written_is_read(tmp_path):
    value = {"ünï": [1, None, "“x”\u2028"]}
    write_json(tmp_path / "deep" / "er" / "note.json", value)
    assert read_json(tmp_path / "deep" / "er" / "note.json") == value


def test_a_missing_file_is_none(tmp_path):
    assert read_json(tmp_path / "note.json") is None
    assert list(read_rows(tmp_path / "rows.jsonl")) == []


def test_a_reader_sees_the_old_text_or_the_new_and_nothing_between(tmp_path):
    path = tmp_path / "state.json"
    texts = {letter * 200_000 for letter in "ab"}
    write_whole(path, "a" * 200_000)
    seen: set[str] = set()
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            seen.add(path.read_text())

    reader = threading.Thread(target=look)
    reader.start()
    for _ in range(50):
        for text in texts:
            write_whole(path, text)
    done.set()
    reader.join()
    assert seen <= texts


def test_a_write_that_fails_leaves_the_old_text_and_nothing_beside_it(tmp_path):
    path = tmp_path / "note.txt"
    write_whole(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "half a character \ud800")
    assert [file.name for file in tmp_path.iterdir()] == ["note.txt"]
    assert path.read_text() == "old"


def test_a_file_that_cannot_be_put_there_says_what_to_do(tmp_path):
    (tmp_path / "note.txt").mkdir()
    with pytest.raises(TunesmithError, match=r"note\.txt could not be written"):
        write_whole(tmp_path / "note.txt", "text")
    assert [file.name for file in tmp_path.iterdir()] == ["note.txt"]


def test_line_ends_are_the_same_on_every_system(tmp_path):
    write_whole(tmp_path / "note.txt", "a\nb\r\n")
    assert (tmp_path / "note.txt").read_bytes() == b"a\nb\r\n"


def test_a_half_written_row_waits_for_its_end(tmp_path):
    path = tmp_path / "rows.jsonl"
    append_row(path, {"step": 1})
    with path.open("a") as file:
        file.write('{"step": 2')
    assert list(read_rows(path)) == [{"step": 1}]
    with path.open("a") as file:
        file.write("}\n")
    assert list(read_rows(path)) == [{"step": 1}, {"step": 2}]


def test_a_row_after_one_that_a_killed_writer_left_half_written_is_not_lost(tmp_path):
    path = tmp_path / "rows.jsonl"
    append_row(path, {"step": 1})
    with path.open("ab") as file:
        file.write('{"step": 2, "words": "ü'.encode()[:-1])
    append_row(path, {"step": 2, "words": "ü"})
    append_row(path, {"step": 3})
    assert [row["step"] for row in read_rows(path)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("wish", "name"),
    [
        ("shop", "shop"),
        ("Kundenbriefe März", "Kundenbriefe-März"),
        ("../../etc/passwd", "etc-passwd"),
        ("a/b\\c:d*e", "a-b-c-d-e"),
        ("..", "unnamed"),
        ("", "unnamed"),
        ("x" * 59 + ". and more", "x" * 59),
        (".hidden", "hidden"),
        ("con", "my-con"),
        ("NUL.txt", "my-NUL.txt"),
        ("concert", "concert"),
    ],
)
def test_a_name_is_safe_for_every_file_system(tmp_path, wish, name):
    assert free_name(tmp_path, wish) == name
    assert free_name(tmp_path / "not-there", wish) == name


def test_a_name_that_is_taken_gets_a_number_also_where_case_makes_no_difference(tmp_path):
    (tmp_path / "shop").mkdir()
    assert free_name(tmp_path, "Shop") == "Shop-2"
    (tmp_path / "SHOP-2").mkdir()
    assert free_name(tmp_path, "shop") == "shop-3"


def test_a_full_disk_is_said_before_the_work(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(10**12, 10**12 - 10**9, 10**9))
    require_space(tmp_path, 10**9, "A run")
    with pytest.raises(TunesmithError, match=r"A run needs about 2\.0 GB, and the disk of .* has 1\.0"):
        require_space(tmp_path, 2 * 10**9, "A run")


@pytest.mark.parametrize("left", ['{"step": 1', "", "\x00" * 40, '{"words": "\ufffd'])
def test_a_damaged_file_is_said_by_its_name_with_what_to_do(tmp_path, left):
    path = tmp_path / "orders" / "scores.json"
    write_whole(path, left)
    with pytest.raises(DamagedError, match=r"^scores\.json \(in orders\) is damaged.* Measure both again\.$"):
        read_json(path, anew="Measure both again.")
    assert read_if_whole(path) is None


def test_a_damaged_file_that_is_set_aside_is_kept_beside(tmp_path):
    path = tmp_path / "scores.json"
    for left in ("{", "{{"):
        path.write_text(left)
        assert set_aside(path).read_text() == left
        assert read_json(path) is None
    assert [each.name for each in tmp_path.iterdir()] == ["scores.json.broken"]


def test_what_must_last_is_on_the_disk_before_it_takes_its_name(tmp_path, monkeypatch):
    done: list[str] = []
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda file: (done.append(f"sync {os.fstat(file).st_size}"), sync(file))[1])
    monkeypatch.setattr(os, "replace", lambda *paths: (done.append("replace"), replace(*paths))[1])
    write_whole(tmp_path / "note.txt", "abc")
    write_whole(tmp_path / "note.txt", "abcd", lasting=False)
    assert done == ["sync 3", "replace", "replace"]


def test_weights_are_told_by_what_is_in_them_and_not_by_their_time(tmp_path):
    path, other = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    path.write_bytes(bytes(5_000_000))
    known = marks_of([path])
    shutil.copy(path, other)
    os.utime(path, (1, 1))
    assert marks_of([path]) == marks_of([other]) == known
    for change in (bytes(5_000_001), b"x" + bytes(4_999_999), bytes(4_999_999) + b"x", bytes(range(250)) * 20_000):
        path.write_bytes(change)
        assert marks_of([path]) != known
    for size in (0, 1, 4096, 4097):
        path.write_bytes(b"a" * size)
        other.write_bytes(b"a" * (size - 1) + b"b"[:size])
        assert (marks_of([path]) == marks_of([other])) is (size == 0)
