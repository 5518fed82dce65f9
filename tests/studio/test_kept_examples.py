"""A kept conversation becomes an example, in a version that can be undone, and never a held-out one."""

from __future__ import annotations

import pytest

from studio.compare.kept import Kept, Pane, Setup, keep
from studio.compare.kept_examples import add_to_data
from studio.data.conversation import Conversation, Message
from studio.data.datasets import Dataset, open_current, open_dataset, save_dataset
from studio.data.formats import convert_rows
from studio.data.read import Row
from studio.data.versions import list_versions, read_drafts, use_version, write_draft
from studio.errors import DataError, RunError, SettingError
from studio.runs import Run, open_run
from studio.store import write_json
from studio.train.recipe import make_recipe, write_recipe
from studio.workspace import Workspace

ASKED, SAID = Message("user", "May I bring my dog along?"), Message("assistant", "On a leash, yes.")


@pytest.fixture
def data(workspace: Workspace) -> Dataset:
    rows = [Row(n, {"question": f"Where does parcel {n * 7919} lie now?", "answer": f"At {n}"}) for n in range(40)]
    return save_dataset(workspace, "orders", "orders.jsonl", convert_rows(rows))


@pytest.fixture
def run(workspace: Workspace, data: Dataset) -> Run:
    folder = workspace.runs / "2026-11-24-1530-orders"
    write_recipe(folder / "recipe.yaml", make_recipe(data="orders", name="orders"))
    write_json(folder / "state.json", {"state": "done"})
    return open_run(workspace, folder.name)


def kept(run: Run, *messages: Message) -> Kept:
    return keep(run, "the dog", [Pane("Before"), Pane("After", messages)], Setup("Be kind."))


def test_it_is_added_to_what_is_learned_and_all_else_stays(run, workspace, data):
    made, row = add_to_data(run, kept(run, ASKED, SAID, Message("user", "Why?")).id, 1)
    assert (made.ref, row) == ("orders@v1", 40)
    assert open_current(workspace, "orders").ref == "orders@v1"
    *before, (added, split) = made.placed()
    assert before == list(data.placed())
    assert (added, split) == (Conversation((Message("system", "Be kind."), ASKED, SAID), 40), "train")
    assert made.description["did"] == ["one example added, of the conversation “the dog” that was kept in Compare"]
    use_version(made, made.description["from"])
    assert open_current(workspace, "orders").description["examples"] == 40


def test_it_goes_to_the_version_that_is_worked_with_and_what_was_changed_by_hand_goes_along(run, workspace):
    first, _ = add_to_data(run, kept(run, ASKED, SAID).id, 1)
    draft = Conversation((Message("user", "New?"), Message("assistant", "Yes.")), 41)
    write_draft(first, 41, draft)
    write_draft(first, 3, None)
    second, row = add_to_data(run, kept(run, Message("user", "And my cat?"), SAID).id, 1)
    assert (second.ref, row, second.description["from"]) == ("orders@v2", 42, "v1")
    assert [conversation.row for conversation, _ in second.placed()][-2:] == [40, 42]
    assert read_drafts(second).changed == {41: draft, 3: None}


def test_the_same_is_not_added_twice(run, workspace):
    one = kept(run, ASKED, SAID)
    add_to_data(run, one.id, 1)
    with pytest.raises(DataError, match="orders v1 has it already: it is example 41"):
        add_to_data(run, one.id, 1)
    assert len(list_versions(workspace, "orders")) == 2


@pytest.mark.parametrize("part", ["validation", "test"])
def test_a_question_that_is_held_out_is_not_learned_also_where_it_is_said_a_little_otherwise(
    run, workspace, data, part
):
    held = data.conversations(part)[0]
    asked = held.prompt[-1].content
    for question in (asked, f"  {asked.upper()}!"):
        for messages in ((Message("user", question), SAID), (Message("user", question), SAID, ASKED, SAID)):
            with pytest.raises(
                DataError, match=f"held out: it is like that of example {held.row + 1} of orders"
            ) as told:
                add_to_data(run, kept(run, *messages).id, 1)
            assert "can no longer be measured" in told.value.do
    assert len(list_versions(workspace, "orders")) == 1


def test_a_pane_without_an_answer_and_a_data_set_that_is_gone_are_told(run, workspace):
    one = kept(run, ASKED, SAID)
    with pytest.raises(RunError, match="“Before” has not answered"):
        add_to_data(run, one.id, 0)
    with pytest.raises(SettingError, match="There is no pane 3"):
        add_to_data(run, one.id, 2)
    (open_dataset(workspace, "orders").root / "dataset.json").unlink()
    with pytest.raises(DataError, match="There is no data set 'orders'"):
        add_to_data(run, one.id, 1)
