"""What is known of a run before it starts; nothing is guessed."""

from __future__ import annotations

import pytest

from studio.data.conversation import Message
from studio.data.datasets import open_dataset, save_dataset
from studio.data.formats import convert_rows
from studio.data.read import Row
from studio.data.review import _note
from studio.data.tokens import NO_SYSTEM_ROLE
from studio.store import write_json
from studio.train.outlook import read_outlook
from studio.train.recipe import make_recipe
from studio.train.rules import complaints


def test_data_that_nobody_has_counted_have_no_lengths(workspace, data):
    assert read_outlook(workspace, data, "starter").lengths == []
    assert read_outlook(workspace, "no such data", "starter").lengths == []


def test_lengths_are_of_this_base_or_else_of_another_that_has_counted(workspace, data):
    dataset = open_dataset(workspace, data)
    write_json(_note(dataset, "other", 2048), {"result": {"lengths": [[64, 3], [256, 1]]}})
    assert read_outlook(workspace, dataset.ref, "starter").lengths == [64, 64, 64, 256]
    write_json(_note(dataset, "starter", 2048), {"result": {"lengths": [[32, 2]]}})
    outlook = read_outlook(workspace, dataset.ref, "starter")
    assert (outlook.lengths, outlook.longest) == ([32, 32], 32)


def test_an_audit_that_broke_off_counts_as_none(workspace, data):
    dataset = open_dataset(workspace, data)
    write_json(_note(dataset, "starter", 2048), {"error": {"what": "It was stopped.", "do": "Again."}})
    assert read_outlook(workspace, dataset.ref, "starter").lengths == []


def test_remedies_are_found_for_a_run_that_did_not_fit_whatever_the_estimate_said(starter_workspace, starter):
    outlook = read_outlook(starter_workspace, "", str(starter))
    assert outlook.remedies(make_recipe(data="", batch_size=8, max_length=2048))


@pytest.mark.parametrize(("family", "folds"), [("Gemma", True), ("ChatML", False)])
def test_system_prompt_without_a_place_is_said_in_the_form(workspace, make_tokenizer, family, folds):
    talk = [Message("system", "Be brief."), Message("user", "Where?"), Message("assistant", "Here.")]
    rows = [Row(f"line {number}", {"messages": [m.as_dict() for m in talk]}) for number in range(10)]
    save_dataset(workspace, "talks", "talks.jsonl", convert_rows(rows))
    base = str(make_tokenizer(family))
    facts = read_outlook(workspace, "talks", base).facts
    said = [(each.field, each.sentence) for each in complaints(make_recipe(data="talks", base=base), facts)]
    assert (("chat_template", NO_SYSTEM_ROLE) in said) == folds
    assert facts.folds_system == folds
