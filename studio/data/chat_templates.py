"""Chat templates for models that bring none: bases that were never taught to chat."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from studio.errors import ModelError

OWN = "own"
END = "[[end]]"


@dataclass(frozen=True)
class ChatTemplate:
    """`source` is a Jinja program in which END stands for the mark behind an answer.

    `needs` are special tokens without which the marks would be spelled letter by letter; `end` is used where the
    tokenizer has it, else the token that ends its texts.
    """

    title: str
    source: str
    end: str
    needs: tuple[str, ...] = ()


CHAT_TEMPLATES: dict[str, ChatTemplate] = {
    "chatml": ChatTemplate(
        "ChatML",
        "{{ bos_token }}{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
        f"{END}\n"
        "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
        "<|im_end|>",
    ),
    "llama3": ChatTemplate(
        "Llama 3",
        "{{ bos_token }}{% for message in messages %}<|start_header_id|>{{ message['role'] }}<|end_header_id|>\n\n"
        "{{ message['content'] | trim }}"
        f"{END}"
        "{% endfor %}{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}",
        "<|eot_id|>",
        ("<|start_header_id|>", "<|end_header_id|>"),
    ),
    "gemma": ChatTemplate(
        "Gemma",
        "{{ bos_token }}{% for message in messages %}"
        "{% if message['role'] == 'system' %}{{ raise_exception('There is no system role.') }}{% endif %}"
        "<start_of_turn>{{ 'model' if message['role'] == 'assistant' else 'user' }}\n{{ message['content'] | trim }}"
        f"{END}\n"
        "{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}",
        "<end_of_turn>",
        ("<start_of_turn>", "<end_of_turn>"),
    ),
    "mistral": ChatTemplate(
        "Mistral",
        "{{ bos_token }}{% for message in messages %}"
        "{% if message['role'] == 'system' %}{{ raise_exception('There is no system role.') }}{% endif %}"
        "{% if message['role'] == 'user' %}[INST] {{ message['content'] }}[/INST]"
        "{% else %} {{ message['content'] }}"
        f"{END}"
        "{% endif %}{% endfor %}",
        "</s>",
        ("[INST]", "[/INST]"),
    ),
}


def fill_in(name: str, model: str, tokens: Collection[str], end_of_text: str) -> tuple[str, str]:
    """(the program, the mark that ends an answer) of a template for a tokenizer with these special tokens.

    Raises: ModelError if the template's marks are none of them.
    """
    template = CHAT_TEMPLATES[name]
    if missing := [mark for mark in template.needs if mark not in tokens]:
        raise ModelError(
            f"{model} has no {' and no '.join(missing)}, which the chat template {template.title} is made of.",
            "Choose chatml under 'Chat template': it works with every model.",
        )
    end = template.end if template.end in tokens else end_of_text
    if not end:
        raise ModelError(
            f"{model} has no token that ends a text, so answers would never end.", "Pick another base model."
        )
    return template.source.replace(END, end), end
