"""Conversations that are kept: under which name, opened again, taken along."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import gradio as gr
from gradio.blocks import Block

from components.frame import RunView, Studio, open_picked
from components.kept_taken import build_taken_view
from components.notices import show_note, told
from components.turns import Turns, messages_of, turn_of
from studio.compare import kept as keeping
from studio.compare.kept import NAME_LENGTH, Broken, Kept, Pane, Setup
from studio.runs import Run, open_run

MOST_LETTERS = 60
KEEP = "Keep this conversation"
ASIDE = f"The file lies in the run’s folder, under {keeping.FOLDER}/{keeping.REMOVED}, until the run is deleted."
Given = dict[Any, Any]


@dataclass(frozen=True)
class KeptForm:
    """The conversation on the page.

    `described` tells, of the values of `fields`, who answers in each pane that is seen, in their order, as panes in
    which nothing is said, and how they are asked. `fill` gives the values of `panes` and of `filled` (such as who
    answers, and the instruction) for one that is opened, whose turns stand beside it, one list a pane; without it the
    panes alone are filled.
    """

    panes: Sequence[gr.Chatbot]
    fields: set[Block]
    described: Callable[[Given], tuple[Sequence[Pane], Setup]]
    filled: Sequence[Block] = ()
    fill: Callable[[Kept, Sequence[Turns]], Given] | None = None


def build_kept_view(studio: Studio, run: gr.Dropdown, form: KeptForm) -> RunView:
    """Build it below the panes; `run` holds the id of the run that is picked."""
    with gr.Accordion(KEEP, open=False, elem_id="keep") as fold:
        with gr.Row(elem_classes="kept-line"):
            name = gr.Textbox(
                label="Name", max_length=NAME_LENGTH, max_lines=1, placeholder="Empty: its first question",
                elem_id="keep-name", scale=4, min_width=200,
            )  # fmt: skip
            keep = gr.Button("Keep", size="md", elem_id="keep-it", scale=1, min_width=110)
        with gr.Column(visible=False, elem_id="kept") as some:
            with gr.Row(elem_classes="kept-line"):
                listed = gr.Dropdown(label="Kept", interactive=True, elem_id="kept-list", scale=4, min_width=200)
                reopen = gr.Button("Open", size="md", elem_id="kept-open", scale=1, min_width=110)
            with gr.Row(elem_classes="kept-line"):
                other = gr.Textbox(
                    label="Its name", max_length=NAME_LENGTH, max_lines=1, elem_id="kept-name", scale=3, min_width=200
                )
                change = gr.Button("Rename", size="md", elem_id="kept-rename", scale=1, min_width=110)
                away = gr.Button("Remove", size="md", elem_id="kept-remove", scale=1, min_width=110)
            taken = build_taken_view(studio, run, listed)
        undo = gr.Button(visible=False, elem_id="kept-undo", size="sm")
        state = gr.HTML(elem_id="kept-state")
    outputs = [fold, name, some, listed, other, undo, state, *taken.outputs]

    def look(of: Run, kept_id: str | None, said: str = "", kind: str = "note") -> Given:
        """All of it as it is on the disk, at the one of this id, else at the newest."""
        found = keeping.list_kept(of)
        picked = next((each for each in found if each.id == kept_id), next(iter(found), None))
        removed = keeping.last_removed(of)
        return {
            fold: gr.Accordion(label=f"{KEEP} ({len(found)} kept)" if found else KEEP),
            some: gr.Column(visible=bool(found)),
            listed: gr.Dropdown(
                choices=[(title_of(each), each.id) for each in found], value=picked.id if picked else None
            ),
            undo: gr.Button(f"Bring back “{cut(removed.name)}”" if removed else "", visible=removed is not None),
            state: show_note(said, kind),
            **look_at(picked),
        }

    def look_at(picked: Kept | Broken | None) -> Given:
        if not isinstance(picked, Kept):
            return {other: gr.Textbox("", interactive=False), **taken.show(())}
        return {other: gr.Textbox(picked.name, interactive=True), **taken.show(picked.panes)}

    def show(run_id: str | None) -> Given:
        if run_id:
            return look(open_run(studio.workspace, run_id), None)
        hidden = {some: gr.Column(visible=False), undo: gr.Button(visible=False)}
        return {fold: gr.Accordion(label=KEEP), listed: gr.Dropdown(choices=[], value=None), state: "", **hidden}

    @told
    def put(given: Given) -> Given:
        chosen = open_picked(studio, given[run])
        seen, setup = form.described(given)
        said = [
            replace(one, messages=messages_of(given[chat] or [], ""))
            for one, chat in zip(seen, form.panes, strict=False)
        ]
        kept = keeping.keep(chosen, given[name] or "", said, setup)
        return {**look(chosen, kept.id, f"Kept as “{kept.name}”.", "good"), name: ""}

    @told
    def open_again(given: Given) -> Given:
        chosen = open_picked(studio, given[run])
        kept = keeping.open_kept(chosen, given[listed] or "")
        seen, _ = form.described(given)
        shown = len(form.panes) if form.fill else len(seen)
        turns = [turns_of(one) for one in kept.panes[:shown]]
        turns += [[] for _ in range(len(form.panes) - len(turns))]
        filled = form.fill(kept, turns) if form.fill else dict(zip(form.panes, turns, strict=True))
        return {**filled, state: show_note(words_of_opening(kept, [one.title for one in seen], shown))}

    @told
    def call(run_id: str | None, kept_id: str | None, wish: str) -> Given:
        chosen = open_picked(studio, run_id)
        kept = keeping.rename(chosen, kept_id or "", wish)
        return look(chosen, kept.id, f"It is called “{kept.name}” now.", "good")

    @told
    def put_aside(run_id: str | None, kept_id: str | None) -> Given:
        chosen = open_picked(studio, run_id)
        gone = next((each.name for each in keeping.list_kept(chosen) if each.id == kept_id), "")
        keeping.remove(chosen, kept_id or "")
        return look(chosen, None, f"“{gone}” is removed. {ASIDE}")

    @told
    def bring_back(run_id: str | None) -> Given:
        chosen = open_picked(studio, run_id)
        back = keeping.bring_back(chosen)
        return look(chosen, back.id, f"“{back.name}” is back.", "good")

    @told
    def pick(run_id: str | None, kept_id: str | None) -> Given:
        found = keeping.list_kept(open_picked(studio, run_id))
        picked = next((each for each in found if each.id == kept_id), None)
        return {**look_at(picked), state: show_note(_words_of(picked))}

    quiet: dict[str, Any] = {"show_progress": "hidden"}
    conversation = {run, *form.fields, *form.panes}
    gr.on([keep.click, name.submit], put, {name, *conversation}, outputs, **quiet)
    reopen.click(open_again, {listed, *conversation}, [*form.panes, *form.filled, state], **quiet)
    gr.on([change.click, other.submit], call, [run, listed, other], outputs, **quiet)
    away.click(put_aside, [run, listed], outputs, **quiet)
    undo.click(bring_back, run, outputs, **quiet)
    listed.input(pick, [run, listed], [other, state, *taken.outputs], **quiet)
    return RunView(outputs, show)


def turns_of(pane: Pane) -> Turns:
    return [turn_of(said.role, said.content) for said in pane.messages]


def title_of(kept: Kept | Broken) -> str:
    if isinstance(kept, Broken):
        return kept.name
    return f"{cut(kept.name)}, {_moment(kept):%d %b %Y %H:%M}"


def words_of_opening(kept: Kept, seen: Sequence[str], shown: int) -> str:
    """`seen`: who answers in the panes now; `shown`: how many of them are seen."""
    words = [f"“{kept.name}” is open, as it was kept on {_moment(kept):%d %b %Y, %H:%M}."]
    said_by = [one.title for one in kept.panes]
    if said_by[:shown] != list(seen)[: len(said_by)]:
        names = "; ".join(f"{place}. {title}" for place, title in enumerate(said_by, start=1))
        words.append(f"It was said by: {names}. What you ask next is answered by those that the panes name.")
    if len(said_by) > shown:
        words.append(f"The first {shown} of its {len(said_by)} panes are seen; what is exported holds all.")
    return " ".join(words)


def cut(text: str) -> str:
    return text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]} …"


def _words_of(picked: Kept | Broken | None) -> str:
    return f"It cannot be read: {picked.reason}. It stays where it is." if isinstance(picked, Broken) else ""


def _moment(kept: Kept) -> datetime:
    """On the clock of this machine."""
    return datetime.fromisoformat(kept.at).astimezone()
