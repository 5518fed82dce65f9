"""Pick data, a model and how thorough; start; watch the loss fall."""

from __future__ import annotations

from typing import Any

import gradio as gr

from components.chart import build_chart
from components.fields import Fields, build_fields
from components.frame import Studio, TabView, pick_dataset, run_choices
from components.notices import show_note, told
from components.status import show_status, state_mark
from studio.data.datasets import open_dataset
from studio.errors import TunesmithError
from studio.place import read_place, write_place
from studio.runs import Run, live_run, open_run, resume_run, start_run, stop_run
from studio.train.metrics import read_metrics_since
from studio.train.models import STARTER, STARTER_TITLE, list_models
from studio.train.presets import PRESETS, preset_settings
from studio.train.recipe import GROUPS, SETTINGS, count_steps, make_recipe

OTHER_MODELS = """
**Starter** comes along and trains on any computer: right for a first try.

**A folder** that holds `config.json` and `*.safetensors`: paste its path.

**A Hugging Face name** such as `unsloth/Llama-3.2-3B-Instruct`: it is downloaded once when the run starts, and the
page says how far it is. Some models ask you to accept their licence first: open the model's page on huggingface.co,
accept, make a *read* token in your settings there, and set it as the environment variable `HF_TOKEN` (or run
`hf auth login`) before you start Tunesmith. Take *instruct* versions: they know questions from answers.
"""
EMPTY = (
    '<div class="empty"><h3>The run appears here</h3><p>Press Start training. The curve shows how wrong the model '
    "still is: it should fall. You may close this page; the run goes on.</p></div>"
)
SETTING_DEFAULTS = {name: info.default for name, info in SETTINGS.items()}


