"""The tokenizer of a base as a recipe wants it: with the model's own chat template, or with the one that was chosen."""

from __future__ import annotations

from pathlib import Path

from studio.data.chat_templates import OWN
from studio.data.tokens import FolderTokenizer, brings_template, load_tokenizer
from studio.train.recipe import Recipe


def tokenizer_of(base: Path, recipe: Recipe) -> FolderTokenizer:
    """Raises: ModelError where the base brings no template, none was chosen, and the task needs one."""
    return load_tokenizer(base, template_of(base, recipe))


def template_of(base: Path, recipe: Recipe) -> str:
    """Plain text needs no template; whoever asks a model of it later, asks by ChatML."""
    return "chatml" if lacks_template(base, recipe) and recipe.task == "text" else recipe.chat_template


def lacks_template(base: Path, recipe: Recipe) -> bool:
    return recipe.chat_template == OWN and not brings_template(base)
