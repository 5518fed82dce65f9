"""Pick data, a model and how thorough; start; watch the loss fall."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from components.actions import action, build_actions, pressed
from components.chart import build_chart
from components.doctor_view import show_doctor, spikes_of
from components.fields import build_form
from components.frame import Studio, TabView, pick_dataset, run_choices
from components.grid_view import build_grid_view
from components.memory_view import base_choices, show_base, show_memory
from components.notices import show_note, told, words_for_size
from components.queue_view import build_queue_view, show_queue
from components.recipe_view import build_recipe_view
from components.run_views import show_story
from components.samples_view import build_samples, show_samples
from components.status import resume_word, show_status, state_mark
from studio.data.datasets import DEFAULT_MAX_LENGTH, open_dataset
from studio.data.review import read_review
from studio.errors import SettingError, TunesmithError
from studio.place import read_place, write_place
from studio.queue import resume_run, start_run, start_runs
from studio.runs import How, Run, discard_run, live_run, open_run, stop_run
from studio.train.facts import Complaint
from studio.train.metrics import read_metrics_since
from studio.train.models import STARTER, STARTER_TITLE, is_folder, list_models, require_base
from studio.train.outlook import Outlook, read_outlook
from studio.train.presets import PRESETS, preset_settings
from studio.train.recipe import SETTINGS, Recipe, count_steps, make_recipe
from studio.train.rules import judge_form
from studio.train.samples import read_samples
from studio.train.suggest import profile_of, suggest

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
FAR_TOO_LARGE = 1.5
SETTING_DEFAULTS = {name: info.default for name, info in SETTINGS.items()}


@dataclass(frozen=True, kw_only=True)
class TrainView(TabView):
    """`fill` gives the values of `filled`, the form, for a recipe."""

    fill: Callable[[Recipe], dict[Any, Any]]
    filled: Sequence[Any]


def build_train_tab(studio: Studio) -> TrainView:
    with gr.Row(elem_classes="split"):
        with gr.Column(scale=1, min_width=300, elem_classes="decide"):
            data = gr.Dropdown(label="Data", elem_id="train-data", interactive=True)
            base = gr.Dropdown(
                label="Model",
                info="The starter, one that fits this machine, a folder, or a Hugging Face name.",
                allow_custom_value=True,
                elem_id="base",
                interactive=True,
            )
            about = gr.HTML(elem_id="base-about")
            with gr.Accordion("Which model?", open=False):
                gr.Markdown(OTHER_MODELS)
            preset = gr.Radio(
                [(p.title, p.id) for p in PRESETS.values()],
                value="balanced",
                label="How thorough?",
                elem_id="preset",
            )
            why = gr.HTML(_why("balanced"), elem_id="preset-why")
            wish = gr.Button("Suggest for my data", size="sm", elem_id="suggest")
            with gr.Accordion("Change the details", open=False, elem_id="details"):
                form = build_form()
            fields = form.fields
            memory = gr.HTML(elem_id="memory")
            fit = gr.Button("Fill in what fits", size="sm", elem_id="what-fits")
            name = gr.Textbox(label="Name of the run (if you like)", elem_id="run-name", max_length=60)
            form.summary.render()  # type: ignore[no-untyped-call]
            start = gr.Button("Start training", variant="primary", elem_id="start")
            queue = build_queue_view(studio)
            grid = build_grid_view()
            asked: set[Any] = {data, base, preset, name, *fields.values()}
            recipes = build_recipe_view(
                studio, asked, lambda values: recipe_of(values), [base, preset, name, *fields.values()],
                lambda recipe: fill(recipe),
            )  # fmt: skip
        with gr.Column(scale=2, min_width=320, elem_classes="see"):
            which = gr.Dropdown(label="Run", elem_id="watched-run", interactive=True)
            status = gr.HTML(EMPTY, elem_id="run-status")
            remedies = build_actions(elem_id="remedies")
            chart = build_chart(lambda run, cursor, extra: metrics_since(studio, run, cursor, extra))
            doctor = gr.HTML(elem_id="doctor")
            with gr.Row():
                pause = gr.Button("Pause", visible=False, elem_id="pause")
                stop = gr.Button("Stop and keep", variant="stop", visible=False, elem_id="stop")
                resume = gr.Button("Resume", visible=False, elem_id="resume")
                compare = gr.Button("Next: Compare", variant="primary", visible=False, elem_id="to-compare")
                discard = gr.Button("Stop and throw away …", visible=False, elem_id="discard")
            with gr.Group(visible=False) as sure:
                gr.HTML(show_note("This ends the run and removes all that it learned.", "bad"))
                with gr.Row():
                    spare = gr.Button("Keep it", elem_id="discard-no")
                    really = gr.Button("Throw it away", variant="stop", elem_id="discard-yes")
            samples = build_samples()

    for key, value in preset_settings("balanced", read_place(studio.workspace).base).items():
        fields[key].value = value
    watched = [status, remedies, chart, doctor, samples, start, pause, stop, resume, compare, discard, sure, queue]
    judged = [why, memory, about, *form.outputs]

    def recipe_of(values: dict[Any, Any]) -> Recipe:
        settings = {key: value for key, value in form.read(values).items() if value is not None}
        return make_recipe(
            data=values[data] or "",
            base=(values[base] or STARTER).strip(),
            preset=values[preset],
            name=(values[name] or "").strip(),
            **settings,
        )

    def fill(recipe: Recipe) -> dict[Any, Any]:
        known = recipe.preset if recipe.preset in PRESETS else "balanced"
        return {base: recipe.base, preset: known, name: recipe.name, **form.fill(recipe.model_dump())}

    def outlook_of(values: dict[Any, Any]) -> Outlook:
        return read_outlook(studio.workspace, values[data] or "", (values[base] or STARTER).strip())

    @told
    def begin(values: dict[Any, Any]) -> Any:
        return start_all([recipe_of(values)], values)

    @told
    def begin_grid(values: dict[Any, Any]) -> Any:
        return start_all(grid.recipes(recipe_of(values), values), values)

    def start_all(wanted: list[Recipe], values: dict[Any, Any]) -> Any:
        outlook = outlook_of(values)
        facts = outlook.facts
        for settings in (form.read(values), *(recipe.model_dump() for recipe in wanted)):
            _refuse(judge_form(settings, facts))
        for recipe in wanted:
            _refuse_what_is_far_too_large(outlook, recipe)
            if is_folder(recipe.base):
                require_base(studio.workspace, recipe.base)
        studio.chat.close()  # the run needs the memory more
        run = start_runs(studio.workspace, wanted)[0]
        write_place(studio.workspace, run=run.id, dataset=run.recipe.data, base=run.recipe.base)
        return {which: choose(run.id), name: "", **show(run)}

    def choose(run_id: str) -> gr.Dropdown:
        return gr.Dropdown(choices=run_choices(studio, only_with_adapter=False), value=run_id or None)

    def show(run: Run | None) -> dict[Any, Any]:
        live = run is not None and run.is_live
        ready = run is not None and run.has_adapter and not live
        busy = live_run(studio.workspace) is not None
        return {
            **watch_words(run),
            chart: f"{run.id}#{run.state}" if run else "",
            start: gr.Button(
                "Add to the queue" if busy else "Start training", variant="secondary" if live or ready else "primary"
            ),
            pause: gr.Button(visible=live, interactive=bool(run and run.state == "training")),
            stop: gr.Button(visible=live, interactive=bool(run and run.state not in ("stopping", "pausing"))),
            discard: gr.Button(visible=live),
            sure: gr.Group(visible=False),
            resume: gr.Button(resume_word(run), visible=bool(run and run.can_resume)),
            compare: gr.Button(visible=ready),
            queue: show_queue(studio),
        }

    def watch_words(run: Run | None) -> dict[Any, Any]:
        if run is None:
            return {status: EMPTY, remedies: "", doctor: "", samples: ""}
        return {
            status: show_status(run) + show_story(run),
            remedies: show_remedies(run),
            doctor: show_doctor(run),
            samples: show_samples(read_samples(run.samples)),
        }

    @told
    def watch(run_id: str | None) -> Any:
        if run_id:
            write_place(studio.workspace, run=run_id)
        return show(open_run(studio.workspace, run_id) if run_id else None)

    def end(how: How) -> Any:
        return told(lambda run_id: show(stop_run(studio.workspace, run_id, how)))

    @told
    def go_on(run_id: str) -> Any:
        studio.chat.close()
        return show(resume_run(studio.workspace, run_id))

    @told
    def throw_away(run_id: str) -> Any:
        discard_run(studio.workspace, run_id)
        write_place(studio.workspace, run="")
        return {which: choose(""), **show(None)}

    @told
    def mend(run_id: str, event: gr.EventData) -> Any:
        """Start again with the settings of the remedy that was pressed."""
        run = open_run(studio.workspace, run_id)
        act, of = pressed(event)
        known = run.status.get("remedies", [])
        if act != "remedy" or not of.isdigit() or int(of) >= len(known):
            return gr.skip()
        again = start_run(studio.workspace, make_recipe(**{**run.recipe.model_dump(), **known[int(of)]["changes"]}))
        write_place(studio.workspace, run=again.id)
        return {which: choose(again.id), **show(again)}

    @told
    def change_preset(chosen: str, model: str | None) -> Any:
        settings = {key: SETTING_DEFAULTS[key] for key in fields} | preset_settings(chosen, model or STARTER)
        return {fields[key]: settings[key] for key in fields}

    @told
    def fill_suggested(values: dict[Any, Any]) -> Any:
        if not values[data]:
            raise SettingError("There is no data to look at.", "Open Data and bring a file.")
        outlook, dataset = outlook_of(values), open_dataset(studio.workspace, values[data])
        shape, base_name = outlook.facts.shape, (values[base] or STARTER).strip()
        found = suggest(
            profile_of(dataset, read_review(dataset, base_name, DEFAULT_MAX_LENGTH)),
            shape.parameters if shape else None,
            shape.context_tokens if shape else None,
        )
        reasons = " ".join(f"{SETTINGS[each.field].title}: {each.why}" for each in found)
        return {why: show_note(reasons), **form.fill({each.field: each.value for each in found})}

    @told
    def fill_what_fits(values: dict[Any, Any]) -> Any:
        return form.fill(outlook_of(values).what_fits(recipe_of(values)))

    @told
    def judge(values: dict[Any, Any]) -> Any:
        outlook = outlook_of(values)
        found = judge_form(form.read(values), outlook.facts)
        wrong = {complaint.field for complaint in found if complaint.refuses}
        settings = {key: value for key, value in form.read(values).items() if value is not None and key not in wrong}
        recipe = make_recipe(data=values[data] or "", base=(values[base] or STARTER).strip(), **settings)
        return {
            memory: show_memory(outlook.estimate(recipe), outlook.facts.machine, bool(outlook.lengths)),
            about: show_base(outlook.candidate(recipe)),
            **form.show(found),
        }

    @told
    def tell_steps(values: dict[Any, Any]) -> str:
        return _estimate(studio, values[data], {key: values[field] for key, field in fields.items()}, values[preset])

    @told
    def keep_place(picked: str | None, model: str | None) -> None:
        """Or else the next look at this tab would bring back what was picked before."""
        write_place(studio.workspace, dataset=picked or "", base=(model or STARTER).strip())

    @told
    def list_bases(picked: str | None, model: str | None) -> Any:
        return gr.Dropdown(choices=bases(picked or "", (model or STARTER).strip()))

    def bases(picked: str, model: str) -> list[tuple[str, str]]:
        """What is here, then what fits this machine with these data."""
        ready = [(STARTER_TITLE, STARTER), *((known, known) for known in list_models(studio.workspace))]
        return base_choices(ready, read_outlook(studio.workspace, picked, model).candidates())

    quiet: dict[str, Any] = {"show_progress": "hidden"}
    start.click(begin, asked, [which, name, *watched])
    grid.start.click(begin_grid, asked | grid.inputs, [which, name, *watched])
    start.click(None, js="() => { window.scrollTo({ top: 0, behavior: 'smooth' }); }")  # to where the run appears
    which.input(watch, which, watched, **quiet)
    pause.click(end("pause"), which, watched, **quiet)
    stop.click(end("keep"), which, watched, **quiet)
    resume.click(go_on, which, watched, **quiet)
    discard.click(lambda: gr.Group(visible=True), None, sure, **quiet)
    spare.click(lambda: gr.Group(visible=False), None, sure, **quiet)
    really.click(throw_away, which, [which, *watched], **quiet)
    remedies.click(mend, which, [which, *watched], **quiet)
    changed = gr.on([preset.input, base.input], change_preset, [preset, base], list(fields.values()), **quiet)
    changed.then(tell_steps, {data, preset, *fields.values()}, why, **quiet)
    gr.on(
        [data.change, *(fields[key].input for key in ("epochs", "batch_size", "max_steps"))],  # type: ignore[attr-defined]
        tell_steps,
        {data, preset, *fields.values()},
        why,
        **quiet,
    )
    gr.on([data.input, base.input], keep_place, [data, base], None, **quiet)
    data.input(list_bases, [data, base], base, **quiet)
    wish.click(fill_suggested, asked, [why, *fields.values()], **quiet)
    fit.click(fill_what_fits, asked, list(fields.values()), **quiet)
    gr.on(
        [data.change, base.change, *form.changes],
        judge,
        asked,
        judged[1:],
        queue=False,
        trigger_mode="always_last",
        **quiet,
    )

    def tick(run_id: str | None, before: str) -> Any:
        """What changed of the watched run since the page last looked; mostly nothing."""
        if not run_id:
            return gr.skip()
        try:
            run = open_run(studio.workspace, run_id)
        except TunesmithError:  # it was deleted, or taken out of the queue
            return {which: choose(""), **show(None)}
        now = show_status(run) + show_story(run)
        if now == before:
            return gr.skip()
        return watch_words(run) if state_mark(run) in before else {which: choose(run.id), **show(run)}

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
            base: gr.Dropdown(choices=bases(place.dataset, place.base), value=place.base),
            which: choose(run.id if run else ""),
            **recipes.read(),
            **show(run),
        }

    return TrainView(
        read=read,
        outputs=[data, base, which, *recipes.outputs, *watched],
        leads=[(compare, "compare")],
        fill=fill,
        filled=[base, preset, name, *fields.values()],
    )


def metrics_since(studio: Studio, run_id: str, cursor: int, extra: str) -> dict[str, Any]:
    """What the curve asks for; the id comes from the page, and `open_run` takes only ids of this workspace."""
    run = open_run(studio.workspace, run_id)
    found: dict[str, Any] = {**read_metrics_since(run.metrics, cursor, extra)}
    if cursor <= 0:
        spikes = [{"step": step, "mark": mark, "words": words} for step, mark, words in spikes_of(run)]
        found |= {"name": run.title, "marks": found["marks"] + spikes}
    return {**found, "live": run.is_live}


def show_remedies(run: Run) -> str:
    """What would make a run fit that did not, each a press away."""
    known = run.status.get("remedies") or []
    rows = "".join(
        f"<li>{action('remedy', each['title'], place, 'first' if place == 0 else '')} "
        f'<span class="fine">{escape(each["why"])}</span></li>'
        for place, each in enumerate(known)
    )
    return f'<ul class="remedies" aria-label="What would make it fit">{rows}</ul>' if rows else ""


def _refuse_what_is_far_too_large(outlook: Outlook, recipe: Recipe) -> None:
    """What is a little too large by the estimate may fit: the rehearsal has the last word.

    Raises: SettingError for what would only take the machine's memory from all else on it.
    """
    found = outlook.estimate(recipe)
    if outlook.lengths and found and found.total > FAR_TOO_LARGE * found.available:
        raise SettingError(
            f"It would take about {words_for_size(found.total)}, and {words_for_size(found.available)} are free.",
            "Press 'Fill in what fits', lower 'Batch' or 'Longest example', or pick a smaller model.",
        )


def _refuse(found: Sequence[Complaint]) -> None:
    """Raises: SettingError for the first that cannot be done."""
    for complaint in found:
        if complaint.refuses:
            raise SettingError(f"{SETTINGS[complaint.field].title}: {complaint.sentence}", "Change it, then start.")


def _why(preset: str, more: str = "") -> str:
    return show_note(f"{PRESETS[preset].why} {more}".strip())


def _estimate(studio: Studio, data: str | None, settings: dict[str, Any], preset: str) -> str:
    if not data:
        return _why(preset, "Pick data first: open Data and bring a file.")
    examples = open_dataset(studio.workspace, data).counts["train"]
    known = {key: value for key, value in settings.items() if value is not None}
    try:
        steps = count_steps(make_recipe(data=data, **known), examples)
    except SettingError:  # said at its field
        return _why(preset)
    return _why(preset, f"{examples} examples to learn from, {steps} steps.")
