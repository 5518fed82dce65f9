"""What train_speed.py compares against: Unsloth and TRL as their notebooks have it. `bare_train BASE DATA BATCH OUT`

Weights, adapter, optimizer and precision are the studio's, and so are the batches: DATA holds the rows in their order,
{"input_ids", "labels"} a line. Writes the adapter into OUT, and into OUT/clock.json how long its steps took and what
their mean loss was.
"""

import json
import sys
from pathlib import Path

import unsloth  # noqa: F401  # isort: skip  (it patches trl and transformers, so it comes first)
import torch
from datasets import Dataset
from timing import Clock
from trl import SFTConfig, SFTTrainer
from unsloth import FastLanguageModel

base, data, batch, out = sys.argv[1:]
on_card = torch.cuda.is_available()
rows = [json.loads(line) for line in Path(data).read_text(encoding="utf-8").splitlines()]
model, tokenizer = FastLanguageModel.from_pretrained(base, max_seq_length=1024, load_in_4bit=on_card)
model = FastLanguageModel.get_peft_model(
    model,
    r=16,
    lora_alpha=32,
    lora_dropout=0,
    target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
    use_gradient_checkpointing="unsloth" if on_card else False,
)
clock = Clock()
trainer = SFTTrainer(
    model=model,
    processing_class=tokenizer,
    train_dataset=Dataset.from_list(rows),
    args=SFTConfig(
        output_dir=out,
        per_device_train_batch_size=int(batch),
        train_sampling_strategy="sequential",
        num_train_epochs=1,
        max_length=1024,
        learning_rate=2e-4,
        warmup_steps=1,
        weight_decay=0.01,
        optim="adamw_8bit" if on_card else "adamw_torch",
        bf16=on_card and torch.cuda.is_bf16_supported(),
        fp16=on_card and not torch.cuda.is_bf16_supported(),
        gradient_checkpointing=on_card,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
    ),
)
result = trainer.train()
trainer.save_model(out)
(Path(out) / "clock.json").write_text(json.dumps({**clock.read(), "loss": result.training_loss}), encoding="utf-8")
