"""All examples: searched, filtered, edited, added and dropped by hand; kept together as a new version."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import gradio as gr

from components.actions import action, build_actions, pager, pressed
from components.bubbles import SPEAKERS, show_conversation
from components.frame import Studio
from components.notices import told
from studio.data import versions
from studio.data.conversation import Conversation, Message
from studio.data.datasets import Dataset, open_dataset
from studio.errors import DataError

ROWS_A_PAGE = 5
MOST_BOXES = 12
SIDES = {"": "all", "train": "to learn from", "validation": "watched", "test": "held out", "left_out": "left out"}


@dataclass(frozen=True)
class ExamplesView:
    outputs: list[Any]
    show: Callable[[Dataset], dict[Any, Any]]


def build_examples_view(
    studio: Studio, current: gr.Textbox, arrive: Callable[[gr.events.Dependency], None]
) -> ExamplesView:
    """`current` holds the data set's ref; `arrive` is called with an event that has changed it."""
    with gr.Row():
        words = gr.Textbox(label="Search", elem_id="search", scale=3, min_width=140)
        side = gr.Dropdown([(v, k) for k, v in SIDES.items()], value="", label="Part", elem_id="side", min_width=110)
        tag = gr.Dropdown(label="Tag", elem_id="tag", min_width=110, visible=False, interactive=True)
    page = gr.Textbox("0", visible=False)
    editing = gr.Textbox(visible=False)
    with gr.Column(visible=False, elem_id="editor") as editor:
        title = gr.HTML()
        boxes = [gr.Textbox(lines=2, max_lines=20, visible=False, elem_id=f"edit-{n}") for n in range(MOST_BOXES)]
        with gr.Row():
            keep = gr.Button("Keep this change", variant="primary", size="sm", elem_id="edit-keep")
            more = gr.Button("Add a turn", size="sm", elem_id="edit-more")
            leave = gr.Button("Leave it as it was", size="sm", elem_id="edit-leave")
    listed = build_actions(elem_id="examples")
    filters = [words, side, tag]

    def show(dataset: Dataset) -> dict[Any, Any]:
        tags = _tags(dataset)
        return {
            words: "",
            side: "",
            tag: gr.Dropdown(choices=[("all", ""), *((t, t) for t in tags)], value="", visible=bool(tags)),
            page: "0",
            editing: "",
            editor: gr.Column(visible=False),
            listed: _show_list(dataset, "", "", "", 0),
        }

    def show_list(dataset: Dataset, found: tuple[str, str, str], number: int) -> dict[Any, Any]:
        return {listed: _show_list(dataset, *found, number), page: str(number)}

    @told
    def search(ref: str, *found: str) -> Any:
        return show_list(open_dataset(studio.workspace, ref), _clean(found), 0)

    @told
    def act(ref: str, number: str, asked: str, part: str, tagged: str, event: gr.EventData) -> Iterator[Any]:
        dataset, found = open_dataset(studio.workspace, ref), _clean((asked, part, tagged))
        done, of = pressed(event)
        if done == "edit":
            yield open_editor(dataset, int(of))
            return
        if done == "add":
            yield open_editor(dataset, versions.new_row(dataset))
            return
        if done == "keep-all":
            yield {current: versions.keep_drafts(studio.workspace, dataset).ref}
            return
        if done == "drop":
            versions.write_draft(dataset, int(of), None)
        elif done == "undo":
            versions.forget_draft(dataset, int(of))
        elif done == "forget-all":
            versions.forget_draft(dataset)
        yield show_list(dataset, found, int(of) if done == "page" else int(number))

    def open_editor(dataset: Dataset, row: int) -> dict[Any, Any]:
        conversation = _as_drafted(dataset, row)
        known = conversation.messages[:MOST_BOXES]
        fields = [
            gr.Textbox(value=message.content, label=SPEAKERS[message.role], visible=True)
            if message
            else gr.Textbox(value="", visible=False)
            for message in [*known, *[None] * (MOST_BOXES - len(known))]
        ]
        rest = len(conversation.messages) - len(known)
        note = f" Its last {rest} messages stay as they are." if rest > 0 else ""
        return {
            editing: str(row),
            editor: gr.Column(visible=True),
            title: f"<h3>Example {row + 1}</h3><p class='fine'>What you change is kept as a new version.{note}</p>",
            **dict(zip(boxes, fields, strict=True)),
        }

    @told
    def keep_change(ref: str, row: str, asked: str, part: str, tagged: str, number: str, *texts: str) -> Any:
        dataset = open_dataset(studio.workspace, ref)
        before = _as_drafted(dataset, int(row))
        written = [text or "" for text in texts]
        count = max(len(before.messages), max((n + 1 for n, text in enumerate(written) if text.strip()), default=0))
        messages = tuple(
            replace(before.messages[n], content=written[n] if n < MOST_BOXES else before.messages[n].content)
            if n < len(before.messages)
            else Message("user" if _speaks_next(before, n) else "assistant", written[n])
            for n in range(count)
        )
        messages = tuple(message for message in messages if message.content.strip() or message.tool_calls)
        if not messages:
            raise DataError("An example without a word is none.", "Write a question and an answer, or leave it.")
        versions.write_draft(dataset, int(row), replace(before, messages=messages))
        listing = show_list(dataset, _clean((asked, part, tagged)), int(number))
        return {**listing, editing: "", editor: gr.Column(visible=False)}

    def add_turn(*texts: str) -> list[Any]:
        """The next hidden box: who speaks in it is the other side."""
        used = max((n + 1 for n, text in enumerate(texts) if text), default=0)
        new = min(used, MOST_BOXES - 1)
        speaker = SPEAKERS["user" if new % 2 == 0 else "assistant"]
        return [gr.Textbox(visible=True, label=speaker) if n == new else gr.skip() for n in range(MOST_BOXES)]

    at = [current, page, *filters]
    listing = [listed, page]
    shown = [*filters, page, editing, editor, title, *boxes, listed]
    gr.on([words.submit, side.input, tag.input], search, [current, *filters], listing, show_progress="hidden")
    words.input(search, [current, *filters], listing, show_progress="hidden", trigger_mode="always_last")
    arrive(listed.click(act, at, [*shown, current], show_progress="hidden"))
    keep.click(
        keep_change,
        [current, editing, *filters, page, *boxes],
        [listed, page, editing, editor],
        show_progress="hidden",
    )
    more.click(add_turn, boxes, boxes, show_progress="hidden", queue=False)
    leave.click(lambda: ("", gr.Column(visible=False)), None, [editing, editor], show_progress="hidden", queue=False)
    return ExamplesView(shown, show)


