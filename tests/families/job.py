"""The whole job for tiny models of families, by the program's own workers: each family in a fork of one process.

`job FOLDER CACHE HIDDEN METHOD QUANTS FAMILY...` writes FOLDER/<family>.json for each. Importing the libraries takes
ten seconds, and a fork has them already.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from studio.workers import export, trainer  # isort: skip  (Unsloth must come first)

import torch
from peft import PeftModel
from safetensors import safe_open
from transformers import AutoConfig

from studio.data.conversation import Message
from studio.data.datasets import read_examples, save_dataset
from studio.export.gguf import QUANTS, folder_of
from studio.runs import Run, create_run, open_run
from studio.store import write_json
from studio.train.memory import count_learning
from studio.train.recipe import make_recipe
from studio.train.tokenizing import tokenizer_of
from studio.workers import score
from studio.workers.check import check_gguf
from studio.workers.generate import Generator, Prompt, end_ids_of
from studio.workers.heldout import held_out
from studio.workers.load import auto_class, load_base, load_tuned
from studio.workers.report import RunReport
from studio.workers.shape import count_model
from studio.workspace import Workspace
from tests.families.job_names import MISTAKEN, ROUNDED, name_of
from tests.families.tiny import build_family

WORDS = (
    "amber", "birch", "cedar", "daisy", "ember", "ferry", "grove", "heron", "islet", "jetty", "kelp", "lemon", "maple",
    "north", "olive", "pearl", "quill", "river", "stone", "tulip", "umber", "vivid", "woods", "yacht", "zesty", "acorn",
    "bluff", "coral", "delta", "eagle", "fable", "glass", "hazel", "ivory", "jewel", "koala", "lotus", "mango",
)  # fmt: skip
UNSEEN = 32
LEFT_OUT = "PEFT puts no adapter on "
SETTINGS: dict[str, Any] = {
    "batch_size": 4, "max_steps": 24, "learning_rate": 0.003, "lora_alpha": 64, "max_length": 256, "eval_steps": 24,
    "save_steps": 24, "scheduler": "constant", "epochs": 10,
}  # fmt: skip


def save_data(workspace: Workspace) -> str:
    rows = [
        {"messages": [{"role": "system", "content": "Be brief."}] * (number % 2)
         + [{"role": "user", "content": f"Where is the {word}?"},
            {"role": "assistant", "content": "It is in the hall."}]}
        for number, word in enumerate(WORDS)
    ]  # fmt: skip
    file = workspace.root / "rooms.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return save_dataset(workspace, "rooms", file.name, read_examples(file)).name


def work(family: str, folder: Path, cache: Path, hidden: int, method: str, quants: list[str]) -> dict[str, Any]:
    """What each step found; a step that fails stands under its name with its error."""
    workspace = Workspace.open(folder / name_of(family))
    base = build_family(family, folder / name_of(family) / "base", cache, hidden)
    recipe = make_recipe(data=save_data(workspace), base=str(base), method=method, **SETTINGS)
    run = create_run(workspace, recipe)
    found: dict[str, Any] = {"family": family, "seconds": {}, "errors": {}}

    def step(name: str, act: Callable[[], Any]) -> None:
        began_s = time.monotonic()
        try:
            found[name] = act()
        except Exception as error:
            traceback.print_exc()
            found["errors"][name] = f"{type(error).__name__}: {error}"
        found["seconds"][name] = round(time.monotonic() - began_s, 1)

    step("shape", lambda: look_at_shape(run, base))
    step("train", lambda: train(run))
    run = open_run(workspace, run.id)
    if not run.has_adapter:
        return found
    step("layers", lambda: look_at_layers(run, found["shape"]["linears"]))
    step("answers", lambda: ask_both(run, base))
    step("score", lambda: {"keys": sorted(score.score(run, lambda progress: None))})
    for quant in dict.fromkeys([*quants, *(["q4_k_m"] if family in ROUNDED else [])]):
        step(quant, lambda quant=quant: export_gguf(run, quant))
    if quants and family in MISTAKEN:
        step("base_as_tuned", lambda: prove_base(run, base, quants[0]))
    step("merged", lambda: load_merged(run, base))
    return found


def train(run: Run) -> dict[str, Any]:
    report = RunReport(run)
    report.update("starting")
    trainer.train(run, report)
    told = next((words for _, words in run.story() if words.startswith(LEFT_OUT)), "")
    without = told.removeprefix(LEFT_OUT).partition(" beside ")[0]
    known = {name: report.status.get(name) for name in ("state", "engine", "loss", "heldout_loss", "message")}
    return {**known, "without_adapter": without.split(", ") if without else []}


def look_at_shape(run: Run, base: Path) -> dict[str, Any]:
    """What memory is counted from, beside the weights themselves."""
    shape = count_model(base)
    stored = 0
    with safe_open(base / "model.safetensors", "pt") as file:
        stored = sum(file.get_tensor(name).numel() for name in file.keys())  # noqa: SIM118
    learning = count_learning(run.recipe, shape, "lora")
    return {
        "parameters": shape.parameters,
        "stored": stored,
        "learning": learning,
        "linears": shape.as_json()["linears"],
    }


def look_at_layers(run: Run, linears: dict[str, Any]) -> dict[str, Any]:
    """The layers that learned, by their own names, and how many numbers did."""
    with safe_open(run.adapter / "adapter_model.safetensors", "pt") as file:
        names = list(file.keys())
        learned = sum(file.get_tensor(name).numel() for name in names)
    layers = {name.split(".lora_")[0].rpartition(".")[2] for name in names if ".lora_A" in name}
    others = [name for name in names if any(word in name for word in ("vision", "visual", "audio"))]
    return {"learned": sorted(layers), "count": learned, "in_pictures": others}


def ask_both(run: Run, base: Path) -> dict[str, Any]:
    """Base and tuned, from one batch where they can share one, on questions that no training saw."""
    tokenizer = tokenizer_of(base, run.recipe)
    generator = Generator(load_tuned(base, run, run.recipe.method == "qlora"), tokenizer, end_ids_of(base, tokenizer))
    asked = [[Message("user", f"Where is the {word} {number}?")] for number, word in enumerate(WORDS[:UNSEEN])]
    prompts = [Prompt(side, each) for side in ("base", "tuned") for each in asked]
    answers = generator.answer(prompts, most_tokens=16)
    bare, tuned = answers[: len(asked)], answers[len(asked) :]
    different = sum(one.ids != other.ids for one, other in zip(bare, tuned, strict=True))
    return {
        "shared": not generator.in_turn,
        "different": different / len(asked),
        "tuned": tuned[0].text,
        "finished": sum(answer.finished for answer in tuned) / len(asked),
    }


def export_gguf(run: Run, quant: str) -> dict[str, Any]:
    made = export.export(run, "gguf", QUANTS[quant], lambda progress: None)
    check = {name: value for name, value in made["check"].items() if name != "answers"}
    return check | {
        "modelfile": made["modelfile"],
        "words": made["words"],
        "left": sorted(f.name for f in folder_of(run, "gguf", quant).iterdir()),
    }


def prove_base(run: Run, base: Path, quant: str) -> dict[str, Any]:
    """The proof, with the base's own file in the place of the tuned one: it must not pass."""
    tokenizer = tokenizer_of(base, run.recipe)
    ends, asked = end_ids_of(base, tokenizer), held_out(run)
    generator = Generator(load_tuned(base, run, four_bit=False), tokenizer, ends)
    expected = generator.answer([Prompt("tuned", each.prompt, thinks=True) for each in asked], most_tokens=16)
    work = run.folder / "base-gguf"
    from studio.workers.quantize import quantize  # as the export does: it takes seconds to import

    bare = load_base(base, four_bit=False)
    made = quantize(bare, base, tokenizer, QUANTS["f16"], [], work, lambda progress: None)
    check = check_gguf(made, asked, expected, tokenizer, ends, 16, lambda progress: None)
    return {"good": check["good"], "agreement": check["agreement"]}


