"""Recipes that are kept: saved, loaded, taken from an old run, compared, brought as a file and taken home as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from components.frame import Studio, run_choices
from components.notices import show_note, told
from studio.runs import open_run
from studio.train import library
from studio.train.recipe import Recipe

Values = dict[Any, Any]
RUN, SAVED = "run", "saved"
SAVE_HELP = "The name of the recipe that is picked above replaces it."
# The page makes the file itself: nothing is written on the disk of the studio for it.
DOWNLOAD = """(text) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/yaml" }));
  link.download = "recipe.yaml";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}"""


@dataclass(frozen=True)
class RecipeView:
    """`read` gives the values of `outputs` from disk. After each of `fillings` the form has changed."""

    read: Callable[[], dict[Any, Any]]
    outputs: Sequence[Any]
    fillings: Sequence[gr.events.Dependency]


def build_recipe_view(
    studio: Studio,
    inputs: set[Any],
    current: Callable[[Values], Recipe],
    filled: Sequence[Any],
    fill: Callable[[Recipe], Values],
) -> RecipeView:
    """`current` makes the recipe of the form from the values of `inputs`; `fill` gives those of `filled` for one."""
    with gr.Accordion("Recipes", open=False, elem_id="recipes"):
        note = gr.HTML(html_template='<div role="status">${value}</div>', elem_id="recipe-note")
        saved = gr.Dropdown(label="Saved recipes", elem_id="recipe-saved", interactive=True)
        with gr.Row():
            load = gr.Button("Load", size="sm", elem_id="recipe-load", min_width=80)
            delete = gr.Button("Delete …", size="sm", elem_id="recipe-delete", min_width=80)
        with gr.Group(visible=False) as sure:
            warning = gr.HTML(elem_id="recipe-warning")
            with gr.Row():
                keep = gr.Button("Keep it", size="sm", elem_id="recipe-delete-no", min_width=80)
                really = gr.Button("Delete it", size="sm", variant="stop", elem_id="recipe-delete-yes", min_width=80)
        name = gr.Textbox(
            label="Save the form as", elem_id="recipe-name", max_length=library.LONGEST_NAME, info=SAVE_HELP
        )
        save = gr.Button("Save", size="sm", elem_id="recipe-save")
        old = gr.Dropdown(label="From an old run", elem_id="recipe-run", interactive=True)
        take = gr.Button("Take over its settings", size="sm", elem_id="recipe-take")
        other = gr.Dropdown(label="Compare the form with", elem_id="recipe-other", interactive=True)
        compared = gr.HTML(elem_id="recipe-compared")
        with gr.Row():
            bring = gr.UploadButton(
                "Bring a file", file_types=[".yaml", ".yml"], size="sm", elem_id="recipe-bring", min_width=110
            )
            take_home = gr.Button("Take home as a file", size="sm", elem_id="recipe-home", min_width=110)
        text = gr.Textbox(visible=False)

    lists = [saved, old, other, load, delete, take]

    def read(chosen: str = "") -> Values:
        names, runs = library.list_recipes(studio.workspace), run_choices(studio, only_with_adapter=False)
        ours = [(f"Saved: {known}", f"{SAVED}:{known}") for known in names]
        theirs = [(f"Run: {title}", f"{RUN}:{run}") for title, run in runs]
        picked = chosen if chosen in names else next(iter(names), None)
        return {
            saved: gr.Dropdown(choices=names, value=picked),
            old: gr.Dropdown(choices=runs, value=next((run for _, run in runs), None)),
            other: gr.Dropdown(choices=[*ours, *theirs], value=None),
            load: gr.Button(interactive=bool(names)),
            delete: gr.Button(interactive=bool(names)),
            take: gr.Button(interactive=bool(runs)),
        }

    def find(choice: str) -> Recipe:
        kind, _, which = choice.partition(":")
        return open_run(studio.workspace, which).recipe if kind == RUN else library.open_recipe(studio.workspace, which)

    def put(recipe: Recipe, words: str) -> Values:
        return {note: show_note(words, "good"), compared: "", other: None, **fill(recipe)}

    @told
    def load_saved(picked: str | None) -> Values:
        recipe = library.open_recipe(studio.workspace, picked or "")
        return {name: picked, **put(recipe, f"✓ “{picked}” is in the form.")}

    @told
    def take_over(run: str | None) -> Values:
        old_run = open_run(studio.workspace, run or "")
        return put(
            library.repeat(old_run.recipe),
            f"✓ The settings of “{old_run.title}” are in the form. The data stay those that are picked.",
        )

    @told
    def take_in(path: str) -> Values:
        return put(library.read_by_hand(Path(path)), f"✓ “{Path(path).name}” is in the form.")

    @told
    def keep_form(values: Values) -> Values:
        wish = (values[name] or "").strip()
        kept = library.save_recipe(studio.workspace, wish, current(values), replace=wish == values[saved])
        return {note: show_note(f"✓ Saved as “{kept}”.", "good"), name: kept, **read(kept)}

    @told
    def ask_first(picked: str | None) -> Values:
        words = f"This removes the saved recipe “{picked}”. Runs that used it keep their own."
        return {sure: gr.Group(visible=True), warning: show_note(words, "bad")}

    @told
    def remove(picked: str | None) -> Values:
        library.delete_recipe(studio.workspace, picked or "")
        return {sure: gr.Group(visible=False), note: show_note(f"“{picked}” is gone."), **read()}

    @told
    def compare(values: Values) -> str:
        return show_differences(current(values), find(values[other])) if values[other] else ""

    @told
    def write(values: Values) -> str:
        return library.as_yaml(current(values))

    quiet: dict[str, Any] = {"show_progress": "hidden"}
    shown = [note, compared, other, *filled]
    fillings = [
        load.click(load_saved, saved, [name, *shown], **quiet),
        take.click(take_over, old, shown, **quiet),
        bring.upload(take_in, bring, shown, **quiet),
    ]
    save.click(keep_form, {name, saved, *inputs}, [note, name, *lists], **quiet)
    delete.click(ask_first, saved, [sure, warning], **quiet)
    keep.click(lambda: gr.Group(visible=False), None, sure, **quiet)
    really.click(remove, saved, [sure, note, *lists], **quiet)
    other.input(compare, {other, *inputs}, compared, **quiet)
    take_home.click(write, inputs, text, **quiet).success(None, text, js=DOWNLOAD)
    return RecipeView(read, lists, fillings)


def show_differences(form: Recipe, other: Recipe) -> str:
    """A table of what differs, and nothing else."""
    found = library.differences(form, other)
    if not found:
        return '<p class="fine" role="status">They are the same in all settings.</p>'
    rows = "".join(
        f'<tr><th scope="row">{escape(each.title)}</th><td>{escape(library.show_value(each.field, each.one))}</td>'
        f"<td>{escape(library.show_value(each.field, each.other))}</td></tr>"
        for each in found
    )
    count = f"{len(found)} setting{'' if len(found) == 1 else 's'} differ{'s' if len(found) == 1 else ''}"
    # What scrolls sideways must be reached by keys.
    return (
        '<div class="wide" tabindex="0" role="region" aria-label="What differs"><table class="differs">'
        f'<caption>{count}.</caption><thead><tr><th scope="col">Setting</th><th scope="col">Form</th>'
        f'<th scope="col">Other</th></tr></thead><tbody>{rows}</tbody></table></div>'
    )
