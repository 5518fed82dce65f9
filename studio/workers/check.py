"""The proof of an export: the file is run, and must go on as the trained model does."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from studio.data.conversation import Conversation
from studio.data.tokens import FolderTokenizer
from studio.tasks import Progress, Report
from studio.workers.generate import Answer, Prompt
from studio.workers.llamacpp import LlamaCpp

PROMPTS = 10
TOKENS_A_PROMPT = 32
# 4-bit rounding of the smallest models keeps about nine of ten; a damaged file keeps less than half.
LEAST_AGREEMENT = 0.8


def check_gguf(
    gguf: Path,
    asked: Sequence[Conversation],
    expected: Sequence[Answer],
    tokenizer: FolderTokenizer,
    end_ids: Collection[int],
    most_tokens: int,
    report: Report,
) -> dict[str, Any]:
    """Ask the file what the adapter was asked, and follow the adapter's answer token by token.

    Returns: prompts; same_prompt, the share whose token ids equal the adapter's; finished, the share of its own
        answers that end; should_finish, the same of the adapter's; agreement, the share of next tokens that are the
        adapter's, 0 to 1; good; answers.
    """
    model = LlamaCpp(gguf, slots=1)  # asked one thing at a time, and each slot has a memory of its own
    same = agreeing = compared = finished = lost = 0
    answers = []
    for index, (conversation, answer) in enumerate(zip(asked, expected, strict=True)):
        report(Progress(f"Checking: question {index + 1} of {len(asked)}", 0.86 + 0.14 * index / len(asked)))
        said = tokenizer.folded(conversation.prompt)
        ids = Prompt("tuned", conversation.prompt, thinks=True).ids(tokenizer)  # as the file's own template begins
        same += model.prompt_ids(said) == ids
        for position, token in enumerate(answer.ids[:TOKENS_A_PROMPT]):
            given = model.next_token([*ids, *answer.ids[:position]])
            agreeing += given == token or (given is None and token in end_ids)
            compared += 1
        reply = model.ask(said, tokenizer, most_tokens)
        finished += reply.finished
        # A rounded file's own answer may run on by chance: then llama.cpp itself must stop where the adapter did, which
        # it does not if the end mark is no end to it.
        ends = reply.finished or model.next_token([*ids, *answer.ids[:-1]]) is None
        lost += answer.finished and not ends
        answers.append({"row": conversation.row, "adapter": answer.text, "gguf": reply.text})
    model.close()
    count = len(asked)
    agreement = round(agreeing / max(compared, 1), 3)
    ending = sum(answer.finished for answer in expected)
    return {
        "prompts": count,
        "same_prompt": same / count,
        "finished": finished / count,
        "agreement": agreement,
        "should_finish": ending / count,
        "good": same == count and agreement >= LEAST_AGREEMENT and lost <= (1 - LEAST_AGREEMENT) * ending,
        "answers": answers,
    }
