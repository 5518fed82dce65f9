"""Talking to the model before and after, and to others, side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from components.asked_view import list_questions
from components.frame import RunView, Studio, open_picked
from components.how_view import HowView
from components.kept_view import KeptForm, build_kept_view
from components.notices import show_note, told
from components.panes_view import PanesView
from components.talk_asking import at_rest, connect_asking
from components.talk_page import TAKE, build_talk_page
from components.talk_questions import connect_questions, list_held_out
from components.talk_reading import connect_reading
from components.turns import Turns
from studio.compare.kept import Kept, Pane, Setup
from studio.compare.voices import Voice, is_there, keep_chosen, title_of_voice
from studio.data.datasets import open_dataset
from studio.errors import DataError
from studio.runs import Run, open_run

NOBODY = "There is no trained run yet. Train one first; it can then be asked here."


@dataclass(frozen=True)
class TalkView(RunView):
    """`fresh` also empties the panes; `offer` only lists anew who could answer."""

    fresh: Callable[[str | None], dict[Any, Any]]
    offer: Callable[[str], dict[Any, Any]]


def build_talk_view(studio: Studio, run: gr.Dropdown) -> TalkView:
    """Build it below `run`, which holds the id of the run that is picked."""
    page = build_talk_page(studio, run)
    shown, how = page.shown, page.how
    kept = build_kept_view(studio, run, _kept_form(studio, shown, how))
    connect_asking(studio, page)
    connect_questions(studio, page)
    connect_reading(studio, page)

    @told
    def choose(run_id: str | None, keys: list[str], seated: str, *said: Turns) -> dict[Any, Any]:
        chosen = open_picked(studio, run_id)
        voices = [Voice.parse(key) for key in keys]
        keep_chosen(chosen, voices)
        return {**shown.seat(studio.workspace, voices, seated, said), **page.silent()}

    def show(run_id: str | None) -> dict[Any, Any]:
        if not run_id:
            return {
                page.state: show_note(NOBODY),
                how.system: "",
                page.send: gr.Button(interactive=False),
                page.listed: list_questions([]),
                **kept.show(None),
            }
        return {**shown.show(open_run(studio.workspace, run_id)), **asking(run_id)}

    def asking(run_id: str) -> dict[Any, Any]:
        chosen = open_run(studio.workspace, run_id)
        return {
            **of_the_data(chosen), page.send: gr.Button(interactive=True),
            page.unseen: gr.Button(TAKE), **page.asked_of.show(), **kept.show(run_id),
        }  # fmt: skip

    def of_the_data(chosen: Run) -> dict[Any, Any]:
        """Talking needs none of it."""
        try:
            system = open_dataset(studio.workspace, chosen.recipe.data).system
            return {page.state: "", how.system: system, page.listed: list_held_out(studio, chosen)}
        except DataError as error:
            said = f"{error.what} What you write is answered without its instruction and its questions."
            return {page.state: show_note(said), how.system: "", page.listed: list_questions([])}

    def fresh(run_id: str | None) -> dict[Any, Any]:
        emptied = {page.wanted: "", **page.silent()}
        if not run_id:
            return {**emptied, **shown.say([]), **show(None)}
        chosen = open_run(studio.workspace, run_id)
        return {**emptied, **asking(run_id), **at_rest(page), **shown.show(chosen, shown.silence)}

    def offer(run_id: str) -> dict[Any, Any]:
        return shown.offer(open_run(studio.workspace, run_id))

    told_of = [*shown.panes, shown.seated, *page.told_of]
    shown.who.input(
        choose,
        [run, shown.who, shown.seated, *shown.panes],
        told_of,
        show_progress="hidden",
        trigger_mode="always_last",
    )
    asked = [page.send, page.stop, page.unseen, page.listed, page.wanted, *page.told_of]
    outputs = [how.system, *asked, *shown.outputs, *page.asked_of.outputs, *kept.outputs]
    return TalkView(outputs, show, fresh, offer)


def _kept_form(studio: Studio, shown: PanesView, how: HowView) -> KeptForm:
    def describe(given: dict[Any, Any]) -> tuple[Sequence[Pane], Setup]:
        voices = shown.voices(given[shown.who])
        panes = [Pane(title_of_voice(studio.workspace, voice), (), voice.key) for voice in voices]
        return panes, how.setup_of(given)

    def fill(kept: Kept, turns: Sequence[Turns]) -> dict[Any, Any]:
        """Who said it is chosen again, if all of them are still there."""
        filled: dict[Any, Any] = how.fill(kept.setup)
        if all(is_there(studio.workspace, pane.voice) for pane in kept.panes):
            voices = [Voice.parse(pane.voice) for pane in kept.panes]
            filled |= {shown.who: [voice.key for voice in voices], **shown.title(studio.workspace, voices, turns)}
        else:
            filled |= dict(zip(shown.panes, turns, strict=True))
        return filled

    filled = [shown.who, shown.seated, *how.fields]
    return KeptForm(shown.panes, {shown.who, *how.fields}, describe, filled, fill)
