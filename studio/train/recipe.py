"""All that can be asked of a run: each setting once, with its default, bounds, words and unit."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from studio.data.chat_templates import OWN
from studio.errors import SettingError
from studio.store import write_whole

Group = Literal["plain", "learn", "fast", "stop", "memory"]
GROUPS: dict[Group, str] = {
    "plain": "What matters most",
    "learn": "How much it can learn",
    "fast": "How fast",
    "stop": "When to look and when to stop",
    "memory": "Memory",
}
LOOKS, SAVES = 10, 4  # in a run, where the recipe does not say
YAML_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast where libyaml is built in
HELDOUT_MOST = 200  # examples watched while training: enough for a steady loss, few enough not to wait for
# Without these, Transformers' cosine_with_restarts never restarts and its polynomial is a line.
# Optimizers that follow a few directions of each layer where all weights learn, and the extras that bring them.
LOW_RANK = {"galore_adamw": "galore", "apollo_adamw": "apollo"}
LOW_RANK_DIRECTIONS = 128  # as Transformers takes where nothing is said
SCHEDULES: dict[str, dict[str, float]] = {
    "cosine_with_restarts": {"num_cycles": 3},
    "polynomial": {"power": 2.0, "lr_end": 0.0},
}
ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
# Layers by which other families do what Llama's layers of these names do; one may hold several.
ALSO_CALLED: dict[str, tuple[str, ...]] = {
    "qkv_proj": ("q_proj", "k_proj", "v_proj"),
    "query_key_value": ("q_proj", "k_proj", "v_proj"),
    "c_attn": ("q_proj", "k_proj", "v_proj"),
    "q_a_proj": ("q_proj",),
    "q_b_proj": ("q_proj",),
    "kv_a_proj_with_mqa": ("k_proj", "v_proj"),
    "kv_b_proj": ("k_proj", "v_proj"),
    "in_proj_qkv": ("q_proj", "k_proj", "v_proj"),
    "out_proj": ("o_proj",),
    "gate_up_proj": ("gate_proj", "up_proj"),
    "input_linear": ("gate_proj", "up_proj"),
    "output_linear": ("down_proj",),
    "w1": ("gate_proj",),
    "w3": ("up_proj",),
    "w2": ("down_proj",),
}


def _setting(
    default: Any,
    title: str,
    help: str,
    *,
    group: Group,
    up: str = "",
    down: str = "",
    unit: str = "",
    choices: tuple[str, ...] = (),
    **bounds: Any,
) -> Any:
    return Field(
        default,
        title=title,
        description=help,
        json_schema_extra={"group": group, "up": up, "down": down, "unit": unit, "choices": list(choices)},
        **bounds,
    )


class Recipe(BaseModel):
    """Frozen and strict: written once into the run's folder, read by the form, the verbs and the worker."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: str = Field(title="Data set", description="Name of a data set of this workspace.")
    base: str = Field("starter", title="Model", description="starter, a folder, or a Hugging Face name.")
    name: str = Field("", title="Name of the run", max_length=60, description="What you will know it by.")
    preset: str = Field("balanced", title="How thorough?", description="What the other settings started from.")

    epochs: float = _setting(
        3.0, "Epochs", "How often every example is seen.", group="plain", ge=0.01, le=100,
        up="learns more, and in the end by heart", down="is done sooner and learns less",
    )  # fmt: skip
    learning_rate: float = _setting(
        2e-4, "Learning rate", "How large each correction is.", group="plain", gt=0, le=0.1,
        up="learns faster, and may tear up what it knew", down="is gentler and slower",
    )  # fmt: skip
    lora_rank: int = _setting(
        16, "Rank", "How much the adapter can learn. 16 is right for most.", group="plain", ge=1, le=256,
        up="learns more and needs more memory", down="is smaller and forgets less",
    )  # fmt: skip
    max_length: int = _setting(
        2048, "Longest example", "Tokens of an example that are read; the rest is cut off.", group="plain",
        ge=32, le=131072, unit="tokens", up="cuts less and needs more memory", down="needs less memory and cuts more",
    )  # fmt: skip
    batch_size: int = _setting(
        8, "Batch", "Examples that are looked at together.", group="plain", ge=1, le=256, unit="examples",
        up="is steadier and needs more memory", down="needs less memory",
    )  # fmt: skip

    method: Literal["auto", "qlora", "lora", "full"] = _setting(
        "auto", "Method", "qlora: weights at 4 bits (NF4) and an adapter. lora: weights at 16 bits and an adapter. "
        "full: all weights learn. auto: qlora on a graphics card, lora without one.", group="learn",
    )  # fmt: skip
    task: Literal["chat", "text"] = _setting(
        "chat", "What is learned from", "chat: questions and answers, as the model's template has them. "
        "text: plain text to go on reading, without a template.", group="learn",
    )  # fmt: skip
    chat_template: Literal["own", "chatml", "llama3", "gemma", "mistral"] = _setting(
        OWN, "Chat template", "How questions and answers are marked. own: as the model brings it, right for all that "
        "were taught to chat. A base model brings none: chatml works with each.", group="learn",
    )  # fmt: skip
    answers_only: bool = _setting(
        True, "Learn the answers only", "Off: it learns to write the questions too.", group="learn",
    )  # fmt: skip
    target_modules: str = _setting(
        "all-linear", "Layers with an adapter", "all-linear, attention, or names with commas such as q_proj,v_proj.",
        group="learn", pattern=r"^[a-z][a-z0-9_-]*( *, *[a-z][a-z0-9_]*)*$", choices=("all-linear", "attention"),
        up="(all-linear) learns more", down="(attention) needs less memory",
    )  # fmt: skip
    lora_alpha: int = _setting(
        32, "Alpha", "How loudly the adapter speaks; twice the rank is usual.", group="learn", ge=1, le=1024,
        up="acts stronger", down="acts weaker",
    )  # fmt: skip
    lora_dropout: float = _setting(
        0.0, "Dropout", "Share of the adapter that sits out each step.", group="learn", ge=0, lt=1,
        up="learns less by heart, and slower", down="learns faster",
    )  # fmt: skip
    use_rslora: bool = _setting(
        False, "rsLoRA", "Divides alpha by the root of the rank, so that large ranks count. For rank 64 and more.",
        group="learn",
    )  # fmt: skip
    use_dora: bool = _setting(
        False, "DoRA", "Learns direction and size of the weights apart: a little better at small ranks, and slower.",
        group="learn",
    )  # fmt: skip
    use_loftq: bool = _setting(
        False, "LoftQ", "Starts the adapter so that it makes up for the rounding to 4 bits. With qlora alone.",
        group="learn",
    )  # fmt: skip
    modules_to_save: Literal["none", "lm_head", "embed_tokens,lm_head"] = _setting(
        "none", "Learned whole", "Word tables that learn beside the adapter: for new words or another language.",
        group="learn",
    )  # fmt: skip
    neftune_noise_alpha: float = _setting(
        0.0, "NEFTune noise", "Noise on the words as they are read; 5 is usual, 0 is none.", group="learn", ge=0, le=50,
        up="learns less by heart", down="learns more exactly",
    )  # fmt: skip
    weight_decay: float = _setting(
        0.01, "Weight decay", "A pull back to small corrections.", group="learn", ge=0, le=1,
        up="stays closer to the base", down="is freer",
    )  # fmt: skip

    gradient_accumulation: int = _setting(
        1, "Batches a step", "Batches whose corrections are added up before one step.", group="fast", ge=1, le=256,
        up="is like a larger batch without more memory", down="makes more steps of the same data",
    )  # fmt: skip
    scheduler: Literal["linear", "cosine", "constant", "constant_with_warmup", "cosine_with_restarts", "polynomial"] = (
        _setting(
            "linear", "Learning rate falls", "How the learning rate goes down towards the end. cosine_with_restarts "
            "begins anew twice; polynomial falls with the square of what is left.", group="fast",
        )
    )  # fmt: skip
    warmup_share: float = _setting(
        0.05, "Warm-up", "Share of the steps in which the learning rate rises.", group="fast", ge=0, le=0.5,
        up="starts gentler", down="starts at once",
    )  # fmt: skip
    max_grad_norm: float = _setting(
        1.0, "Gradient clipping", "The longest that a correction may be.", group="fast", gt=0, le=1000,
        up="lets rare examples pull harder", down="is steadier and slower",
    )  # fmt: skip
    optimizer: Literal[
        "auto", "adamw_torch", "adamw_8bit", "paged_adamw_8bit", "paged_adamw_32bit", "lion_8bit", "adafactor", "sgd",
        "galore_adamw", "apollo_adamw",
    ] = _setting(
        "auto", "Optimizer", "auto: adamw_8bit on a graphics card, adamw_torch without one. galore_adamw and "
        "apollo_adamw, each an extra, need less memory where all weights learn.", group="fast",
    )  # fmt: skip
    packing: bool = _setting(
        False, "Packing", "Puts short examples into one row up to the longest: faster on a graphics card.",
        group="fast",
    )  # fmt: skip
    seed: int = _setting(
        3407, "Seed", "The same seed shuffles the same way.", group="fast", ge=0, le=2**31 - 1,
    )  # fmt: skip

    max_steps: int = _setting(
        0, "Steps at most", "0 means: as many as the epochs need.", group="stop", ge=0, le=1_000_000, unit="steps",
    )  # fmt: skip
    eval_steps: int = _setting(
        0, "Looks at held-out examples every", "0 means: ten times in a run.", group="stop", ge=0, le=1_000_000,
        unit="steps", up="is faster", down="draws a finer curve and takes longer",
    )  # fmt: skip
    save_steps: int = _setting(
        0, "Saves every", "0 means: four times in a run, and every ten minutes.", group="stop", ge=0, le=1_000_000,
        unit="steps", up="writes less", down="loses less when the power fails",
    )  # fmt: skip
    keep_best: bool = _setting(
        True, "Keep the best", "The adapter of the lowest held-out loss is kept, not that of the last step.",
        group="stop",
    )  # fmt: skip
    early_stopping_patience: int = _setting(
        0, "Stop early after", "Looks without a better held-out loss after which it stops; 0 means never.",
        group="stop", ge=0, le=100, unit="looks", up="waits longer for a late gain", down="saves time",
    )  # fmt: skip
    early_stopping_threshold: float = _setting(
        0.0, "Better means by", "How much lower the held-out loss must be to count as better.", group="stop",
        ge=0, le=10, up="stops sooner", down="counts small gains too",
    )  # fmt: skip
    log_to: Literal["nothing", "tensorboard", "wandb", "trackio"] = _setting(
        "nothing", "Also log to", "Tunesmith draws the curve itself. wandb sends it to their servers; the others stay "
        "on this machine.", group="stop",
    )  # fmt: skip

    gradient_checkpointing: Literal["auto", "unsloth", "on", "off"] = _setting(
        "auto", "Gradient checkpointing", "Counts activations again instead of keeping them: less memory, a fifth to "
        "a third slower. auto: unsloth's on a graphics card, off without one.", group="memory",
    )  # fmt: skip
    offload_layers: int = _setting(
        0, "Layers off the card", "Layers that wait in the computer's memory until it is their turn: for models larger "
        "than the graphics card.", group="memory", ge=0, le=200, unit="layers",
        up="needs less of the card, and each batch takes longer", down="is faster",
    )  # fmt: skip


