"""Pick data, a model and how thorough; start; watch the loss fall."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from components.frame import Studio, TabView
from components.grid_view import build_grid_view
from components.notices import told
from components.queue_view import build_queue_view, show_queue
from components.recipe_view import build_recipe_view
from components.train_form import build_train_form
from components.watch_view import Beside, build_watch_view, is_ready
from studio.place import read_place, write_place
from studio.queue import start_runs
from studio.runs import Run, list_runs, live_run
from studio.train.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class TrainView(TabView):
    """`fill` gives the values of `filled`, the form, for a recipe."""

    fill: Callable[[Recipe], dict[Any, Any]]
    filled: Sequence[Any]


def build_train_tab(studio: Studio) -> TrainView:
    def show_start(run: Run | None) -> dict[Any, Any]:
        busy = live_run(studio.workspace) is not None
        second = run is not None and (run.is_live or is_ready(run))
        words = "Add to the queue" if busy else "Start training"
        return {start: gr.Button(words, variant="secondary" if second else "primary"), queue: show_queue(studio)}

    with gr.Row(elem_classes="split"):
        with gr.Column(scale=1, min_width=300, elem_classes="decide"):
            form = build_train_form(studio)
            start = gr.Button("Start training", variant="primary", elem_id="start")
            queue = build_queue_view(studio)
            grid = build_grid_view()
            recipes = build_recipe_view(studio, form.inputs, form.recipe_of, list(form.filled), form.fill)
        with gr.Column(scale=2, min_width=320, elem_classes="see"):
            watch = build_watch_view(studio, Beside([start, queue], show_start))

    @told
    def begin(values: dict[Any, Any]) -> Any:
        return start_all([form.recipe_of(values)], values)

    @told
    def begin_grid(values: dict[Any, Any]) -> Any:
        return start_all(grid.recipes(form.recipe_of(values), values), values)

    def start_all(wanted: list[Recipe], values: dict[Any, Any]) -> Any:
        form.require(wanted, values)
        studio.chat.close()  # the run needs the memory more
        run = start_runs(studio.workspace, wanted)[0]
        write_place(studio.workspace, run=run.id, dataset=run.recipe.data, base=run.recipe.base)
        return {form.name: "", **watch.pick(run)}

    begun = [form.name, *watch.outputs]
    start.click(begin, form.inputs, begun)
    grid.start.click(begin_grid, form.inputs | grid.inputs, begun)
    start.click(None, js="() => { window.scrollTo({ top: 0, behavior: 'smooth' }); }")  # to where the run appears

    @told
    def read() -> Any:
        known = read_place(studio.workspace).run
        runs = list_runs(studio.workspace)
        run = next((run for run in runs if run.id == known), next(iter(runs), None))
        if run is None or not run.is_live:
            run = live_run(studio.workspace) or run
        return {**form.read(), **recipes.read(), **watch.pick(run)}

    return TrainView(
        read=read,
        outputs=[*form.outputs, *recipes.outputs, *watch.outputs],
        leads=[(watch.compare, "compare")],
        fill=form.fill,
        filled=form.filled,
    )
