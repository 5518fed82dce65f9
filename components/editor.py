"""One example, message by message, to be changed by hand. What is changed is a draft until it is kept as a version."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from components.bubbles import SPEAKERS
from components.frame import Studio
from components.notices import told
from studio.data import versions
from studio.data.conversation import Conversation, Message
from studio.data.datasets import Dataset, open_dataset
from studio.errors import DataError

MOST_BOXES = 12


@dataclass(frozen=True)
class Editor:
    """`open` gives the updates that show an example; `kept` is the event after which its draft stands."""

    outputs: list[Any]
    row: gr.Textbox
    open: Callable[[Dataset, int], dict[Any, Any]]
    close: Callable[[], dict[Any, Any]]
    kept: gr.events.Dependency


def build_editor(studio: Studio, current: gr.Textbox, elem_id: str) -> Editor:
    """`current` holds the data set's ref."""
    row = gr.Textbox(visible=False)
    with gr.Column(visible=False, elem_id=elem_id) as column:
        title = gr.HTML()
        boxes = [gr.Textbox(lines=2, max_lines=20, visible=False, elem_id=f"{elem_id}-{n}") for n in range(MOST_BOXES)]
        with gr.Row():
            keep = gr.Button("Keep this change", variant="primary", size="sm", elem_id=f"{elem_id}-keep")
            more = gr.Button("Add a turn", size="sm", elem_id=f"{elem_id}-more")
            leave = gr.Button("Leave it as it was", size="sm", elem_id=f"{elem_id}-leave")

    def open_row(dataset: Dataset, number: int) -> dict[Any, Any]:
        conversation = as_drafted(dataset, number)
        known = conversation.messages[:MOST_BOXES]
        fields = [gr.Textbox(value=m.content, label=SPEAKERS[m.role], visible=True) for m in known]
        fields += [gr.Textbox(value="", visible=False)] * (MOST_BOXES - len(known))
        rest = len(conversation.messages) - len(known)
        note = f" Its last {rest} messages stay as they are." if rest > 0 else ""
        return {
            row: str(number),
            column: gr.Column(visible=True),
            title: f"<h3>Example {number + 1}</h3><p class='fine'>What you change is kept as a new version.{note}</p>",
            **dict(zip(boxes, fields, strict=True)),
        }

    def close() -> dict[Any, Any]:
        return {row: "", column: gr.Column(visible=False)}

    @told
    def keep_change(ref: str, number: str, *texts: str) -> Any:
        dataset = open_dataset(studio.workspace, ref)
        before = as_drafted(dataset, int(number))
        messages = _write_into(before.messages, [text or "" for text in texts])
        if not messages:
            raise DataError("An example without a word is none.", "Write a question and an answer, or leave it.")
        if messages != before.messages:
            versions.write_draft(dataset, int(number), replace(before, messages=messages))
        return gr.Column(visible=False)

    def add_turn(*texts: str) -> list[Any]:
        """The next hidden box: who speaks in it is the other side."""
        used = max((n + 1 for n, text in enumerate(texts) if text), default=0)
        new = min(used, MOST_BOXES - 1)
        speaker = SPEAKERS["user" if new % 2 == 0 else "assistant"]
        return [gr.Textbox(visible=True, label=speaker) if n == new else gr.skip() for n in range(MOST_BOXES)]

    kept = keep.click(keep_change, [current, row, *boxes], column, show_progress="hidden")
    more.click(add_turn, boxes, boxes, show_progress="hidden", queue=False)
    leave.click(lambda: gr.Column(visible=False), None, column, show_progress="hidden", queue=False)
    return Editor([row, column, title, *boxes], row, open_row, close, kept)


def _write_into(messages: tuple[Message, ...], texts: list[str]) -> tuple[Message, ...]:
    """The messages with these texts; those beyond them are turns that were added, those without a word go."""
    written = [replace(m, content=texts[n]) if n < len(texts) else m for n, m in enumerate(messages)]
    for text in texts[len(messages) :]:
        if text.strip():
            is_answer = bool(written) and written[-1].role == "user"
            written.append(Message("assistant" if is_answer else "user", text))
    return tuple(message for message in written if message.content.strip() or message.tool_calls)


def as_drafted(dataset: Dataset, row: int) -> Conversation:
    """The example as it was changed last; a new one has an empty question and an empty answer."""
    draft = versions.read_drafts(dataset).changed.get(row)
    if draft is not None:
        return draft
    found = dataset.rows([row])
    head = (Message("system", dataset.system),) if dataset.system else ()
    return found[0][0] if found else Conversation((*head, Message("user", ""), Message("assistant", "")), row)
