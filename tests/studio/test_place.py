"""Whoever comes back finds the place where they were."""

from __future__ import annotations

import pytest

from studio.place import Place, read_place, write_place


def test_the_first_time_begins_with_data_and_the_starter(workspace):
    assert read_place(workspace) == Place(tab="data", dataset="", base="starter", run="")


def test_a_change_keeps_the_rest(workspace):
    write_place(workspace, tab="train", dataset="shop")
    assert write_place(workspace, run="r") == read_place(workspace) == Place("train", "shop", "starter", "r")


@pytest.mark.parametrize("settings", ["", "{", "[]", "null", '"tab"', "\0\0\0", '{"tab": 5, "later": true}'])
def test_damaged_settings_are_as_none_and_can_be_written_over(workspace, settings):
    workspace.settings.write_text(settings)
    assert read_place(workspace) == Place()
    assert write_place(workspace, tab="runs") == read_place(workspace) == Place(tab="runs")


def test_a_setting_of_another_version_does_no_harm(workspace):
    workspace.settings.write_text('{"tab": "export", "theme": "dark"}')
    assert read_place(workspace) == Place(tab="export")
