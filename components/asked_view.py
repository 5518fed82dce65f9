"""Questions to ask: those that it never saw, or those of a file that the person brought."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from components.frame import Studio
from components.notices import show_note, told
from studio.compare.asked import Asked, open_asked, take_asked
from studio.data.conversation import Conversation
from studio.data.read import SUFFIXES
from studio.errors import DataError

HELD_OUT, FILE = "held-out", "file"
MOST_LISTED, MOST_LETTERS, MOST_OF_A_NAME = 500, 90, 40
UNSEEN = "Questions it never saw"


@dataclass(frozen=True)
class AskedView:
    """`source` holds HELD_OUT or FILE. `show` gives the values of `outputs` as they are on the disk.

    After each of `arrivals` there are other questions to list: those of a file that came, or of the other source.
    """

    source: gr.Radio
    outputs: Sequence[Any]
    show: Callable[[], dict[Any, Any]]
    arrivals: Sequence[gr.events.Dependency]


def build_asked_view(studio: Studio) -> AskedView:
    with gr.Row(elem_classes="asked-line"):
        source = gr.Radio(
            [(UNSEEN, HELD_OUT)], value=HELD_OUT, label="Take a question from", visible=False, elem_id="asked-source",
            scale=3, min_width=220,
        )  # fmt: skip
        upload = gr.UploadButton(
            "Questions from a file …",
            file_types=list(SUFFIXES),
            size="sm",
            elem_id="asked-file",
            scale=1,
            min_width=180,
        )
    words = gr.HTML(elem_id="asked-words")

    def look(asked: Asked | None, chosen: str) -> dict[Any, Any]:
        choices = [(UNSEEN, HELD_OUT)] + ([(f"{_cut(asked.name)} ({len(asked.questions)})", FILE)] if asked else [])
        return {source: gr.Radio(choices=choices, value=chosen, visible=asked is not None)}

    def show() -> dict[Any, Any]:
        return {**look(open_asked(studio.workspace), HELD_OUT), words: ""}

    @told
    def take(file: str) -> dict[Any, Any]:
        asked = take_asked(studio.workspace, Path(file))
        return {**look(asked, FILE), words: show_note(asked.words)}

    @told
    def tell(chosen: str) -> str:
        asked = open_asked(studio.workspace) if chosen == FILE else None
        return show_note(asked.words if asked else "")

    came = upload.upload(take, upload, [source, words], show_progress="hidden")
    changed = source.input(tell, source, words, show_progress="hidden")
    return AskedView(source, [source, words], show, [came, changed])


def questions_from(studio: Studio, source: str, held_out: Callable[[], list[Conversation]]) -> list[Conversation]:
    """Raises: DataError if the file's questions are gone; what `held_out` raises."""
    if source != FILE:
        return held_out()
    asked = open_asked(studio.workspace)
    if asked is None:
        raise DataError("The questions of the file are gone.", "Bring the file again.")
    return list(asked.questions)


def list_questions(questions: Sequence[Conversation], source: str = HELD_OUT) -> gr.Dropdown:
    """The values are places in `questions`, from 0."""
    choices = [
        (f"{place + 1}. {' '.join(example.prompt[-1].content.split())[:MOST_LETTERS]}", place)
        for place, example in enumerate(questions[:MOST_LISTED])
    ]
    many = len(questions) > MOST_LISTED
    count = f"the first {MOST_LISTED} of {len(questions):,}" if many else f"{len(questions)}"
    label = "Questions of the file" if source == FILE else UNSEEN
    info = "Of the file that you brought." if source == FILE else "Of the held-out part of the data set."
    return gr.Dropdown(choices=choices, value=None, label=f"{label} ({count})", info=f"{info} Type to search.")


def _cut(name: str) -> str:
    return name if len(name) <= MOST_OF_A_NAME else f"{name[:MOST_OF_A_NAME]} …"
