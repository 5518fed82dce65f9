"""Conversations that are kept: found again as they were, whatever they are called and whatever became of the others."""

from __future__ import annotations

import errno
import json

import pytest

from studio.compare import kept as keeping
from studio.compare.kept import (
    NAME_LENGTH,
    Broken,
    Kept,
    Pane,
    Setup,
    bring_back,
    folder_of,
    keep,
    last_removed,
    list_kept,
    open_kept,
    remove,
    rename,
)
from studio.compare.sampling import Sampling
from studio.data.conversation import Message
from studio.errors import RunError, SettingError, TunesmithError

SAID = (Message("user", "Where is parcel 7?"), Message("assistant", "At home."))
PANES = (Pane("Before: SmolLM2, untouched", SAID), Pane("After", (SAID[0], Message("assistant", "{}")), "run|a|"))
SETUP = Setup("Be kind.", Sampling(0.8, 0.9, 7, False), 128)
HOSTILE = [
    "../../recipe",
    "..\\..\\x",
    "/etc/passwd",
    "con",
    "a" * NAME_LENGTH,
    "päckchen 📦",
    "x\0y\n\u202ez",
    "-rf *",
]
RUBBISH = [
    "",
    "{",
    "[]",
    "null",
    '{"name": 1}',
    '{"panes": [{"title": "t", "messages": [{"role": "root"}]}]}',
    "[" * 9999,
]


@pytest.fixture
def run(make_run):
    return make_run("done")


def test_it_is_found_again_as_it_was(run):
    kept = keep(run, "the parcel", PANES, SETUP)
    (found,) = list_kept(run)
    assert found == kept == open_kept(run, kept.id)
    assert (kept.name, kept.panes, kept.setup) == ("the parcel", PANES, SETUP)


def test_the_newest_stands_first(run):
    ids = [keep(run, str(number), PANES).id for number in range(5)]
    assert [each.id for each in list_kept(run)] == ids[::-1]


def test_nothing_said_is_nothing_to_keep(run):
    with pytest.raises(RunError, match="nothing to keep"):
        keep(run, "empty", [Pane("Before"), Pane("After")])
    assert not folder_of(run).exists()


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_never_becomes_a_path(run, name):
    before = {path for path in run.folder.rglob("*")}
    kept = keep(run, name, PANES)
    new = {path for path in run.folder.rglob("*")} - before
    assert new == {folder_of(run), folder_of(run) / f"{kept.id}.json"}
    assert kept.id.replace("-", "").isalnum()
    assert kept.name.isprintable()
    assert rename(run, kept.id, name) == kept


def test_without_a_name_it_is_called_by_its_first_question(run):
    assert keep(run, " \n\t ", PANES).name == "Where is parcel 7?"
    long = (Pane("After", (Message("user", "why " * 5000), SAID[1])),)
    assert keep(run, "", long).name == f"{'why ' * 14}wh …"
    assert keep(run, "", [Pane("After", (Message("assistant", "Hello."),))]).name == "Conversation"


def test_a_name_that_is_too_long_is_refused_and_nothing_changes(run):
    kept = keep(run, "short", PANES)
    with pytest.raises(SettingError, match="Use at most 120"):
        rename(run, kept.id, "x" * (NAME_LENGTH + 1))
    assert open_kept(run, kept.id).name == "short"


def test_a_new_name_changes_nothing_else(run):
    kept = keep(run, "one", PANES, SETUP)
    renamed = rename(run, kept.id, "  two   words ")
    assert renamed == open_kept(run, kept.id)
    assert (renamed.name, renamed.panes, renamed.at) == ("two words", kept.panes, kept.at)


@pytest.mark.parametrize("text", RUBBISH)
def test_a_broken_one_is_listed_and_neither_lost_nor_in_the_way(run, text):
    kept = keep(run, "good", PANES)
    broken = folder_of(run) / "20200101-000000-000000-abc.json"
    broken.write_text(text, encoding="utf-8")
    good, bad = list_kept(run)
    assert good == kept
    assert isinstance(bad, Broken)
    assert "cannot be read" in bad.name
    for act in (open_kept, lambda run, of: rename(run, of, "new")):
        with pytest.raises(RunError, match="stays as it is"):
            act(run, bad.id)
    assert broken.read_text(encoding="utf-8") == text
    remove(run, bad.id)
    assert isinstance(bring_back(run), Broken)
    assert broken.read_text(encoding="utf-8") == text


