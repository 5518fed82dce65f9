"""Calls of tools that are wanted, in the words in which a model writes them."""

from __future__ import annotations

import sys
from dataclasses import replace

from studio.data.conversation import Conversation
from studio.data.tokens import FolderTokenizer, label_tokens


def calls_last(conversation: Conversation) -> bool:
    """Tools are called in the last answer."""
    last = len(conversation.prompt)
    return any(message.tool_calls for message in conversation.messages[last : last + 1])


def with_written_call(conversation: Conversation, tokenizer: FolderTokenizer) -> Conversation:
    """A last answer that calls tools, as the words in which the model writes the call; any other stays as it is.

    Raises: TemplateError as `label_tokens` does.
    """
    if not calls_last(conversation):
        return conversation
    last = len(conversation.prompt)
    answer = conversation.messages[last]
    upto = replace(conversation, messages=conversation.messages[: last + 1])
    ids = label_tokens(upto, tokenizer, sys.maxsize).input_ids[
        len(tokenizer.prompt_ids(upto.prompt, upto.tools, bool(answer.reasoning))) :
    ]
    _, words = tokenizer.read_answer(ids, bool(answer.reasoning))
    written = replace(answer, content=words.strip(), tool_calls=())
    return replace(conversation, messages=(*conversation.messages[:last], written, *conversation.messages[last + 1 :]))
