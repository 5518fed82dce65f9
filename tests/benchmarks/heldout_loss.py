"""The loss of adapters on one and the same rows, by plain Transformers and PEFT. `heldout_loss BASE ROWS ADAPTER...`

ROWS holds {"input_ids", "labels"} a line. Prints a list: the mean over all learned tokens for the base, then for each.
"""

import json
import sys
from pathlib import Path

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM


def loss_of(model, rows):
    total, tokens = 0.0, 0
    with torch.no_grad():
        for row in rows:
            labels = torch.tensor([row["labels"]])
            learned = int((labels[:, 1:] != -100).sum())
            total += model(input_ids=torch.tensor([row["input_ids"]]), labels=labels).loss.item() * learned
            tokens += learned
    return total / tokens


base, file, *adapters = sys.argv[1:]
rows = [json.loads(line) for line in Path(file).read_text(encoding="utf-8").splitlines()]
losses = [loss_of(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32).eval(), rows)]
for adapter in adapters:
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    losses.append(loss_of(PeftModel.from_pretrained(model, adapter).eval(), rows))
print(json.dumps(losses))
