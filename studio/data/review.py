"""All that the Data tab and the verb `audit` say of a data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from studio.data.audit.checks import audit
from studio.data.audit.finding import Finding, Subject
from studio.data.conversation import Conversation
from studio.data.datasets import label_all
from studio.data.tokens import ChatTokenizer


@dataclass(frozen=True)
class Review:
    """`refused` counts examples that the model's chat template does not accept."""

    conversations: list[Conversation]
    findings: list[Finding]
    turns: int
    tokens: int
    learned_tokens: int
    refused: int


def review(
    conversations: list[Conversation],
    unreadable_rows: Sequence[int],
    tokenizer: ChatTokenizer,
    max_length: int,
) -> Review:
    accepted, labelled = label_all(conversations, tokenizer, max_length)
    subject = Subject(conversations, list(unreadable_rows), accepted, labelled)
    return Review(
        conversations,
        audit(subject),
        sum(len(c.turns) for c in conversations),
        sum(len(tokens.input_ids) + tokens.cut_tokens for tokens in labelled),
        sum(tokens.learned_tokens for tokens in labelled),
        len(conversations) - len(accepted),
    )
