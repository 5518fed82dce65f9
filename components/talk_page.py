"""What stands on the page of a talk, from the panes down; what it does stands with each of its parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.blocks import Block

from components.asked_view import UNSEEN, AskedView, build_asked_view
from components.frame import Studio
from components.how_view import HowView, build_how_view
from components.panes_view import PanesView, build_panes_view

TAKE = "Take a question it never saw"
COPY = """element.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  button.textContent = "Copied";
});"""


@dataclass(frozen=True)
class TalkPage:
    """`run` holds the id of the run that is picked. `told_of` is about answers, and empty while there are none."""

    run: gr.Dropdown
    state: gr.HTML
    shown: PanesView
    figures: gr.HTML
    apart: gr.HTML
    wanted: gr.HTML
    box: gr.Textbox
    send: gr.Button
    stop: gr.Button
    unseen: gr.Button
    why: gr.Button
    clear: gr.Button
    mark: gr.Checkbox
    listed: gr.Dropdown
    asked_of: AskedView
    reasons: gr.HTML
    how: HowView

    @property
    def told_of(self) -> Sequence[gr.HTML]:
        return self.figures, self.apart, self.reasons, self.state

    @property
    def form(self) -> set[Block]:
        """All that decides what is answered by whom, and how."""
        return {self.run, self.shown.who, self.box, *self.shown.panes, self.mark, *self.how.fields}

    def silent(self) -> dict[Any, Any]:
        return dict.fromkeys(self.told_of, "")


def build_talk_page(studio: Studio, run: gr.Dropdown) -> TalkPage:
    state = gr.HTML(elem_id="compare-state")
    shown = build_panes_view()
    figures = gr.HTML(js_on_load=COPY, elem_id="figures")
    apart = gr.HTML(elem_id="apart")
    wanted = gr.HTML(elem_id="wanted")
    with gr.Row():
        box = gr.Textbox(
            label="Ask all of them", placeholder="Write as your customer would. Enter sends.", lines=2, max_lines=8,
            elem_id="ask", scale=4, submit_btn=False,
        )  # fmt: skip
        with gr.Column(scale=1, min_width=160):
            send = gr.Button("Send", variant="primary", elem_id="send")
            stop = gr.Button("Stop", variant="stop", elem_id="stop-answer", interactive=False)
    with gr.Row():
        unseen = gr.Button(TAKE, elem_id="unseen", size="sm")
        why = gr.Button("Why does it say that?", elem_id="why", size="sm")
        clear = gr.Button("Clear", elem_id="clear", size="sm")
        mark = gr.Checkbox(False, label="Mark the words that differ", elem_id="mark", container=False)
    listed = gr.Dropdown(label=UNSEEN, elem_id="listed", interactive=True, filterable=True)
    return TalkPage(
        run=run, state=state, shown=shown, figures=figures, apart=apart, wanted=wanted, box=box, send=send, stop=stop,
        unseen=unseen, why=why, clear=clear, mark=mark, listed=listed, asked_of=build_asked_view(studio),
        reasons=gr.HTML(elem_id="reasons"), how=build_how_view(),
    )  # fmt: skip
