"""A workspace whose base is a model of a few thousand weights, so that a run takes seconds."""

from __future__ import annotations

from pathlib import Path

from studio.data.datasets import read_examples, save_dataset
from studio.workspace import SAMPLE, Workspace


def build_tiny_llama(starter: Path, place: Path) -> Path:
    """Llama's architecture at random, with the starter's tokenizer."""
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM, set_seed

    set_seed(1)
    tokenizer = AutoTokenizer.from_pretrained(starter)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, max_position_embeddings=512, bos_token_id=1, eos_token_id=2, pad_token_id=2,
        tie_word_embeddings=True,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(place)
    tokenizer.save_pretrained(place)
    return place


def save_some(workspace: Workspace, examples: int = 60) -> str:
    """The first examples of the sample, as a data set of its own."""
    lines = SAMPLE.read_text(encoding="utf-8").splitlines()[:examples]
    file = workspace.root / "some.jsonl"
    file.write_text("\n".join(lines), encoding="utf-8")
    return save_dataset(workspace, "some", file.name, read_examples(file)).name
