"""Every change makes a new version; nothing that was there is touched."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from studio.data.conversation import Conversation, Message
from studio.data.datasets import Dataset, open_current, open_dataset, read_choices, save_dataset
from studio.data.fixes import Around
from studio.data.formats import convert_rows
from studio.data.mending import mend, mended, open_findings, preview, waved_through
from studio.data.read import Row
from studio.data.review import read_review, review
from studio.data.tokens import load_tokenizer
from studio.data.versions import (
    differences,
    find_rows,
    forget_draft,
    keep_drafts,
    list_versions,
    make_version,
    new_row,
    object_again,
    read_drafts,
    use_version,
    wave_through,
    write_draft,
)
from studio.errors import DataError, TunesmithError
from studio.train.models import require_base
from studio.workspace import Workspace

MAX_LENGTH = 2048


def pair(question: str, answer: str, row: int = 0) -> Conversation:
    return Conversation((Message("user", question), Message("assistant", answer)), row)


def save(workspace: Workspace, *pairs: tuple[str, str], name: str = "shop") -> Dataset:
    rows = [Row(n, {"question": q, "answer": a, "source": f"s{n % 2}"}) for n, (q, a) in enumerate(pairs)]
    return save_dataset(workspace, name, "shop.jsonl", convert_rows(rows))


@pytest.fixture
def shop(workspace: Workspace) -> Dataset:
    return save(workspace, *((f"Question number {n}?", f"Answer {n}") for n in range(12)))


def everything(folder: Path) -> dict[str, str]:
    """Hashes of all that a version may not change."""
    files = [path for path in folder.rglob("*") if path.name in ("examples.jsonl", "dataset.json", "version.json")]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_a_version_becomes_the_current_one_and_leaves_those_before_as_they_were(workspace, shop):
    before = everything(shop.root)
    made = make_version(workspace, shop, lambda placed: placed if placed[0].row != 3 else None, lambda: ["one dropped"])
    assert (made.ref, made.version, made.title) == ("shop@v1", "v1", "shop v1")
    assert [c.row for c in made.conversations()] == [n for n in range(12) if n != 3]
    assert open_current(workspace, "shop") == made
    assert open_dataset(workspace, "shop") == shop
    assert {path: digest for path, digest in everything(shop.root).items() if path in before} == before
    assert made.description["did"] == ["one dropped"]
    assert sum(made.counts.values()) == made.description["examples"] == 11


def test_to_undo_is_to_take_up_the_version_before(workspace, shop):
    make_version(workspace, shop, lambda placed: placed, lambda: ["nothing"])
    use_version(shop, "v0")
    assert open_current(workspace, "shop") == shop
    assert [version.version for version in list_versions(workspace, "shop")] == ["v0", "v1"]
    again = make_version(workspace, shop, lambda placed: placed, lambda: ["nothing"])
    assert again.version == "v2"


def test_a_version_of_nothing_is_refused_and_leaves_nothing(workspace, shop):
    with pytest.raises(DataError, match="No example to learn from would be left"):
        make_version(workspace, shop, lambda placed: None, lambda: [])
    assert open_current(workspace, "shop") == shop
    assert [version.version for version in list_versions(workspace, "shop")] == ["v0"]


@pytest.mark.parametrize("ref", ["shop@v7", "shop@", "shop@../shop", "shop@..", "nowhere@v1"])
def test_a_version_that_is_not_there_is_said(workspace, shop, ref):
    if ref == "shop@":
        assert open_dataset(workspace, ref) == shop
        return
    with pytest.raises(DataError, match=r"no (version|data set)"):
        open_dataset(workspace, ref)


def test_two_versions_differ_in_what_was_dropped_changed_added_and_moved(workspace, shop):
    def change(placed: Any) -> Any:
        conversation, split = placed
        if conversation.row == 0:
            return None
        if conversation.row == 1:
            return replace(conversation, messages=(Message("user", "New?"), Message("assistant", "Yes"))), split
        return conversation, "train" if conversation.row == 2 else split

    made = make_version(workspace, shop, change, lambda: [], [(pair("Added?", "Yes", 12), "train")])
    found = {each.row: (each.before is None, each.after is None) for each in differences(shop, made)}
    moved = {2} if dict((c.row, s) for c, s in shop.placed())[2] != "train" else set()
    assert found == {0: (False, True), 1: (False, False), **dict.fromkeys(moved, (False, False)), 12: (True, False)}


def test_examples_are_read_by_their_rows_without_the_rest(workspace, shop):
    assert [c.row for c, _ in shop.rows([7, 2, 99])] == [7, 2]
    (shop.root / "index.npy").unlink()  # as a data set of before there was an index
    assert [c.row for c, _ in shop.rows([7, 2])] == [7, 2]


# By hand


def test_changes_by_hand_are_drafts_until_they_are_kept_at_once(workspace, shop):
    write_draft(shop, 4, pair("Better?", "Much.", 4))
    write_draft(shop, 5, None)
    added = new_row(shop)
    write_draft(shop, added, pair("Added?", "Yes.", added))
    assert new_row(shop) == added + 1 == 13
    assert open_current(workspace, "shop") == shop
    made = keep_drafts(workspace, shop)
    assert made.description["did"] == ["by hand: 1 edited, 1 added, 1 dropped"]
    assert made.rows([4])[0][0].messages[0].content == "Better?"
    assert [c.row for c, _ in made.rows([5, added])] == [added]
    assert len(read_drafts(shop)) == len(read_drafts(made)) == 0


def test_a_draft_can_be_forgotten(workspace, shop):
    write_draft(shop, 4, None)
    write_draft(shop, 5, None)
    forget_draft(shop, 4)
    assert read_drafts(shop).changed == {5: None}
    forget_draft(shop)
    with pytest.raises(DataError, match="Nothing was changed by hand"):
        keep_drafts(workspace, shop)


def test_rows_are_found_by_words_side_and_tag(shop):
    sides = {c.row: side for c, side in shop.placed()}
    assert list(find_rows(shop, "NUMBER 3")) == [3]
    assert list(find_rows(shop, tag="source: s1")) == [1, 3, 5, 7, 9, 11]
    assert list(find_rows(shop, split="test")) == [row for row, side in sides.items() if side == "test"]
    assert list(find_rows(shop, "number", "test")) == list(find_rows(shop, split="test"))
    assert list(find_rows(shop)) == list(range(12))


# Findings that are mended, looked at first, or fine as they are


NAMES = ("Mia", "Leo", "Ada", "Bo", "Cy", "Di", "Ed")
WAYS = ("rail", "ship", "air", "bike", "van", "foot", "sea")


@pytest.fixture
def faulty(starter_workspace: Workspace, request: pytest.FixtureRequest) -> Dataset:
    good = [
        (f"Where is order {n} of {name}?", f"Dear {name}, parcel {n} left on Monday and comes to you by {town}.")
        for n, (name, town) in enumerate(
            [
                ("Mia", "rail"),
                ("Leo", "ship"),
                ("Ada", "air"),
                ("Bo", "bike"),
                ("Cy", "van"),
                ("Di", "foot"),
                ("Ed", "sea"),
            ]
        )
    ]
    rows = [*good, good[0], ("Write to leo@example.org", "CafÃ© is open."), ("Empty?", "")]
    dataset = save(starter_workspace, *rows, name=request.node.name)
    for _ in review(starter_workspace, dataset, "starter", MAX_LENGTH):
        pass
    return dataset


def test_safe_findings_are_mended_in_one_version_that_says_what_it_did(starter_workspace, faulty):
    for _ in mend(
        starter_workspace, faulty, ["exact_duplicate", "broken_text", "empty_message"], "starter", MAX_LENGTH
    ):
        pass
    made = mended(starter_workspace, faulty)
    assert sorted(made.description["did"]) == [
        "1 double dropped", "1 empty example dropped", "text repaired in 1 example",
    ]  # fmt: skip
    assert [c.row for c in made.conversations()] == [0, 1, 2, 3, 4, 5, 6, 8]
    assert made.rows([8])[0][0].wanted == "Café is open."
    assert len(list(differences(faulty, made))) == 3
    for _ in review(starter_workspace, made, "starter", MAX_LENGTH):
        pass
    left = {f.check.id for f in open_findings(made, read_review(made, "starter", MAX_LENGTH))}
    assert left == {"personal_data", "too_few"}


def test_a_mend_is_looked_at_before_it_happens(starter_workspace, faulty):
    found = {f.check.id: f for f in open_findings(faulty, read_review(faulty, "starter", MAX_LENGTH))}
    around = Around(load_tokenizer(require_base(starter_workspace, "starter")), MAX_LENGTH)
    (shown,) = preview(faulty, found["personal_data"], around, 5)
    assert shown.before[0].messages[0].content == "Write to leo@example.org"
    assert shown.after[0].messages[0].content == "Write to [EMAIL]"
    assert preview(faulty, found["exact_duplicate"], around, 5)[0].after is None
    assert list(list_versions(starter_workspace, faulty.name)) == [faulty]


def test_what_is_fine_here_is_no_finding_any_more_until_it_is_taken_back(faulty):
    found = read_review(faulty, "starter", MAX_LENGTH)

    def left() -> set[str]:
        return {f.check.id for f in open_findings(faulty, found)}

    before = left()
    wave_through(faulty, "personal_data", [8])
    assert left() == before - {"personal_data"}
    wave_through(faulty, "too_few")
    assert left() == before - {"personal_data", "too_few"}
    assert {f.check.id: f.count for f in waved_through(faulty, found)} == {"personal_data": 1, "too_few": 10}
    object_again(faulty, "personal_data")
    assert left() == before - {"too_few"}
    assert read_choices(faulty.root)["fine"] == {"too_few": "all"}


def test_there_is_nothing_to_mend_where_all_is_fine(starter_workspace, faulty):
    wave_through(faulty, "broken_text")
    with pytest.raises(TunesmithError, match="nothing to mend"):
        list(mend(starter_workspace, faulty, ["broken_text"], "starter", MAX_LENGTH))
