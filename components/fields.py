"""A form field for each setting of the recipe: label, help and bounds stand in `studio.train.recipe` alone."""

from __future__ import annotations

from typing import Any, get_args

import gradio as gr

from studio.train.recipe import SETTINGS, Group, bounds, help_line, settings_of, unit

Fields = dict[str, gr.components.Component]


def build_fields(group: Group) -> Fields:
    return {name: _build_field(name) for name in settings_of(group)}


def _build_field(name: str) -> gr.components.Component:
    info = SETTINGS[name]
    label = f"{info.title} ({unit(name)})" if unit(name) else str(info.title)
    common: dict[str, Any] = {"label": label, "info": help_line(name), "elem_id": f"field-{name}"}
    choices = [choice for choice in get_args(info.annotation) if isinstance(choice, str)]
    if choices:
        return gr.Radio(choices, value=info.default, **common)
    least, most = bounds(name)
    whole = info.annotation is int
    return gr.Number(
        info.default,
        minimum=least,
        maximum=most,
        precision=0 if whole else None,
        step=1 if whole else 0.0001,
        **common,
    )
