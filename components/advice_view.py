"""A short page before training: should one fine-tune at all?"""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr

from components.frame import DataView, Shown, Studio
from components.notices import told
from studio.data import mending
from studio.data.advice import CHANGES, TRIED, WISHES, Change, Tried, Wish, advise
from studio.data.datasets import DEFAULT_MAX_LENGTH, Dataset, open_dataset
from studio.data.review import read_review

SIGNS = {"yes": ("good", "✔"), "first": ("note", "▲"), "no": ("bad", "✖")}


def build_advice_view(studio: Studio, data: Shown) -> DataView:
    wish = gr.Radio([(text, key) for key, text in WISHES.items()], value="behaviour", label="What should change?")
    change = gr.Radio([(text, key) for key, text in CHANGES.items()], value="rarely", label="How often does it change?")
    tried = gr.Radio([(text, key) for key, text in TRIED.items()], value="nothing", label="What have you tried?")
    said = gr.HTML(elem_id="advice")
    asked = [wish, change, tried]

    def show_advice(dataset: Dataset, base: str, wished: Wish, changes: Change, had: Tried) -> str:
        found = read_review(dataset, base, DEFAULT_MAX_LENGTH)
        findings = mending.open_findings(dataset, found) if found else []
        advice = advise(wished, changes, had, dataset.description["examples"], findings)
        kind, sign = SIGNS[advice.verdict]
        steps = "".join(f"<li><strong>{escape(step.what)}</strong><br>{escape(step.why)}</li>" for step in advice.steps)
        note = f'<div class="note {kind}" role="status">{sign} {escape(advice.sentence)}</div>'
        return f'{note}<ol class="advice">{steps}</ol>'

    def show(dataset: Dataset, base: str) -> dict[Any, Any]:
        return {
            wish: "behaviour",
            change: "rarely",
            tried: "nothing",
            said: show_advice(dataset, base, "behaviour", "rarely", "nothing"),
        }

    @told
    def answer(ref: str, base: str, wished: Wish, changes: Change, had: Tried) -> str:
        return show_advice(open_dataset(studio.workspace, ref), base, wished, changes, had)

    gr.on([field.input for field in asked], answer, [data.ref, data.base, *asked], said, show_progress="hidden")
    return DataView([*asked, said], show)
