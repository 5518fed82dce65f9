"""The form in which a person says how the held-out questions are asked: how many, and with dice or without."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from studio.compare.asking import MOST_TEMPERATURE, Asking

LEAD = (
    "Usually all of them, each time with the likeliest word: then the same model gives the same answers. “Measure "
    "both” asks as it stands here; what was asked in another way is kept, and is there again when you go back to it."
)


@dataclass(frozen=True)
class AskingForm:
    """`fields` in the order of `make_asking`."""

    fields: Sequence[Any]

    def show(self, asking: Asking) -> dict[Any, Any]:
        values = (asking.questions, asking.temperature, asking.top_p, asking.seed)
        return dict(zip(self.fields, values, strict=True))


def build_asking_form() -> AskingForm:
    usual = Asking()
    with gr.Accordion("How many questions, and with dice?", open=False, elem_id="asking"):
        gr.HTML(f'<p class="fine">{LEAD}</p>')
        with gr.Row():
            questions = gr.Number(
                usual.questions, label="Questions", precision=0, minimum=0, elem_id="asking-questions", min_width=200,
                info="0 asks all that are held out. Fewer are drawn by lot: sooner done, and less sure.",
            )  # fmt: skip
            seed = gr.Number(
                usual.seed, label="Seed of lot and dice", precision=0, minimum=0, elem_id="asking-seed", min_width=200,
                info="The same seed draws the same questions and words again.",
            )  # fmt: skip
        with gr.Row():
            temperature = gr.Slider(
                0, MOST_TEMPERATURE, value=usual.temperature, step=0.05, label="Temperature of the answers",
                elem_id="asking-temperature", min_width=200,
                info="0 always takes the likeliest word. Take what you will use later: then the scores are of that.",
            )  # fmt: skip
            top_p = gr.Slider(
                0.05, 1, value=usual.top_p, step=0.01, label="Top-p of the answers", elem_id="asking-top-p",
                min_width=200, info="Dice draw only among the likeliest words that together hold this share.",
            )  # fmt: skip
    return AskingForm((questions, temperature, top_p, seed))
