"""What becomes of a kept conversation: a file to take along, or one example more to learn from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gradio as gr

from components.frame import Studio, open_picked
from components.notices import show_note, show_progress, told
from components.script_link import FETCH
from studio.compare.kept import Pane
from studio.compare.kept_examples import add_to_data
from studio.compare.kept_files import FORMS, write_kept
from studio.errors import TunesmithError
from studio.tasks import Progress

HOLDS = {
    "md": "holds all panes, to read.",
    "json": "holds all panes and how they were asked.",
    "jsonl": "holds one row, as Data reads it. A model that learns a held-out question must be measured by others.",
}
ADDED = (
    "✓ It is example {row} of {title} now, to learn from, with the answers as they were given. Mend them in Data under "
    "Examples if they are not what you want; Undo stands there under Versions."
)


@dataclass(frozen=True)
class TakenView:
    """`show` gives the values of `outputs` for the panes of the one that is picked."""

    outputs: Sequence[Any]
    show: Callable[[Sequence[Pane]], dict[Any, Any]]


def build_taken_view(studio: Studio, run: gr.Dropdown, listed: gr.Dropdown) -> TakenView:
    """`listed` holds the id of the conversation that is picked."""
    with gr.Row(elem_classes="kept-line"):
        shape = gr.Dropdown(
            [(label, shape) for shape, label in FORMS.items()], value="md", label="Take it along as",
            interactive=True, elem_id="kept-form", scale=4, min_width=200,
        )  # fmt: skip
        export = gr.Button("Export", size="md", elem_id="kept-export", scale=1, min_width=110)
    with gr.Row(elem_classes="kept-line"):
        pane = gr.Dropdown(
            label="Whose answers? (of a row, and of an example)", interactive=True, elem_id="kept-pane", scale=4,
            min_width=200,
        )  # fmt: skip
        add = gr.Button("Add to the examples", size="md", elem_id="kept-add", scale=1, min_width=170)
    link = gr.HTML(elem_id="kept-link")

    def show(panes: Sequence[Pane]) -> dict[Any, Any]:
        names = [(f"{place + 1}. {each.title}", place) for place, each in enumerate(panes)]
        answered = [
            place for place, each in enumerate(panes) if any(said.role == "assistant" for said in each.messages)
        ]
        return {pane: gr.Dropdown(choices=names, value=answered[-1] if answered else None), link: ""}

    @told
    def take_along(run_id: str | None, kept_id: str | None, wish: str, place: int | None) -> str:
        file = write_kept(open_picked(studio, run_id), kept_id or "", wish, place or 0)
        return show_link(file, wish)

    @told
    def add_it(run_id: str | None, kept_id: str | None, place: int | None) -> Iterator[str]:
        yield show_progress(Progress("Writing a version of the data set with it"))
        try:
            made, row = add_to_data(open_picked(studio, run_id), kept_id or "", place or 0)
        except TunesmithError as error:
            yield show_note(f"✖ {error.what} {error.do}", "bad")
            return
        yield show_note(ADDED.format(row=row + 1, title=made.title), "good")

    shape.input(lambda: "", None, link, show_progress="hidden")
    written = export.click(take_along, [run, listed, shape, pane], link, show_progress="hidden")
    written.success(None, link, None, js=FETCH)
    add.click(add_it, [run, listed, pane], link, show_progress="hidden")
    return TakenView([pane, link], show)


def show_link(file: Path, form: str) -> str:
    address = f"/gradio_api/file={quote(file.as_posix())}"
    return f'<p><a download href="{address}">{escape(file.name)}</a> {HOLDS[form]}</p>'
