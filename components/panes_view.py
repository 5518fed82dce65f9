"""Who answers, and a pane for each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from components.turns import Turns
from studio.compare.voices import MOST, Voice, list_voices, read_chosen, title_of_voice
from studio.errors import ModelError
from studio.runs import Run, workspace_of
from studio.workspace import Workspace

HEIGHT = 380


@dataclass(frozen=True)
class PanesView:
    """`who` holds the keys of the voices, in the order of the panes; panes beyond them are not seen."""

    who: gr.Dropdown
    panes: Sequence[gr.Chatbot]

    @property
    def outputs(self) -> list[gr.components.Component]:
        return [self.who, *self.panes]

    def voices(self, keys: Sequence[str] | None) -> list[Voice]:
        """Raises: ModelError if nobody is chosen."""
        if not keys:
            raise ModelError("Nobody is chosen.", "Choose above the panes who answers.")
        return [Voice.parse(key) for key in keys[:MOST]]

    def show(self, run: Run, said: Sequence[Turns] | None = None) -> dict[Any, Any]:
        """Those who were chosen for this run the last time; what stands in the panes stays, unless `said` is given."""
        workspace = workspace_of(run.folder)
        choices = [(title_of_voice(workspace, voice), voice.key) for voice in list_voices(workspace, run)]
        chosen = read_chosen(run)
        who = gr.Dropdown(choices=choices, value=[voice.key for voice in chosen])
        return {self.who: who, **self.title(workspace, chosen, said)}

    def title(
        self, workspace: Workspace, voices: Sequence[Voice], said: Sequence[Turns] | None = None
    ) -> dict[Any, gr.Chatbot]:
        """A pane for each, called by who answers in it."""
        shown: dict[Any, gr.Chatbot] = {}
        for place, pane in enumerate(self.panes):
            more: dict[str, Any] = {} if said is None else {"value": said[place]}
            if place < len(voices):
                more["label"] = title_of_voice(workspace, voices[place])
            shown[pane] = gr.Chatbot(visible=place < len(voices), **more)
        return shown

    @property
    def silence(self) -> list[Turns]:
        return [[] for _ in self.panes]


def build_panes_view() -> PanesView:
    who = gr.Dropdown(
        label="Who answers", multiselect=True, max_choices=MOST, elem_id="who", interactive=True,
        info="Up to four: the base, this run, its checkpoints and exported files, other runs.",
    )  # fmt: skip
    with gr.Row(equal_height=True):
        panes = [_build_pane(place) for place in range(MOST)]
    return PanesView(who, panes)


def _build_pane(place: int) -> gr.Chatbot:
    return gr.Chatbot(
        label=("Before", "After")[place] if place < 2 else "", elem_id=f"pane-{place + 1}", height=HEIGHT,
        render_markdown=False, buttons=[], min_width=280, editable="user", visible=place < 2,
        placeholder="The answer comes here.",
    )  # fmt: skip
