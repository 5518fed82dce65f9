"""The versions of a data set: what each did, which is worked with, and what differs between two."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import islice
from typing import Any

import gradio as gr

from components.actions import action, build_actions, pager, pressed
from components.difference import show_difference
from components.frame import DataView, Shown, Studio
from components.notices import told
from studio.data import versions
from studio.data.datasets import Dataset, open_dataset

ROWS_A_PAGE = 5
MOST_COUNTED = 2_000  # differences: to count them all would mean to read both versions to their ends


def build_versions_view(studio: Studio, data: Shown) -> DataView:
    listed = build_actions(elem_id="versions")
    with gr.Row():
        old = gr.Dropdown(label="Compare", elem_id="old-version", interactive=True, min_width=110)
        new = gr.Dropdown(label="with", elem_id="new-version", interactive=True, min_width=110)
    compared = build_actions(elem_id="differences")

    def show(dataset: Dataset, base: str) -> dict[Any, Any]:
        known = versions.list_versions(studio.workspace, dataset.name)
        names = [(_title(version), version.version) for version in known]
        before = str(dataset.description.get("from", known[0].version))
        return {
            listed: _show_list(known, dataset),
            old: gr.Dropdown(choices=names, value=before, visible=len(known) > 1),
            new: gr.Dropdown(choices=names, value=dataset.version, visible=len(known) > 1),
            compared: _compare(studio, dataset.name, before, dataset.version, 0) if len(known) > 1 else "",
        }

    @told
    def act(ref: str, event: gr.EventData) -> Iterator[Any]:
        dataset = open_dataset(studio.workspace, ref)
        _, version = pressed(event)
        taken = open_dataset(studio.workspace, f"{dataset.name}@{version}")
        versions.use_version(dataset, taken.version)
        yield {data.arrived: taken.ref}

    @told
    def compare(ref: str, before: str, after: str) -> str:
        return _compare(studio, ref.partition("@")[0], before, after, 0)

    @told
    def turn(ref: str, before: str, after: str, event: gr.EventData) -> str:
        return _compare(studio, ref.partition("@")[0], before, after, int(pressed(event)[1]))

    data.arrivals.append(listed.click(act, data.ref, [data.arrived], show_progress="hidden"))
    gr.on([old.input, new.input], compare, [data.ref, old, new], compared, show_progress="hidden")
    compared.click(turn, [data.ref, old, new], compared, show_progress="hidden")
    return DataView([listed, old, new, compared], show)


def _title(version: Dataset) -> str:
    return "as read" if version.version == "v0" else version.version


def _show_list(known: list[Dataset], current: Dataset) -> str:
    items = ""
    for version in reversed(known):
        is_current = version.version == current.version
        did = "; ".join(version.description.get("did", [])) or "the file as it was read, never changed"
        since = version.description.get("from")
        after = f" after {'the file as read' if since == 'v0' else since}" if since not in (None, "v0") else ""
        take = (
            "<em>worked with now</em>"
            if is_current
            else action("use", "Work with this one", version.version, title=f"Work with {_title(version)}")
        )
        undo = (
            action("use", "Undo", str(since), title="Undo: work with the version before")
            if is_current and since
            else ""
        )
        items += (
            f'<li class="{"now" if is_current else ""}"><strong>{_title(version)}</strong>{after} '
            f"{version.description['examples']:,} examples. {escape(did)}. <span class='acts'>{take} {undo}</span></li>"
        )
    return f"<ol class='versions' reversed start='{len(known) - 1}'>{items}</ol>"


def _compare(studio: Studio, name: str, before: str, after: str, page: int) -> str:
    if not before or not after or before == after:
        return '<p class="fine">Pick two versions to see what differs.</p>'
    one, other = (open_dataset(studio.workspace, f"{name}@{version}") for version in (before, after))
    found = list(islice(versions.differences(one, other), MOST_COUNTED))
    if not found:
        return '<p class="fine">The two hold the same examples.</p>'
    counts = {
        "gone": sum(each.after is None for each in found),
        "new": sum(each.before is None for each in found),
        "changed": sum(bool(each.before and each.after and each.before[0] != each.after[0]) for each in found),
        "moved": sum(bool(each.before and each.after and each.before[1] != each.after[1]) for each in found),
    }
    more = " or more" if len(found) == MOST_COUNTED else ""
    words = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
    pages = -(-len(found) // ROWS_A_PAGE)
    page = min(max(0, page), pages - 1)
    here = found[page * ROWS_A_PAGE : (page + 1) * ROWS_A_PAGE]
    turn = pager(
        page, pages, f"{page * ROWS_A_PAGE + 1:,} to {page * ROWS_A_PAGE + len(here):,} of {len(found):,}{more}"
    )
    return f"<h3>{words}</h3>{turn}" + "".join(map(show_difference, here))
