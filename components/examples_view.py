"""All examples: searched, filtered, edited, added and dropped by hand; kept together as a new version."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

import gradio as gr

from components.actions import action, build_actions, pager, pressed
from components.bubbles import show_conversation
from components.editor import build_editor
from components.frame import DataView, Shown, Studio
from components.notices import told
from studio.data import versions
from studio.data.conversation import Conversation
from studio.data.datasets import Dataset, open_dataset

ROWS_A_PAGE = 5
SIDES = {
    "": "all",
    "train": "to learn from",
    "validation": "watched while training",
    "test": "held out",
    "left_out": "left out",
}


def build_examples_view(studio: Studio, data: Shown) -> DataView:
    with gr.Row():
        words = gr.Textbox(label="Search", elem_id="search", scale=3, min_width=140)
        side = gr.Dropdown([(v, k) for k, v in SIDES.items()], value="", label="Part", elem_id="side", min_width=110)
        tag = gr.Dropdown(label="Tag", elem_id="tag", min_width=110, visible=False, interactive=True)
    page = gr.Textbox("0", visible=False)
    editor = build_editor(studio, data.ref, "edit")
    listed = build_actions(elem_id="examples")
    filters = [words, side, tag]

    def show(dataset: Dataset, base: str) -> dict[Any, Any]:
        tags = _tags(dataset)
        return {
            words: "",
            side: "",
            tag: gr.Dropdown(choices=[("all", ""), *((t, t) for t in tags)], value="", visible=bool(tags)),
            page: "0",
            **editor.close(),
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
        yield {data.arrived: ""}
        if done == "edit":
            yield editor.open(dataset, int(of))
            return
        if done == "add":
            yield editor.open(dataset, versions.new_row(dataset))
            return
        if done == "keep-all":
            yield {data.arrived: versions.keep_drafts(studio.workspace, dataset).ref}
            return
        if done == "drop":
            versions.write_draft(dataset, int(of), None)
        elif done == "undo":
            versions.forget_draft(dataset, int(of))
        elif done == "forget-all":
            versions.forget_draft(dataset)
        yield show_list(dataset, found, int(of) if done == "page" else int(number))

    @told
    def show_again(ref: str, number: str, *found: str) -> Any:
        return show_list(open_dataset(studio.workspace, ref), _clean(found), int(number))

    at = [data.ref, page, *filters]
    listing = [listed, page]
    shown = [*filters, page, listed, *editor.outputs]
    gr.on([words.submit, side.input, tag.input], search, [data.ref, *filters], listing, show_progress="hidden")
    words.input(search, [data.ref, *filters], listing, show_progress="hidden", trigger_mode="always_last")
    data.arrivals.append(listed.click(act, at, [*shown, data.arrived], show_progress="hidden"))
    editor.kept.success(show_again, at, listing, show_progress="hidden")
    return DataView(shown, show)


def _clean(found: tuple[Any, ...]) -> tuple[str, str, str]:
    words, side, tag = (str(value or "") for value in found)
    return words.strip(), side, tag


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
