"""The form of a recipe: a field for each setting, and under it room for what speaks against its value.

Label, help and bounds stand in `studio.train.recipe` alone, what speaks against a value in `studio.train.rules`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

import gradio as gr

from studio.train.facts import Complaint
from studio.train.recipe import GROUPS, SETTINGS, Group, bounds, choices, help_line, say_bounds, settings_of, unit

Fields = dict[str, gr.components.Component]
LISTED = 3  # settings that the summary names


@dataclass(frozen=True)
class Form:
    """The fields by their names, and under each a slot for a complaint, which is not on the page while there is none.

    `summary` says it for fields in closed parts, and is what a screen reader announces: render it where it is seen.
    """

    fields: Fields
    slots: dict[str, gr.HTML]
    summary: gr.HTML = field(
        default_factory=lambda: gr.HTML(
            html_template='<div role="status">${value}</div>', elem_id="complaints", render=False
        )
    )

    @property
    def outputs(self) -> list[gr.components.Component]:
        """What `show` gives values for."""
        return [self.summary, *self.slots.values()]

    @property
    def changes(self) -> list[Callable[..., gr.events.Dependency]]:
        """To be given to `gr.on`: any field has changed, by hand or not."""
        return [component.change for component in self.fields.values()]  # type: ignore[attr-defined]

    def read(self, values: dict[Any, Any]) -> dict[str, Any]:
        """By name, from the values that an event gives. An emptied field is None, which `judge_form` objects to."""
        return {name: values[component] for name, component in self.fields.items()}

    def fill(self, settings: dict[str, Any]) -> dict[gr.components.Component, Any]:
        return {self.fields[name]: value for name, value in settings.items() if name in self.fields}

    def show(self, found: Sequence[Complaint]) -> dict[gr.components.Component, Any]:
        said = {name: [complaint for complaint in found if complaint.field == name] for name in self.slots}
        slots: dict[gr.components.Component, Any] = {
            slot: gr.HTML(show_complaints(said[name]), visible=bool(said[name])) for name, slot in self.slots.items()
        }
        return {self.summary: show_summary(found), **slots}


def build_form() -> Form:
    """Simple is the plain group, open; Advanced holds the others, each under what it is for."""
    form = Form({}, {})
    _build_group(form, "plain")
    with gr.Accordion("Advanced", open=False, elem_id="advanced"):
        for group in (group for group in GROUPS if group != "plain"):
            with gr.Accordion(GROUPS[group], open=False, elem_id=f"group-{group}"):
                _build_group(form, group)
    return form


def _build_group(form: Form, group: Group) -> None:
    for name in settings_of(group):
        form.fields[name] = _build_field(name)
        form.slots[name] = gr.HTML(visible=False, elem_id=f"complaint-{name}", elem_classes="complaint-slot")


def build_fields(group: Group) -> Fields:
    return {name: _build_field(name) for name in settings_of(group)}


def _build_field(name: str) -> gr.components.Component:
    """Without Gradio's own bounds: they answer with a notice far from the field, `judge_form` answers at it."""
    info = SETTINGS[name]
    label = f"{info.title} ({unit(name)})" if unit(name) else str(info.title)
    common: dict[str, Any] = {"label": label, "info": _help(name)}
    common["elem_id"] = f"field-{name}"
    if info.annotation is bool:
        return gr.Checkbox(info.default, **common)
    if choices(name):
        return gr.Dropdown(choices(name), value=info.default, allow_custom_value=info.annotation is str, **common)
    return gr.Number(info.default, precision=0 if info.annotation is int else None, step=_step(name), **common)


def _help(name: str) -> str:
    """What it is, up and down, and what it may be where that is a number."""
    words = say_bounds(name)
    return f"{help_line(name)} {words[0].upper()}{words[1:]}." if words else help_line(name)


def _step(name: str) -> float:
    """How far an arrow key moves: a tenth of the default's own size, so that 0.0002 becomes 0.00021."""
    info = SETTINGS[name]
    if info.annotation is int:
        return 1
    if not info.default:
        return 0.01 if (bounds(name)[1] or 0) <= 10 else 1
    return float(f"1e{math.floor(math.log10(info.default)) - 1}")


def show_complaints(found: Sequence[Complaint]) -> str:
    """A sign and a word say how bad it is, colour alone does not."""
    return "".join(
        f'<p class="complaint {"refuses" if complaint.refuses else "advice"}">'
        f"<strong>{'✖ Cannot run:' if complaint.refuses else '▲ Look:'}</strong> {escape(complaint.sentence)}</p>"
        for complaint in found
    )


def show_summary(found: Sequence[Complaint]) -> str:
    """Which fields to look at and where they are, with the sentences for whoever hears the page; empty if none."""
    if not found:
        return ""
    bad = [complaint for complaint in found if complaint.refuses]
    counted = bad or found
    names = list(dict.fromkeys(complaint.field for complaint in counted))
    listed = ", ".join(escape(f"{SETTINGS[name].title}{_place(name)}") for name in names[:LISTED])
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    start = "✖ The run cannot start like this" if bad else "▲ Look at what stands at"
    spoken = " ".join(f"{SETTINGS[complaint.field].title}: {complaint.sentence}" for complaint in counted)
    return (
        f'<p class="complaint {"refuses" if bad else "advice"}"><strong>{start}:</strong> {listed}{more}.'
        f'<span class="said"> {escape(spoken)}</span></p>'
    )


def _place(name: str) -> str:
    group = next(group for group in GROUPS if name in settings_of(group))
    return "" if group == "plain" else f" (Advanced, {GROUPS[group]})"
