"""Who answers, and a pane for each of them."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from components.turns import Turns
from studio.compare.voices import MOST, Voice, list_voices, read_chosen, title_of_voice
from studio.errors import ModelError
from studio.runs import Run, workspace_of
from studio.workspace import Workspace

HEIGHT = 380
EMPTY = "The answer comes here."
JOINS = "New here. It answers from your next question on, and has not heard what was said before."


@dataclass(frozen=True)
class PanesView:
    """`who` holds the keys of the voices, in the order of the panes; panes beyond them are not seen.

    `seated` holds, as JSON, the keys of those whose words stand in the panes.
    """

    who: gr.Dropdown
    panes: Sequence[gr.Chatbot]
    seated: gr.Textbox

    @property
    def outputs(self) -> list[gr.components.Component]:
        return [self.who, self.seated, *self.panes]

    def voices(self, keys: Sequence[str] | None) -> list[Voice]:
        """Raises: ModelError if nobody is chosen."""
        if not keys:
            raise ModelError("Nobody is chosen.", "Choose above the panes who answers.")
        return [Voice.parse(key) for key in keys[:MOST]]

    def show(self, run: Run, said: Sequence[Turns] | None = None) -> dict[Any, Any]:
        """Those who were chosen for this run the last time; what stands in the panes stays, unless `said` is given."""
        chosen = read_chosen(run)
        who = gr.Dropdown(choices=_choices(run), value=[voice.key for voice in chosen])
        return {self.who: who, **self.title(workspace_of(run.folder), chosen, said)}

    def offer(self, run: Run) -> dict[Any, Any]:
        """Who can be chosen now; who is stays."""
        return {self.who: gr.Dropdown(choices=_choices(run))}

    def title(
        self,
        workspace: Workspace,
        voices: Sequence[Voice],
        said: Sequence[Turns] | None = None,
        new: Collection[int] = (),
    ) -> dict[Any, Any]:
        """A pane for each, called by who answers in it; those in the places `new` say that they join here."""
        shown: dict[Any, Any] = {self.seated: json.dumps([voice.key for voice in voices])}
        for place, pane in enumerate(self.panes):
            more: dict[str, Any] = (
                {} if said is None else {"value": said[place], "placeholder": JOINS if place in new else EMPTY}
            )
            if place < len(voices):
                more["label"] = title_of_voice(workspace, voices[place])
            shown[pane] = gr.Chatbot(visible=place < len(voices), **more)
        return shown

    def seat(self, workspace: Workspace, voices: Sequence[Voice], seated: str, said: Sequence[Turns]) -> dict[Any, Any]:
        """Others were chosen: who stays keeps what was said, wherever its pane is now; who is new begins with nothing.

        Args:
            seated: As the page holds it, who said in the panes what `said` has.
        """
        known: dict[str, Turns] = dict(zip(json.loads(seated or "[]"), said, strict=False))
        turns = [known.get(voice.key, []) for voice in voices]
        new = [place for place, words in enumerate(turns) if any(turns) and not words]
        return self.title(workspace, voices, [*turns, *self.silence[len(turns) :]], new)

    def say(self, turns: Turns) -> dict[Any, Any]:
        """The same in all of them."""
        more: dict[str, Any] = {"value": list(turns), "placeholder": EMPTY}
        return {pane: gr.Chatbot(**more) for pane in self.panes}

    @property
    def silence(self) -> list[Turns]:
        return [[] for _ in self.panes]


def _choices(run: Run) -> list[tuple[str, str]]:
    workspace = workspace_of(run.folder)
    return [(title_of_voice(workspace, voice), voice.key) for voice in list_voices(workspace, run)]


def build_panes_view() -> PanesView:
    who = gr.Dropdown(
        label="Who answers", multiselect=True, max_choices=MOST, elem_id="who", interactive=True,
        info="Up to four: the base, this run, its checkpoints and exported files, other runs.",
    )  # fmt: skip
    with gr.Row(equal_height=True):
        panes = [_build_pane(place) for place in range(MOST)]
    return PanesView(who, panes, gr.Textbox(visible=False))


def _build_pane(place: int) -> gr.Chatbot:
    return gr.Chatbot(
        label=("Before", "After")[place] if place < 2 else "", elem_id=f"pane-{place + 1}", height=HEIGHT,
        render_markdown=False, buttons=[], min_width=280, editable="user", visible=place < 2,
        placeholder=EMPTY,
    )  # fmt: skip
