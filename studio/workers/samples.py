"""Three fixed prompts of the held-out part, answered at each evaluation, so that one watches the answers change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from studio.data.conversation import Conversation
from studio.data.tokens import FolderTokenizer
from studio.runs import Run
from studio.store import append_row
from studio.workers.generate import end_ids_of, without_router_loss
from studio.workers.heldout import learned_to_think

PROMPTS = 3
MOST_TOKENS = 128


def pick_prompts(conversations: Sequence[Conversation], tokenizer: FolderTokenizer) -> list[Conversation]:
    """The same at every start: those whose wanted answers are shortest to wait for among the first twenty."""
    asked = [conversation for conversation in conversations if not conversation.is_passage][:20]
    return sorted(asked, key=lambda conversation: len(tokenizer.encode(conversation.wanted)[0]))[:PROMPTS]


def build_answering(
    run: Run, model: Any, base: Path, tokenizer: FolderTokenizer, conversations: Sequence[Conversation]
) -> Callable[[int], None] | None:
    """Give a function that answers and writes samples.jsonl; None where nothing can be asked, as with plain text."""
    asked = pick_prompts(conversations, tokenizer)
    if not asked:
        return None
    thinks = learned_to_think(asked)
    prompts = [tokenizer.prompt_ids(each.prompt, each.tools, thinks) for each in asked]
    longest = max(map(len, prompts))
    wanted = max(len(tokenizer.encode(each.thought + each.wanted)[0]) for each in asked)
    ends = end_ids_of(base, tokenizer)
    pad = min(ends)

    def answer(step: int) -> None:
        device = model.device  # its first weights may lie elsewhere: Unsloth keeps word tables off a tight card
        ids = torch.tensor([[pad] * (longest - len(row)) + row for row in prompts], device=device)
        mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in prompts], device=device)
        with as_before(model), torch.no_grad(), without_router_loss(model):
            model.eval()
            output = model.generate(
                input_ids=ids, attention_mask=mask, max_new_tokens=min(MOST_TOKENS, wanted + wanted // 4 + 4),
                do_sample=False, temperature=None, top_p=None, top_k=None, pad_token_id=pad, eos_token_id=sorted(ends),
            )  # fmt: skip
        for conversation, row in zip(asked, output[:, longest:].tolist(), strict=True):
            end = next((place for place, token in enumerate(row) if token in ends), None)
            _, text = tokenizer.read_answer(row[:end], thinks)
            said = {"prompt": conversation.prompt[-1].content, "wanted": conversation.wanted, "answer": text}
            append_row(run.samples, {"step": step, **said})

    return answer


@contextmanager
def as_before(model: Any) -> Iterator[None]:
    """Afterwards the model learns as it did: in the same mode, and its activations as sparingly.

    Unsloth's `generate` switches gradient checkpointing off and, where it finds the model in eval mode, leaves it off;
    for models of some families it always does.
    """
    was_training = model.training
    checkpointed = [module for module in model.modules() if hasattr(module, "gradient_checkpointing")]
    flags = [module.gradient_checkpointing for module in checkpointed]
    try:
        yield
    finally:
        if was_training and hasattr(model, "for_training"):  # Unsloth's: what else it had set for answering
            model.for_training()
        model.train(was_training)
        for module, flag in zip(checkpointed, flags, strict=True):
            module.gradient_checkpointing = flag
