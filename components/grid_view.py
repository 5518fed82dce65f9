"""Several values of one or two settings, tried one after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from studio.train.grid import RUNS_MOST, make_grid, read_values
from studio.train.recipe import SETTINGS, Recipe

HELP = f"At most {RUNS_MOST} runs. They wait in the queue, and stand beside each other in Runs."
FIELDS = [(str(info.title), name) for name, info in SETTINGS.items()]


@dataclass(frozen=True)
class GridView:
    """`recipes` makes those of the grid from the form's recipe and the values of `inputs`."""

    inputs: set[Any]
    recipes: Callable[[Recipe, dict[Any, Any]], list[Recipe]]
    start: gr.Button


def build_grid_view() -> GridView:
    with gr.Accordion("Try several values", open=False, elem_id="grid"):
        gr.HTML(f'<p class="fine">{HELP}</p>')
        first = gr.Dropdown(FIELDS, value="learning_rate", label="Setting", elem_id="grid-first")
        of_first = gr.Textbox(label="Its values", placeholder="1e-4, 2e-4, 5e-4", elem_id="grid-first-values")
        second = gr.Dropdown([("none", ""), *FIELDS], value="", label="Another setting", elem_id="grid-second")
        of_second = gr.Textbox(label="Its values", placeholder="8, 16", elem_id="grid-second-values")
        start = gr.Button("Add all to the queue", size="sm", elem_id="grid-start")

    def recipes(recipe: Recipe, values: dict[Any, Any]) -> list[Recipe]:
        """Raises: SettingError for what is no small grid, or a value out of bounds."""
        asked = {values[first]: values[of_first], values[second]: values[of_second]}
        return make_grid(recipe, {name: read_values(text or "") for name, text in asked.items() if name})

    return GridView({first, of_first, second, of_second}, recipes, start)