SETTINGS: dict[str, FieldInfo] = {
    name: info for name, info in Recipe.model_fields.items() if isinstance(info.json_schema_extra, dict)
}


def settings_of(group: Group) -> list[str]:
    return [name for name, info in SETTINGS.items() if _extra(info)["group"] == group]


def _extra(info: FieldInfo) -> dict[str, Any]:
    return info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}


def help_line(name: str) -> str:
    """One setting's help: what it is, and what happens when it goes up or down."""
    info = SETTINGS[name]
    extra = _extra(info)
    more = [
        f"Higher {extra['up']}." if extra["up"] else "",
        f"Lower {extra['down']}." if extra["down"] else "",
    ]
    return " ".join(part for part in (info.description or "", *more) if part)


def unit(name: str) -> str:
    return str(_extra(SETTINGS[name])["unit"])


def choices(name: str) -> list[str]:
    """What can be chosen; empty where a number, yes or no, or any text is asked for."""
    info = SETTINGS[name]
    return [str(choice) for choice in get_args(info.annotation)] or list(_extra(info)["choices"])


def bounds(name: str) -> tuple[float | None, float | None]:
    """(least, most) that a setting may be; None where open."""
    least: float | None = None
    most: float | None = None
    for rule in SETTINGS[name].metadata:
        least = getattr(rule, "ge", getattr(rule, "gt", least))
        most = getattr(rule, "le", getattr(rule, "lt", most))
    return least, most


