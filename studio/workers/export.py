"""Takes a run home: adapter, merged folder, or a GGUF that was run. `export NOTE RUN_FOLDER KIND QUANT`"""

from __future__ import annotations

import gc
import os
import shutil
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from studio.data.datasets import label_all, open_dataset
from studio.disk import move, move_over
from studio.errors import ExportError, TunesmithError
from studio.export.gguf import QUANTS, Quant, clear_leftovers, folder_of, memory_needed, path_of
from studio.export.ollama import build_modelfile
from studio.runs import Run, base_of, open_run, workspace_of
from studio.store import require_space
from studio.store import write_whole as write_text
from studio.tasks import Progress, Report, run_task
from studio.train.models import name_base
from studio.train.shape import read_shape
from studio.train.tokenizing import tokenizer_of
from studio.workers.check import PROMPTS, check_gguf
from studio.workers.checkpoints import is_disk_full
from studio.workers.generate import Generator, Prompt, end_ids_of
from studio.workers.heldout import held_out_or_begun, longest_answer
from studio.workers.load import load_tuned
from studio.workers.room import require_memory
from studio.workers.whole import copy_files_of, merge, write_whole

CLOSE_OTHERS = "Close other programs, such as a chat that is open, and export again. F16 and Q8_0 need the least."
PARTS = "parts"  # of what is being made; gone at the end
OF_TRAINING = ("training_args.bin", "README.md")  # a file that runs code when it is opened, and a form to fill in
LOFTQ_WORDS = (
    "It began by LoftQ: whoever loads it must load its base at 4 bits (NF4, double quantization), for which it makes "
    "up. On the base at 16 bits it answers worse."
)
PLAINLY_WORDS = (
    "This kind of model cannot be rounded with your examples in view yet, so the file was rounded without them. Q8_0 "
    "is closer to the trained model."
)


def export(run: Run, kind: str, quant: Quant, report: Report) -> dict[str, Any]:
    """Raises: TunesmithError for what a person can mend."""
    began = time.monotonic()
    base = base_of(run)
    place = folder_of(run, kind, quant.id)
    weights = _size_bytes((run.adapter if run.learned_whole else base).glob("*.safetensors"))
    adapter = _size_bytes(run.adapter.iterdir())
    needed = {"adapter": adapter, "merged": weights, "gguf": int(weights * (1 + quant.share))}[kind]  # gguf: both
    require_space(workspace_of(run.folder).exports, int(needed * 1.1) + 200_000_000, "This export")
    if kind != "adapter":
        shape = read_shape(workspace_of(run.folder), base)
        needs = memory_needed(shape, kind == "gguf" and quant.calibrated, weights)
        require_memory(needs, "This export", CLOSE_OTHERS, on_card=False)
    clear_leftovers(place.parent)
    work = place.with_name(f".{place.name}.{os.getpid()}")
    work.mkdir(parents=True)
    try:
        make = {"adapter": _export_adapter, "merged": _export_merged, "gguf": _export_gguf}[kind]
        result = make(run, base, quant, work, report)
        move_over(work, place)
    except Exception as error:
        if not isinstance(error, TunesmithError) and is_disk_full(error, place.parent):
            raise ExportError(
                "The disk became full while the file was made; nothing of it is left.",
                f"Free {needed * 1.1 / 1e9:.1f} GB and export again. An export that was there before is untouched.",
            ) from error
        raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
    path = path_of(run, kind, quant.id)
    size = path.stat().st_size if path.is_file() else _size_bytes(path.rglob("*"))
    return {"size_bytes": size, "seconds": round(time.monotonic() - began, 1), **result}


def _size_bytes(files: Iterable[Path]) -> int:
    return sum(file.stat().st_size for file in files if file.is_file())


def _export_adapter(run: Run, base: Path, quant: Quant, work: Path, report: Report) -> dict[str, Any]:
    report(Progress("Copying the adapter", 0.5))
    shutil.copytree(run.adapter, work, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*OF_TRAINING))
    copy_files_of(base, tokenizer_of(base, run.recipe), work)
    name_base(work, run.recipe.base)  # earlier runs named a folder of this machine
    return {"checked": False, "check": {}, "words": LOFTQ_WORDS if run.recipe.use_loftq else ""}


