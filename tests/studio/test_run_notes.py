"""What a person writes about a run stands beside its recipe, which stays as it was."""

from __future__ import annotations

import pytest

from studio import run_notes
from studio.errors import SettingError
from studio.run_notes import Notes, read_notes, read_tags, write_notes
from studio.runs import open_run


def test_a_run_without_notes_has_none(tmp_path):
    assert read_notes(tmp_path) == Notes("", (), "")
    assert run_notes.title(tmp_path / "gone") == ""


def test_a_new_name_leaves_the_recipe_as_it_was(workspace, make_run):
    run = make_run("done", name="first try")
    recipe = (run.folder / "recipe.yaml").read_bytes()
    write_notes(run.folder, title="the good one")
    again = open_run(workspace, run.id)
    assert (again.title, again.recipe.name) == ("the good one", "first try")
    assert (run.folder / "recipe.yaml").read_bytes() == recipe
    write_notes(run.folder, title=" ")
    assert again.title == "first try"


def test_what_is_not_changed_is_kept(tmp_path):
    write_notes(tmp_path, title="orders", tags="good, for Mia", note="Ask her.")
    write_notes(tmp_path, note="She said yes.\n")
    assert read_notes(tmp_path) == Notes("orders", ("good", "for Mia"), "She said yes.")


def test_tags_are_tidied_and_stand_once(tmp_path):
    assert read_tags(" good ,, to  ship,Good, ") == ("Good", "to ship")
    assert read_tags(["a, b", "b"]) == ("a", "b")
    assert write_notes(tmp_path, tags="").tags == ()


@pytest.mark.parametrize(
    "changes",
    [{"title": "x" * 61}, {"tags": "y" * 31}, {"tags": [str(n) for n in range(13)]}, {"note": "z" * 2_001}],
)
def test_what_is_too_long_is_refused_and_nothing_is_written(tmp_path, changes):
    write_notes(tmp_path, title="before")
    with pytest.raises(SettingError, match="at most"):
        write_notes(tmp_path, **changes)
    assert read_notes(tmp_path) == Notes("before")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"title": 7, "tags": "a", "note": null}', '{"tags": [1, "kept"]}'])
def test_damaged_notes_do_not_hide_a_run(workspace, make_run, text):
    run = make_run("done", name="orders")
    (run.folder / run_notes.FILE).write_text(text, encoding="utf-8")
    assert open_run(workspace, run.id).title == "orders"
    assert read_notes(run.folder).tags in ((), ("kept",))


def test_notes_that_another_window_wrote_are_seen(tmp_path):
    write_notes(tmp_path, title="one")
    assert run_notes.title(tmp_path) == "one"
    for title in ("two", "abc", "two"):  # as long as each other, and in the same moment
        write_notes(tmp_path, title=title)
        assert run_notes.title(tmp_path) == title


def test_a_title_is_read_from_the_file_only_when_the_file_has_changed(tmp_path, monkeypatch):
    write_notes(tmp_path, title="orders")
    read = []
    monkeypatch.setattr(run_notes, "read_json", lambda path: read.append(path) or {"title": "orders"})
    assert [run_notes.title(tmp_path) for _ in range(100)] == ["orders"] * 100
    assert len(read) == 1