def say_bounds(name: str) -> str:
    """ "from 1 to 256"; empty for a setting that is no number."""
    least, most = bounds(name)
    if least is None or most is None:
        return ""
    highest = f"{most:,}" if isinstance(most, int) else f"{most:g}"
    if _has_rule(name, "gt"):
        return f"above {least:g}, at most {highest}"
    return f"at least {least:g}, below {highest}" if _has_rule(name, "lt") else f"from {least:g} to {highest}"


def _has_rule(name: str, kind: str) -> bool:
    return any(hasattr(rule, kind) for rule in SETTINGS[name].metadata)


def say_what_it_may_be(name: str) -> str:
    if said := say_bounds(name):
        return f"Must be {'a whole number' if SETTINGS[name].annotation is int else 'a number'} {said}."
    words = ", ".join(choices(name) or ["on", "off"])
    return f"Must be one of {words}{', or names with commas' if SETTINGS[name].annotation is str else ''}."


def make_recipe(**values: Any) -> Recipe:
    """Raises: SettingError that names the first setting out of its bounds, in words."""
    try:
        return Recipe(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "recipe"
        info = Recipe.model_fields.get(name)
        title = info.title if info else name
        if info is None:
            raise SettingError(f"There is no setting {name!r}.", f"Settings are: {', '.join(SETTINGS)}.") from error
        if first["type"] == "missing":
            raise SettingError(
                f"The recipe does not say its {str(title).lower()}.", f"Add a line '{name}: ...'. {info.description}"
            ) from error
        do = say_what_it_may_be(name) if name in SETTINGS else info.description or ""
        raise SettingError(f"{title} cannot be {first['input']!r}.", do) from error


def count_steps(recipe: Recipe, examples: int) -> int:
    """Optimizer steps of a run; the last batch of an epoch may be smaller."""
    batches = math.ceil(examples / recipe.batch_size)
    steps_per_epoch = max(1, math.ceil(batches / recipe.gradient_accumulation))
    steps = max(1, math.ceil(steps_per_epoch * recipe.epochs))
    return min(steps, recipe.max_steps) if recipe.max_steps else steps


def count_warmup_steps(recipe: Recipe, steps: int) -> int:
    """Whole steps only, so that a run of one is not spent at a learning rate of 0."""
    return 0 if recipe.scheduler == "constant" else int(steps * recipe.warmup_share)


def steps_between_looks(recipe: Recipe, steps: int) -> int:
    return recipe.eval_steps or max(1, steps // LOOKS)


def steps_between_saves(recipe: Recipe, steps: int) -> int:
    return recipe.save_steps or max(1, steps // SAVES)


def adapter_layers(recipe: Recipe) -> str | list[str]:
    """As PEFT takes them: "all-linear", or names of layers."""
    if recipe.target_modules == "all-linear":
        return "all-linear"
    names = ATTENTION if recipe.target_modules == "attention" else tuple(recipe.target_modules.split(","))
    return [name.strip() for name in names]


def layers_meant(names: Iterable[str], known: Iterable[str]) -> tuple[set[str], set[str]]:
    """(those of a model's layers that these names mean, names for which it has no layer).

    A layer that holds several, such as qkv_proj, is meant by each of them.
    """
    asked = set(names)
    called = {name: {name, *ALSO_CALLED.get(name, ())} for name in known}
    found = {name for name, own in called.items() if own & asked}
    return found, asked - set().union(*called.values())


def write_recipe(path: Path, recipe: Recipe) -> None:
    write_whole(path, yaml.safe_dump(recipe.model_dump(), sort_keys=False, allow_unicode=True))


def read_recipe(path: Path) -> Recipe:
    """Raises: SettingError if the file is missing, is no YAML, or names a setting that is none."""
    try:
        file = path.stat()
        return _read_recipe(path, file.st_mtime_ns, file.st_size)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        raise SettingError(f"There is no recipe {path}.", "Check the path.") from None


@lru_cache(maxsize=4096)  # a list of all runs is read every few seconds, and a recipe never changes
def _read_recipe(path: Path, mtime_ns: int, size_bytes: int) -> Recipe:
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), Loader=YAML_LOADER)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingError(f"{path.name} is not YAML: {error}", "Write one 'name: value' a line.") from error
    if not isinstance(values, dict):
        raise SettingError(f"{path.name} holds no settings.", "Write one 'name: value' a line.")
    return make_recipe(**_as_named_today({str(name): value for name, value in values.items()}))


def _as_named_today(values: dict[str, Any]) -> dict[str, Any]:
    """Recipes of version 0.1 had `quantization`, and counted looks and saves in a run."""
    methods = {"4bit": "qlora", "16bit": "lora"}
    if "quantization" in values:
        values["method"] = methods.get(values.pop("quantization"), "auto")
    return {name: value for name, value in values.items() if name not in ("evaluations", "checkpoints")}