def test_bytes_that_are_no_text_and_files_without_end_are_broken_too(run, monkeypatch):
    kept = keep(run, "good", PANES)
    (folder_of(run) / "bytes.json").write_bytes(b"\xff\xfe{")
    monkeypatch.setattr(keeping, "LARGEST_BYTES", (folder_of(run) / f"{kept.id}.json").stat().st_size)
    (folder_of(run) / "endless.json").write_text(" " * 100_000, encoding="utf-8")
    assert [type(each) for each in list_kept(run)] == [Broken, Broken, Kept]


@pytest.mark.parametrize("kept_id", ["../recipe", "", ".", "..", "removed", "a/b", "x\0y", "*", "../state"])
def test_an_id_that_a_page_sends_leads_to_nothing_but_what_is_kept(run, kept_id):
    keep(run, "one", PANES)
    for act in (open_kept, remove, lambda run, of: rename(run, of, "new")):
        with pytest.raises(RunError, match="not kept any more"):
            act(run, kept_id)


def test_what_was_removed_comes_back_the_last_one_first(run):
    kept = [keep(run, name, PANES) for name in ("one", "two", "three")]
    for each in (kept[2], kept[0]):
        remove(run, each.id)
    assert list_kept(run) == [kept[1]]
    assert last_removed(run) == kept[0]
    assert [bring_back(run), bring_back(run)] == [kept[0], kept[2]]
    assert list_kept(run) == kept[::-1]
    assert last_removed(run) is None
    with pytest.raises(RunError, match="Nothing is removed"):
        bring_back(run)


def test_coming_back_overwrites_nothing(run):
    kept = keep(run, "one", PANES)
    path = folder_of(run) / f"{kept.id}.json"
    text = path.read_text(encoding="utf-8")
    remove(run, kept.id)
    path.write_text(text.replace('"one"', '"another"'), encoding="utf-8")
    bring_back(run)
    assert {each.name for each in list_kept(run)} == {"one", "another"}


def test_a_full_disk_is_a_sentence_and_leaves_what_was_there(run, monkeypatch):
    kept = keep(run, "one", PANES)

    def full(*_given, **_named):
        raise OSError(errno.ENOSPC, "No space left on device")

    for name in ("tempfile.mkstemp", "os.replace"):  # before the first byte, and after the last
        with monkeypatch.context() as patched:
            patched.setattr(f"studio.store.{name}", full)
            for act in (lambda: keep(run, "two", PANES), lambda: rename(run, kept.id, "two")):
                with pytest.raises(TunesmithError, match=r"No space left on device\. (Look for|Free some) space"):
                    act()
    assert list_kept(run) == [kept]
    assert [path.name for path in folder_of(run).iterdir()] == [f"{kept.id}.json"]


def test_one_that_is_too_large_is_refused(run, monkeypatch):
    monkeypatch.setattr(keeping, "LARGEST_BYTES", 200)
    with pytest.raises(RunError, match="at most 0 MB are kept"):
        keep(run, "large", [Pane("After", (Message("user", "x" * 300),))])


def test_half_of_an_emoji_does_not_lose_the_rest(run):
    kept = keep(run, "cut \ud83d", [Pane("After", (Message("user", "Hi \ud83d there"),))])
    assert kept.name == "cut"
    assert kept.panes[0].messages[0].content == "Hi \ufffd there"


def test_a_file_of_a_setup_that_knew_less_is_read_with_what_is_usual(run):
    kept = keep(run, "old", PANES, SETUP)
    path = folder_of(run) / f"{kept.id}.json"
    known = json.loads(path.read_text(encoding="utf-8"))
    del known["sampling"], known["most_tokens"], known["panes"][0]["voice"]
    path.write_text(json.dumps(known), encoding="utf-8")
    assert open_kept(run, kept.id).setup == Setup("Be kind.")
