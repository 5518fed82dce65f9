"""What is asked for before a run: data, a model, how thorough, and the details; with what they need and what fits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from components.fields import build_form
from components.frame import Studio, pick_dataset
from components.memory_view import base_choices, show_base, show_memory
from components.notices import show_note, told, words_for_size
from studio.data.datasets import DEFAULT_MAX_LENGTH, open_dataset
from studio.data.review import read_review
from studio.errors import SettingError
from studio.place import read_place, write_place
from studio.train.facts import Complaint
from studio.train.models import STARTER, STARTER_TITLE, is_folder, list_models, require_base
from studio.train.outlook import Outlook, read_outlook
from studio.train.presets import PRESETS, preset_settings
from studio.train.recipe import SETTINGS, Recipe, count_steps, make_recipe
from studio.train.rules import judge_form
from studio.train.suggest import profile_of, suggest

OTHER_MODELS = """
**Starter** comes along and trains on any computer: right for a first try.

**A folder** that holds `config.json` and `*.safetensors`: paste its path.

**A Hugging Face name** such as `unsloth/Llama-3.2-3B-Instruct`: it is downloaded once when the run starts, and the
page says how far it is. Some models ask you to accept their licence first: open the model's page on huggingface.co,
accept, make a *read* token in your settings there, and set it as the environment variable `HF_TOKEN` (or run
`hf auth login`) before you start Tunesmith. Take *instruct* versions: they know questions from answers.
"""
FAR_TOO_LARGE = 1.5
SETTING_DEFAULTS = {name: info.default for name, info in SETTINGS.items()}
Values = dict[Any, Any]


@dataclass(frozen=True)
class TrainForm:
    """`inputs` are all that is asked; `filled` those that `fill` gives values for, from a recipe.

    `recipe_of` raises SettingError for what makes no sense, and `require` for what this machine cannot do.
    """

    name: gr.Textbox
    inputs: set[Any]
    filled: Sequence[Any]
    fill: Callable[[Recipe], Values]
    recipe_of: Callable[[Values], Recipe]
    require: Callable[[Sequence[Recipe], Values], None]
    outputs: Sequence[Any]
    read: Callable[[], Values]


def build_train_form(studio: Studio) -> TrainForm:
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
    asked: set[Any] = {data, base, preset, name, *fields.values()}
    for key, value in preset_settings("balanced", read_place(studio.workspace).base).items():
        fields[key].value = value

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

    def require(wanted: Sequence[Recipe], values: Values) -> None:
        outlook = outlook_of(values)
        for settings in (form.read(values), *(recipe.model_dump() for recipe in wanted)):
            _refuse(judge_form(settings, outlook.facts))
        for recipe in wanted:
            _refuse_what_is_far_too_large(outlook, recipe)
            if is_folder(recipe.base):
                require_base(studio.workspace, recipe.base)

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

    def read() -> Values:
        place = read_place(studio.workspace)
        return {
            data: pick_dataset(studio),
            base: gr.Dropdown(choices=bases(place.dataset, place.base), value=place.base),
        }

    quiet: dict[str, Any] = {"show_progress": "hidden"}
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
        [memory, about, *form.outputs],
        queue=False,
        trigger_mode="always_last",
        **quiet,
    )

    filled = [base, preset, name, *fields.values()]
    return TrainForm(name, asked, filled, fill, recipe_of, require, [data, base], read)


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
