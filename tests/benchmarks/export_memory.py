"""What an export takes of the machine's memory, for a model of 1.5 billion random weights saved in shards of 500 MB.

    python -m tests.benchmarks.export_memory FOLDER [QUANT ...]

FOLDER keeps the model for the next time. Anonymous memory is what the system cannot take back: pages of files that are
mapped, as the weights of a base are, it can. Linux alone.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path

from studio.data.datasets import read_examples, save_dataset
from studio.errors import TunesmithError
from studio.export.gguf import export_run, note_of, read_export
from studio.process import ProcessId
from studio.runs import Run, create_run, marks_of_base, open_run, workspace_of
from studio.store import write_json
from studio.tasks import read_note
from studio.train.recipe import make_recipe
from studio.workspace import Workspace
from tests.families.tiny import FAMILIES
from tests.families.tokenizers import write_tokenizer

QWEN_1_5B = {
    "hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28, "num_attention_heads": 12,
    "num_key_value_heads": 2, "max_position_embeddings": 32768, "tie_word_embeddings": True,
}  # fmt: skip


def build(folder: Path, cache: Path) -> Path:
    """Qwen 2.5's architecture and tokenizer, with random weights."""
    if not (folder / "config.json").exists():
        import torch
        from transformers import AutoTokenizer, Qwen2Config, Qwen2ForCausalLM

        folder.mkdir(parents=True, exist_ok=True)
        write_tokenizer(FAMILIES["Qwen 2.5"].vocabulary, folder, cache)
        tokenizer = AutoTokenizer.from_pretrained(folder)
        torch.set_default_dtype(torch.bfloat16)
        ends = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
        model = Qwen2ForCausalLM(Qwen2Config(vocab_size=151936, **QWEN_1_5B, **ends))
        torch.nn.init.normal_(model.get_input_embeddings().weight, std=0.06)  # words that rounding does not mix up
        model.save_pretrained(folder, max_shard_size="500MB")
    return folder


def save_rooms(workspace: Workspace) -> str:
    """Short answers, since random weights never end theirs."""
    rows = [{"instruction": f"Where is room {number}?", "output": f"On floor {number % 7}."} for number in range(200)]
    file = workspace.root / "rooms.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return save_dataset(workspace, "rooms", file.name, read_examples(file)).name


def adapt(run: Run, base: Path) -> Run:
    """As if it had trained, which takes long without a card: an adapter of random weights on all layers."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    config = LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16), config)
    for name, weights in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weights, std=0.01)
    model.save_pretrained(run.adapter)
    write_json(run.folder / "state.json", {**run.status, "state": "done", "base_marks": marks_of_base(base)})
    return open_run(workspace_of(run.folder), run.id)


def anonymous_bytes(process: ProcessId) -> int:
    """0 once it is gone."""
    try:
        lines = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:")), 0)


def measure(run: Run, quant: str) -> dict[str, object]:
    """The peak of each step, as its progress names it."""
    peaks: dict[str, int] = {}
    began_s, ended = time.monotonic(), threading.Event()

    def look() -> None:
        while not ended.wait(0.02):
            note = read_note(note_of(run, "gguf", quant))
            if "pid" in note:
                step = note["message"].partition(":")[0]
                taken = anonymous_bytes(ProcessId(note["pid"], note["started_s"]))
                peaks[step] = max(peaks.get(step, 0), taken)

    looking = threading.Thread(target=look)
    looking.start()
    said = ""
    try:
        for _ in export_run(run, "gguf", quant):
            pass
    except TunesmithError as error:  # of which the peak is known all the same
        said = error.what
    finally:
        ended.set()
        looking.join()
    made = read_export(run, "gguf", quant)
    return {
        "quant": quant,
        "seconds": round(time.monotonic() - began_s),
        "anonymous_peak_gb": round(max(peaks.values()) / 1e9, 2),
        "of_steps_gb": {step: round(peak / 1e9, 2) for step, peak in peaks.items()},
        "file_gb": round(made.size_bytes / 1e9, 2) if made else None,
        "agreement": made.check["agreement"] if made else said,
    }


def main(folder: Path, quants: list[str]) -> None:
    workspace = Workspace.open(folder / "workspace")
    base = build(folder / "base", folder / "packages")
    recipe = make_recipe(
        data=save_rooms(workspace), base=str(base), method="lora", max_steps=1, max_length=64, batch_size=1,
        eval_steps=100, save_steps=100, gradient_accumulation=1, target_modules="all-linear",
    )  # fmt: skip
    run = adapt(create_run(workspace, recipe), base)
    for quant in quants:
        print(json.dumps(measure(run, quant)), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:] or ["q4_k_m", "q8_0", "f16"])
