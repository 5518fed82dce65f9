"""A recipe as one plain Python file with Unsloth and TRL, which trains the same without Tunesmith.

train.py          assets/train.py.jinja, with the lines that this recipe needs
train.jsonl       the examples to learn from        validation.jsonl   those that are watched
"""

from __future__ import annotations

import json
import sys
import textwrap
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jinja2

from studio.data.datasets import open_dataset
from studio.errors import RunError
from studio.extras import EXTRAS
from studio.hardware import processor_has_bf16, read_machine
from studio.store import read_json, write_whole
from studio.train.memory import optimizer_of, targets_of
from studio.train.models import STARTER, WANTED_FILES, is_folder, require_base, title_of, within_context
from studio.train.recipe import (
    ALSO_CALLED,
    ATTENTION,
    GROUPS,
    LOOKS,
    LOW_RANK,
    LOW_RANK_DIRECTIONS,
    SAVES,
    SCHEDULES,
    SETTINGS,
    Recipe,
    settings_of,
)
from studio.train.script_examples import Examples, Row, learn_of, read_rows
from studio.train.script_source import NOTHING, read_source, write_imports
from studio.train.shape import ModelShape, quick_shape, read_shape
from studio.train.tokenizing import tokenizer_of
from studio.workspace import ASSETS, Workspace

FILE = "train.py"
TEMPLATE = ASSETS / "train.py.jinja"
IMPORTS = {
    ("json", ""), ("math", ""), ("pathlib", "Path"), ("torch", ""), ("datasets", "Dataset"),
    ("trl", "SFTConfig"), ("trl", "SFTTrainer"),
}  # fmt: skip
PACKAGES = ("unsloth", "trl", "transformers", "peft", "torch")
LONGEST_LINE = 120
LLAMAS = (*ATTENTION, "gate_proj", "up_proj", "down_proj")  # in the order in which they are usually named
OF_THE_ADAPTER = (
    "lora_rank", "lora_alpha", "lora_dropout", "target_modules", "use_rslora", "use_dora", "use_loftq",
    "modules_to_save", "offload_layers",
)  # fmt: skip
OF_WATCHING = ("eval_steps", "keep_best", "early_stopping_patience", "early_stopping_threshold")
IN_LABEL = ("task", "chat_template", "answers_only")
# "auto" and what works on a card alone are decided where the script runs, as a run does.
CHECKPOINTING = {"auto": '"unsloth" if ON_CARD else False', "unsloth": '"unsloth"', "on": "True", "off": "False"}
FOUR_BIT = {"auto": "ON_CARD", "qlora": "True", "lora": "False"}


