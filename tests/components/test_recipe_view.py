"""Recipes in the window, by pressing its buttons: saved, loaded, taken from a run, compared, brought and taken home."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr
import pytest

from components.fields import Form, build_form
from components.frame import Studio
from components.recipe_view import RecipeView, build_recipe_view, show_differences
from studio.compare.chat import Chat
from studio.data.datasets import save_dataset
from studio.data.formats import convert_rows
from studio.data.rows import Row
from studio.runs import create_run
from studio.train import library
from studio.train.recipe import make_recipe
from studio.workspace import Workspace


class Page:
    """The view beside a form; `press` runs what a button does, as Gradio would with the values on the page."""

    def __init__(self, workspace: Workspace) -> None:
        self.form: Form
        with gr.Blocks() as self.blocks:
            self.form = build_form()
            self.view: RecipeView = build_recipe_view(
                Studio(workspace, Chat()),
                set(self.form.fields.values()),
                lambda values: make_recipe(data="shop", **self.form.read(values)),
                list(self.form.fields.values()),
                lambda recipe: self.form.fill(recipe.model_dump()),
            )
        self.values: dict[Any, Any] = {block: getattr(block, "value", None) for block in self.blocks.blocks.values()}
        self.take(self.view.read())

    def take(self, given: dict[Any, Any]) -> None:
        for component, update in given.items():
            value = update.get("value", self.values[component]) if isinstance(update, dict) else update
            self.values[component] = value.value if isinstance(value, gr.components.Component) else value

    def part(self, elem_id: str) -> Any:
        return next(block for block in self.values if getattr(block, "elem_id", None) == elem_id)

    def __getitem__(self, elem_id: str) -> Any:
        return self.values[self.part(elem_id)]

    def __setitem__(self, elem_id: str, value: Any) -> None:
        self.values[self.part(elem_id)] = value

    def press(self, elem_id: str, event: str = "click") -> Any:
        target = (self.part(elem_id)._id, event)
        function = next(f for f in self.blocks.fns.values() if target in f.targets)
        handler: Callable[..., Any] = function.fn  # type: ignore[assignment]
        if function.inputs_as_dict:
            given = handler({component: self.values[component] for component in function.inputs})
        else:
            given = handler(*(self.values[component] for component in function.inputs))
        if not isinstance(given, dict):
            given = {function.outputs[0]: given}
        assert given.keys() <= set(function.outputs)
        self.take(given)
        return given


@pytest.fixture
def window(workspace: Workspace) -> Page:
    rows = [Row(n, {"question": f"Question {n}?", "answer": f"Answer {n}"}) for n in range(10)]
    save_dataset(workspace, "shop", "shop.jsonl", convert_rows(rows))
    create_run(workspace, make_recipe(data="shop", name="old", lora_rank=32, epochs=5))
    return Page(workspace)


def test_what_was_saved_is_loaded_again(window, workspace):
    window["field-lora_rank"] = 8
    window["recipe-name"] = " gentle "
    window.press("recipe-save")
    assert library.list_recipes(workspace) == [window["recipe-saved"]] == ["gentle"]
    window["field-lora_rank"] = 64
    window.press("recipe-load")
    assert window["field-lora_rank"] == 8
    assert "“gentle” is in the form" in window["recipe-note"]


def test_saving_replaces_what_is_picked_and_nothing_else(window, workspace):
    for name in ("one", "two"):
        window["recipe-name"] = name
        window.press("recipe-save")
    window["field-lora_rank"] = 4
    window.press("recipe-save")
    assert library.open_recipe(workspace, "two").lora_rank == 4
    window["recipe-name"] = "one"
    with pytest.raises(gr.Error, match="already"):
        window.press("recipe-save")
    assert library.open_recipe(workspace, "one").lora_rank == 16


def test_a_recipe_is_deleted_only_when_asked_twice(window, workspace):
    window["recipe-name"] = "gone"
    window.press("recipe-save")
    window.press("recipe-delete")
    assert "gone" in window["recipe-warning"]
    assert library.list_recipes(workspace) == ["gone"]
    window.press("recipe-delete-yes")
    assert library.list_recipes(workspace) == []
    assert window["recipe-saved"] is None


def test_an_old_run_gives_its_settings(window):
    window.press("recipe-take")
    assert (window["field-lora_rank"], window["field-epochs"]) == (32, 5)


def test_the_form_is_compared_with_a_run_and_with_a_saved_recipe(window):
    choices = [value for _, value in window.view.read()[window.part("recipe-other")].choices]
    window["recipe-other"] = choices[0]
    window.press("recipe-other", "input")
    assert "2 settings differ." in window["recipe-compared"]
    window["recipe-name"] = "same"
    window.press("recipe-save")
    window["recipe-other"] = "saved:same"
    window.press("recipe-other", "input")
    assert "the same in all settings" in window["recipe-compared"]


def test_a_file_is_brought_and_one_that_is_wrong_is_refused_in_words(window, tmp_path):
    (tmp_path / "mine.yaml").write_text("lora_rank: 24\n")
    window["recipe-bring"] = str(tmp_path / "mine.yaml")
    window.press("recipe-bring", "upload")
    assert window["field-lora_rank"] == 24
    (tmp_path / "mine.yaml").write_text("lora_rank: 999\n")
    with pytest.raises(gr.Error, match="Rank cannot be 999"):
        window.press("recipe-bring", "upload")
    assert window["field-lora_rank"] == 24


def test_the_form_goes_home_as_a_file_that_can_be_brought(window, tmp_path):
    window["field-lora_rank"] = 12
    (text,) = window.press("recipe-home").values()
    (tmp_path / "home.yaml").write_text(text)
    assert library.read_by_hand(tmp_path / "home.yaml").lora_rank == 12


def test_without_anything_saved_nothing_can_be_pressed(workspace):
    empty = Page(workspace).view.read()
    assert all(not update.interactive for update in empty.values() if isinstance(update, gr.Button))


def test_a_table_of_differences_shows_no_markup_of_others():
    one, other = make_recipe(data="<script>", lora_rank=8), make_recipe(data="shop", lora_rank=8)
    shown = show_differences(one, other)
    assert "<script>" not in shown
    assert "1 setting differs." in shown