def _clean(found: tuple[Any, ...]) -> tuple[str, str, str]:
    words, side, tag = (str(value or "") for value in found)
    return words.strip(), side, tag


def _speaks_next(conversation: Conversation, number: int) -> bool:
    """Whether the message of that number, beyond those there are, is the user's."""
    last = conversation.messages[-1].role if conversation.messages else "assistant"
    return ((number - len(conversation.messages)) % 2 == 0) == (last != "user")


def _as_drafted(dataset: Dataset, row: int) -> Conversation:
    """The example as it was changed last; a new one has an empty question and an empty answer."""
    draft = versions.read_drafts(dataset).changed.get(row)
    if draft is not None:
        return draft
    found = dataset.rows([row])
    head = (Message("system", dataset.system),) if dataset.system else ()
    return found[0][0] if found else Conversation((*head, Message("user", ""), Message("assistant", "")), row)


def _tags(dataset: Dataset) -> list[str]:
    """Tags with few values, as "name: value"; they are what one can filter by."""
    values: dict[str, set[str]] = {}
    for number, (conversation, _) in enumerate(dataset.placed()):
        if number == 5_000:
            break
        for name, value in conversation.tags.items():
            values.setdefault(name, set()).add(value)
    return [f"{name}: {value}" for name, known in values.items() if 1 < len(known) <= 30 for value in sorted(known)]


def _show_list(dataset: Dataset, words: str, side: str, tag: str, page: int) -> str:
    drafts = versions.read_drafts(dataset).changed
    rows = list(versions.find_rows(dataset, words, side, tag))
    known = set(rows)
    if not (words or side or tag):
        rows = [*(row for row in sorted(drafts, reverse=True) if row not in known and drafts[row]), *rows]
    pages = max(1, -(-len(rows) // ROWS_A_PAGE))
    page = min(max(0, page), pages - 1)
    here = rows[page * ROWS_A_PAGE : (page + 1) * ROWS_A_PAGE]
    placed = {conversation.row: (conversation, split) for conversation, split in dataset.rows(here)}
    head = f"<p class='acts'>{action('add', 'Add an example')}</p>"
    if drafts:
        what = "1 example is" if len(drafts) == 1 else f"{len(drafts)} examples are"
        head += (
            f'<div class="note">{what} changed by hand, not kept yet. '
            f"{action('keep-all', 'Keep as a new version', kind='first')} "
            f"{action('forget-all', 'Forget the changes')}</div>"
        )
    if not rows:
        return head + '<p class="fine">No example holds that.</p>'
    first = page * ROWS_A_PAGE
    turn = pager(page, pages, f"Examples {first + 1:,} to {first + len(here):,} of {len(rows):,}")
    return (
        head + turn + "".join(_show_example(row, placed.get(row), drafts) for row in here) + (turn if pages > 1 else "")
    )


def _show_example(row: int, placed: tuple[Conversation, str] | None, drafts: dict[int, Conversation | None]) -> str:
    is_draft, draft = row in drafts, drafts.get(row)
    gone = is_draft and draft is None
    conversation = draft or (placed[0] if placed else None)
    if conversation is None:
        return ""
    part = SIDES.get(placed[1], "") if placed else "new"
    tags = " ".join(
        f'<span class="tag">{escape(name)}: {escape(value)}</span>' for name, value in conversation.tags.items()
    )
    state = "dropped, not kept yet" if gone else "changed, not kept yet" if is_draft else ""
    buttons = action("edit", "Edit", row, title=f"Edit example {row + 1}") if not gone else ""
    buttons += (
        action("undo", "Undo", row, title=f"Undo the change of example {row + 1}")
        if is_draft
        else action("drop", "Drop", row, "bad", title=f"Drop example {row + 1}")
    )
    return (
        f'<div class="{"gone" if gone else ""}"><p class="example-head"><strong>{row + 1}</strong> {part} {tags} '
        f"<em>{state}</em><span class='acts'>{buttons}</span></p>{show_conversation(conversation)}</div>"
    )