def load_merged(run: Run, base: Path) -> dict[str, Any]:
    """The merged folder and the adapter in plain Transformers and PEFT: the same next token as in the studio."""
    for each in ("merged", "adapter"):
        export.export(run, each, QUANTS["f16"], lambda progress: None)
    merged, adapter = folder_of(run, "merged", ""), folder_of(run, "adapter", "")
    kind = auto_class(AutoConfig.from_pretrained(merged))
    alone = kind.from_pretrained(merged, dtype=torch.float32).eval()
    plain = auto_class(AutoConfig.from_pretrained(base)).from_pretrained(base, dtype=torch.float32)
    with_adapter = PeftModel.from_pretrained(plain, adapter).eval()
    ids = torch.tensor([tokenizer_of(base, run.recipe).prompt_ids([Message("user", "Where is the lamp?")])])
    with torch.no_grad():
        one, other = (model(input_ids=ids).logits[0, -1] for model in (alone, with_adapter))
    return {"same_token": bool(one.argmax() == other.argmax()), "files": sorted(f.name for f in merged.iterdir())}


def main(folder: Path, cache: Path, hidden: int, method: str, quants: list[str], families: list[str]) -> None:
    for family in families:
        child = os.fork()
        if child:
            os.waitpid(child, 0)
            continue
        log = os.open(folder / f"{name_of(family)}.log", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
        for stream in (1, 2):
            os.dup2(log, stream)
        torch.set_num_threads(1)  # those of OpenMP do not survive a fork
        try:
            found = work(family, folder, cache, hidden, method, quants)
        except BaseException as error:
            traceback.print_exc()
            found = {"errors": {"all": f"{type(error).__name__}: {error}"}}
        write_json(folder / f"{name_of(family)}.json", found)
        os._exit(0)


if __name__ == "__main__":
    folder, cache, hidden, method, quants, *families = sys.argv[1:]
    main(Path(folder), Path(cache), int(hidden), method, [q for q in quants.split(",") if q], families)
