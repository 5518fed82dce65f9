"""What train_speed.py compares against: Unsloth and TRL as their notebooks have it. `bare_train BASE DATA STEPS`

Weights, adapter, optimizer and precision are the studio's. Prints one line: tokens that were no padding, and the
seconds of the training steps.
"""

import json
import sys
import time
from pathlib import Path

import unsloth  # noqa: F401  # isort: skip  (it patches trl and transformers, so it comes first)
import torch
from datasets import Dataset
from transformers import TrainerCallback
from trl import SFTConfig, SFTTrainer
from unsloth import FastLanguageModel


class Clock(TrainerCallback):
    def on_step_begin(self, args, state, control, **more):
        self.began_s = time.monotonic()

    def on_step_end(self, args, state, control, **more):
        self.seconds = getattr(self, "seconds", 0.0) + time.monotonic() - self.began_s


base, data, steps = sys.argv[1:]
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
    train_dataset=Dataset.from_list([{"messages": row["messages"]} for row in rows]),
    callbacks=[clock],
    args=SFTConfig(
        output_dir=data + ".out",
        per_device_train_batch_size=2,
        gradient_accumulation_steps=4,
        max_steps=int(steps),
        max_length=1024,
        learning_rate=2e-4,
        optim="adamw_8bit" if on_card else "adamw_torch",
        bf16=on_card and torch.cuda.is_bf16_supported(),
        fp16=on_card and not torch.cuda.is_bf16_supported(),
        include_num_input_tokens_seen="non_padding",
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
    ),
)
trainer.train()
print(json.dumps({"tokens": int(trainer.state.num_input_tokens_seen), "seconds": clock.seconds}))