def _export_merged(run: Run, base: Path, quant: Quant, work: Path, report: Report) -> dict[str, Any]:
    report(Progress(_words_of_merging(run), 0.2))
    write_whole(merge(_load_whole(base, run), work / PARTS), base, tokenizer_of(base, run.recipe), work)
    shutil.rmtree(work / PARTS, ignore_errors=True)
    return {"checked": False, "check": {}}


def _load_whole(base: Path, run: Run) -> Any:
    """In 16 bits, as merging needs it, and not on a card: one that trains it in 4 may not hold it."""
    return load_tuned(base, run, four_bit=False, on_card=False, as_filed=True)


def _words_of_merging(run: Run) -> str:
    if run.learned_whole:
        return "Nothing to merge, all weights learned: writing the model"
    return "Merging the adapter into the 16-bit base"


def _export_gguf(run: Run, base: Path, quant: Quant, work: Path, report: Report) -> dict[str, Any]:
    # AutoRound takes seconds to import, and only this kind needs it.
    from studio.workers.k_quants import can_calibrate
    from studio.workers.quantize import quantize

    report(Progress("Loading the trained model", 0.02))
    tokenizer = tokenizer_of(base, run.recipe)
    dataset = open_dataset(workspace_of(run.folder), run.recipe.data)
    kept = held_out_or_begun(run)
    asked = kept[:PROMPTS]
    most = longest_answer(kept, tokenizer)
    model = _load_whole(base, run)
    asking = "Asking the trained model what the file will be asked"
    report(Progress(asking, 0.05))
    ends = end_ids_of(base, tokenizer)
    generator = Generator(model, tokenizer, ends)
    expected = generator.answer(
        [Prompt("tuned", c.prompt, thinks=True) for c in asked],
        most_tokens=most,
        count=lambda written: report(Progress(asking, 0.05 + 0.07 * written / most)),
    )
    report(Progress(_words_of_merging(run), 0.12))
    merged = merge(model, work / PARTS / "merged")
    del generator, model
    calibration = []
    if quant.calibrated and can_calibrate(merged):
        labelled, _ = label_all(dataset.conversations("train"), tokenizer, run.recipe.max_length)
        calibration = [tokens.input_ids for tokens in labelled]
    report(Progress("Converting and rounding", 0.2))
    made = quantize(merged, base, tokenizer, quant, calibration, work / PARTS, report)
    del merged
    gc.collect()  # what proves the file needs the memory
    name = path_of(run, "gguf", quant.id).name
    move(made, work / name)
    shutil.rmtree(work / PARTS, ignore_errors=True)  # Windows lets go of what was mapped only with the process
    check = check_gguf(work / name, asked, expected, tokenizer, ends, most, report)
    if not check["good"]:
        raise ExportError(
            f"The file was made but does not answer as the trained model does "
            f"({check['agreement']:.0%} of next tokens agree, {check['same_prompt']:.0%} of prompts read alike, "
            f"{check['finished']:.0%} of answers end and {check['should_finish']:.0%} should), so it is not given out.",
            "Try Q8_0 or F16; if those fail too, llama.cpp reads this model otherwise than it was trained.",
        )
    others = [mark for mark in map(tokenizer.tokenizer.id_to_token, sorted(ends)) if mark]
    modelfile = build_modelfile(name, tokenizer, dataset.system, others)
    write_text(work / "Modelfile", modelfile)
    words = PLAINLY_WORDS if quant.calibrated and not calibration else ""
    return {"checked": True, "check": check, "modelfile": modelfile, "words": words}


def main(note: str, folder: str, kind: str, quant: str) -> int:
    run = open_run(workspace_of(Path(folder)), Path(folder).name)
    return run_task(Path(note), lambda report: export(run, kind, QUANTS[quant], report))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