@dataclass(frozen=True)
class Script:
    """`files` maps the name of each file to what it holds."""

    files: dict[str, str]

    @property
    def text(self) -> str:
        return self.files[FILE]

    def write(self, folder: Path) -> list[Path]:
        """Raises: RunError if a script is there already, which somebody may have changed."""
        if (folder / FILE).exists():
            raise RunError(f"There is a {FILE} in {folder} already.", "Pick another folder, or delete that one first.")
        for name, text in self.files.items():
            write_whole(folder / name, text)
        return [folder / name for name in self.files]

    def write_zip(self, path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in self.files.items():
                archive.writestr(f"{path.stem}/{name}", text)
        return path


def as_script(workspace: Workspace, recipe: Recipe, on_card: bool | None = None) -> Script:
    """What trains as a run of this recipe does: the same rows, order, labels and steps.

    It runs with a graphics card and without. Unless this machine has one, or `on_card` says that there will be one, it
    carries what a run on a processor does besides.
    Raises: DataError if the data set is gone or nothing of it can be learned; ModelError if the base is not here.
    """
    base = require_base(workspace, recipe.base)
    recipe = within_context(recipe, base)
    examples = read_rows(open_dataset(workspace, recipe.data), tokenizer_of(base, recipe), recipe)
    for_card = read_machine().card is not None if on_card is None else on_card
    files = {
        FILE: _render(recipe, base, quick_shape(workspace, base) or read_shape(workspace, base), examples, for_card),
        "train.jsonl": _as_jsonl(examples.train),
    }
    return Script(files | ({"validation.jsonl": _as_jsonl(examples.validation)} if examples.validation else {}))


def _as_jsonl(rows: list[Row]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _render(recipe: Recipe, base: Path, shape: ModelShape, examples: Examples, on_card: bool) -> str:
    watched, full = bool(examples.validation), recipe.method == "full"
    on_hub = recipe.base != STARTER and not is_folder(recipe.base)
    keeps_best, stops_early = watched and recipe.keep_best, watched and recipe.early_stopping_patience > 0
    left_out = _left_out(recipe, watched)
    layers = set[str]()
    for name in targets_of(recipe, shape):  # Unsloth finds a block of experts by the names of what it holds
        own = name.partition("#")[0]
        layers |= set(ALSO_CALLED.get(own.removeprefix("experts."), ())) if own.startswith("experts.") else {own}
        layers |= {"down_proj"} if own == "experts.down_proj" else set()
    sampler = read_source("sampler.py", "StepSampler")
    loftq = read_source("loftq.py", "start_by_loftq") if recipe.use_loftq and not full else NOTHING
    fused = NOTHING if on_card else read_source("fused.py", "fuse")
    imports = IMPORTS | sampler.imports | loftq.imports | fused.imports
    imports |= {("shutil", ""), ("transformers", "TrainerCallback")} if keeps_best else set()
    imports |= {("transformers", "EarlyStoppingCallback")} if stops_early else set()
    imports |= set() if examples.have("ids") else {("transformers", "PreTrainedTokenizerFast")}
    imports |= {("huggingface_hub", "snapshot_download")} if on_hub else set()
    packages = (*PACKAGES, *(EXTRAS[extra].module for name, extra in LOW_RANK.items() if name == recipe.optimizer))
    standard = {found for found in imports if found[0].partition(".")[0] in sys.stdlib_module_names}
    environment = jinja2.Environment(
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined
    )  # a Python file: nothing is to be escaped as in HTML
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        recipe=recipe,
        examples=examples,
        title=_in_a_docstring(f'{title_of(recipe.base)} on "{recipe.name or recipe.data}"'),
        packages=[f'"{package}=={version(package)}"' for package in packages],
        on_hub=on_hub,
        is_starter=recipe.base == STARTER,
        base=_quoted(recipe.base if on_hub else str(base)),
        revision=(read_json(base / "tunesmith.json") or {}).get("sha") if on_hub else None,
        files=_quoted(WANTED_FILES),
        constants=[(title, lines) for title, lines in _constants(recipe, left_out, layers) if lines],
        left_out=_say_left_out(left_out),
        full=full,
        processor_has_bf16=processor_has_bf16(),
        standard=write_imports(standard),
        others=write_imports(imports - standard),
        loftq=loftq.text,
        fused=fused.text,
        learn=learn_of(recipe),
        messages=examples.have("messages"),
        texts=examples.have("text"),
        ends=bool(tokenizer_of(base, recipe).eos_token),
        sampler=sampler.text,
        watched=watched,
        keeps_best=keeps_best,
        stops_early=stops_early,
        schedules=SCHEDULES,
        low_rank=LOW_RANK,
        directions=LOW_RANK_DIRECTIONS,
        looks=LOOKS,
        saves=SAVES,
    )


def _constants(recipe: Recipe, left_out: dict[str, str], layers: set[str]) -> Iterator[tuple[str, list[str]]]:
    """Of each group of the form its title, and a line for each setting that this recipe needs."""
    for group, title in GROUPS.items():
        names = [name for name in settings_of(group) if name not in left_out]
        yield title, [_constant(name, recipe, layers) for name in names]


def _constant(name: str, recipe: Recipe, layers: set[str]) -> str:
    """'LORA_RANK = 16  # Rank: how much the adapter can learn'"""
    if name == "method":
        return f"FOUR_BIT = {FOUR_BIT[recipe.method]}  # Method: whether the weights are at 4 bits, as with qlora"
    title, words = str(SETTINGS[name].title), (SETTINGS[name].description or "").partition(". ")[0].rstrip(".")
    line = f"{name.upper()} = {_value(name, recipe, layers)}  # {title}"
    longer = f"{line}: {words[:1].lower()}{words[1:]}"
    return longer if len(longer) <= LONGEST_LINE else line


def _value(name: str, recipe: Recipe, layers: set[str]) -> str:
    """As Python writes it; `layers` are those of the model that get an adapter."""
    value: Any = getattr(recipe, name)
    if name == "gradient_checkpointing":
        return CHECKPOINTING[value]
    if name == "packing":
        return "ON_CARD"
    if name == "optimizer":
        on_card, without = optimizer_of(recipe, True), optimizer_of(recipe, False)
        return _quoted(on_card) if on_card == without else f"{_quoted(on_card)} if ON_CARD else {_quoted(without)}"
    if name == "target_modules":
        return _quoted(sorted(layers, key=lambda name: (LLAMAS.index(name) if name in LLAMAS else len(LLAMAS), name)))
    if name == "modules_to_save":
        return _quoted(value.split(","))
    return _quoted(value) if isinstance(value, str) else repr(value)


def _quoted(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _left_out(recipe: Recipe, watched: bool) -> dict[str, str]:
    """name -> why the script has no constant of it."""
    why = dict.fromkeys(IN_LABEL, "Settled in `label` below")
    if recipe.method == "full":
        why |= {"method": "Settled where the model is loaded"} | dict.fromkeys(
            OF_THE_ADAPTER, "Of an adapter, which the method full has not"
        )
    if not watched:
        why |= dict.fromkeys(OF_WATCHING, "No held-out example is there to look at")
    why.setdefault("keep_best", "Settled at the end" if recipe.keep_best else "Off: what the last step learned is kept")
    if not recipe.early_stopping_patience:
        why.setdefault("early_stopping_threshold", "Off")
    if recipe.use_loftq:
        why.setdefault("use_loftq", "Settled where the model is loaded")
    off = {"modules_to_save": "none", "log_to": "nothing"}
    for name in ("use_rslora", "use_dora", "use_loftq", "neftune_noise_alpha", "packing", "max_steps",
                 "early_stopping_patience", "offload_layers", *off):  # fmt: skip
        if getattr(recipe, name) in (0, off.get(name)):
            why.setdefault(name, "Off")
    if recipe.scheduler == "constant":
        why["warmup_share"] = "A constant rate has none"
    for name, times in (("eval_steps", LOOKS), ("save_steps", SAVES)):
        if not getattr(recipe, name):
            why.setdefault(name, f"Counted from the steps, {times} times in a run")
    return why


def _say_left_out(left_out: dict[str, str]) -> list[str]:
    reasons = dict.fromkeys(left_out[name] for name in SETTINGS if name in left_out)
    said = [f"{why}: {', '.join(name for name in SETTINGS if left_out.get(name) == why)}." for why in reasons]
    more = "What it was called and started from changes nothing of the training: data, base, name, preset."
    return [line for text in (*said, more) for line in textwrap.wrap(text, LONGEST_LINE - 2)]


def _in_a_docstring(words: str) -> str:
    return words.replace("\\", "/").replace('"""', "'''")