def build_train_tab(studio: Studio) -> TabView:
    with gr.Row(elem_classes="split"):
        with gr.Column(scale=1, min_width=300, elem_classes="decide"):
            data = gr.Dropdown(label="Data", elem_id="train-data", interactive=True)
            base = gr.Dropdown(
                label="Model",
                info="The starter, a folder, or a Hugging Face name.",
                allow_custom_value=True,
                elem_id="base",
                interactive=True,
            )
            with gr.Accordion("Which model?", open=False):
                gr.Markdown(OTHER_MODELS)
            preset = gr.Radio(
                [(p.title, p.id) for p in PRESETS.values()],
                value="balanced",
                label="How thorough?",
                elem_id="preset",
            )
            why = gr.HTML(_why("balanced"), elem_id="preset-why")
            fields: Fields = {}
            with gr.Accordion("Change the details", open=False, elem_id="details"):
                fields |= build_fields("plain")
                with gr.Accordion("Advanced", open=False, elem_id="advanced"):
                    for group in ("learn", "fast", "stop", "memory"):
                        gr.Markdown(f"#### {GROUPS[group]}")
                        fields |= build_fields(group)
            name = gr.Textbox(label="Name of the run (if you like)", elem_id="run-name", max_length=60)
            start = gr.Button("Start training", variant="primary", elem_id="start")
        with gr.Column(scale=2, min_width=320, elem_classes="see"):
            which = gr.Dropdown(label="Run", elem_id="watched-run", interactive=True)
            status = gr.HTML(EMPTY, elem_id="run-status")
            chart = build_chart(lambda run, cursor: metrics_since(studio, run, cursor))
            with gr.Row():
                stop = gr.Button("Stop and keep", variant="stop", visible=False, elem_id="stop")
                resume = gr.Button("Resume", visible=False, elem_id="resume")
                compare = gr.Button("Next: Compare", variant="primary", visible=False, elem_id="to-compare")

    for key, value in preset_settings("balanced", read_place(studio.workspace).base).items():
        fields[key].value = value
    watched = [status, chart, start, stop, resume, compare]

    @told
    def begin(values: dict[Any, Any]) -> Any:
        settings = {key: values[field] for key, field in fields.items() if values[field] is not None}
        chosen = (values[base] or STARTER).strip()
        recipe = make_recipe(
            data=values[data] or "",
            base=chosen,
            preset=values[preset],
            name=(values[name] or "").strip(),
            **settings,
        )
        studio.chat.close()  # the run needs the memory more
        run = start_run(studio.workspace, recipe)
        write_place(studio.workspace, run=run.id, dataset=recipe.data, base=chosen)
        return {which: choose(run.id), **show(run)}

    def choose(run_id: str) -> gr.Dropdown:
        return gr.Dropdown(choices=run_choices(studio, only_with_adapter=False), value=run_id or None)

    def show(run: Run | None) -> dict[Any, Any]:
        live = run is not None and run.is_live
        ready = run is not None and run.has_adapter and not live
        return {
            status: show_status(run) if run else EMPTY,
            chart: f"{run.id}#{run.state}" if run else "",
            start: gr.Button(variant="secondary" if live or ready else "primary"),
            stop: gr.Button(visible=live, interactive=bool(run and run.state != "stopping")),
            resume: gr.Button(visible=bool(run and run.can_resume)),
            compare: gr.Button(visible=ready),
        }

    @told
    def watch(run_id: str | None) -> Any:
        if run_id:
            write_place(studio.workspace, run=run_id)
        return show(open_run(studio.workspace, run_id) if run_id else None)

    @told
    def end(run_id: str) -> Any:
        return show(stop_run(studio.workspace, run_id))

    @told
    def go_on(run_id: str) -> Any:
        studio.chat.close()
        return show(resume_run(studio.workspace, run_id))

    @told
    def change_preset(chosen: str, model: str | None) -> Any:
        settings = {key: SETTING_DEFAULTS[key] for key in fields} | preset_settings(chosen, model or STARTER)
        return {why: _why(chosen), **{fields[key]: settings[key] for key in fields}}

    @told
    def estimate(values: dict[Any, Any]) -> str:
        return _estimate(studio, values[data], {key: values[field] for key, field in fields.items()}, values[preset])

    start.click(begin, {data, base, preset, name, *fields.values()}, [which, *watched])
    start.click(None, js="() => { window.scrollTo({ top: 0, behavior: 'smooth' }); }")  # to where the run appears
    which.input(watch, which, watched, show_progress="hidden")
    stop.click(end, which, watched, show_progress="hidden")
    resume.click(go_on, which, watched, show_progress="hidden")
    gr.on(
        [preset.input, base.input],
        change_preset,
        [preset, base],
        [why, *fields.values()],
        show_progress="hidden",
    ).then(estimate, {data, preset, *fields.values()}, why, show_progress="hidden")
    gr.on(
        [data.input, *(fields[key].change for key in ("epochs", "batch_size", "max_steps"))],  # type: ignore[attr-defined]
        estimate,
        {data, preset, *fields.values()},
        why,
        show_progress="hidden",
    )

    def tick(run_id: str | None, before: str) -> Any:
        """What changed of the watched run since the page last looked; mostly nothing."""
        if not run_id:
            return gr.skip()
        try:
            run = open_run(studio.workspace, run_id)
        except TunesmithError:
            return gr.skip()
        now = show_status(run)
        if now == before:
            return gr.skip()
        return {status: now} if state_mark(run) in before else {which: choose(run.id), **show(run)}

    gr.Timer(2).tick(tick, [which, status], [which, *watched], queue=False, show_progress="hidden")

    @told
    def read() -> Any:
        place = read_place(studio.workspace)
        choices = run_choices(studio, only_with_adapter=False)
        known = place.run if place.run in [value for _, value in choices] else ""
        run = open_run(studio.workspace, known) if known else None
        if run is None or not run.is_live:
            run = live_run(studio.workspace) or run
        return {
            data: pick_dataset(studio),
            base: gr.Dropdown(choices=[(STARTER_TITLE, STARTER), *list_models(studio.workspace)], value=place.base),
            which: choose(run.id if run else ""),
            **show(run),
        }

    return TabView(read, [data, base, which, *watched], [(compare, "compare")])


def metrics_since(studio: Studio, run_id: str, cursor: int) -> dict[str, Any]:
    """What the curve asks for; the id comes from the page, and `open_run` takes only ids of this workspace."""
    run = open_run(studio.workspace, run_id)
    return {**read_metrics_since(run.metrics, cursor), "live": run.is_live}


def _why(preset: str, more: str = "") -> str:
    return show_note(f"{PRESETS[preset].why} {more}".strip())


def _estimate(studio: Studio, data: str | None, settings: dict[str, Any], preset: str) -> str:
    if not data:
        return _why(preset, "Pick data first: open Data and bring a file.")
    examples = open_dataset(studio.workspace, data).counts["train"]
    known = {key: value for key, value in settings.items() if value is not None}
    steps = count_steps(make_recipe(data=data, **known), examples)
    return _why(preset, f"{examples} examples to learn from, {steps} steps.")
