"""AutoRound's converters beside a `gguf` that is older than they are, until a newer `gguf` is on the index.

AutoRound 0.16.1 carries llama.cpp's converters, some of which name architectures and tensors that gguf 0.19.0 lacks.
One such name in a file keeps all of that file's converters from being imported: those of Qwen, Gemma, Granite and more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import EnumType
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import gguf

NAMED = re.compile(r"\bgguf\.(\w+)\.([A-Z][A-Z0-9_]*)\b")


@cache
def fill_in_names() -> tuple[str, ...]:
    """Give `gguf`'s enumerations the members that the converters name and it lacks; what they were.

    They are names alone, no members: a model that really needs one is refused by `is_known`.
    """
    return tuple(f"{kind.__name__}.{name}" for kind, name in _missing() if _fill_in(kind, name))


def is_known(model_class: Any) -> bool:
    """Whether `gguf` knows the architecture that a converter writes."""
    return isinstance(model_class.model_arch, gguf.MODEL_ARCH)


def versions() -> str:
    return f"auto-round {version('auto-round')}, gguf {version('gguf')}"


def _missing() -> Iterator[tuple[EnumType, str]]:
    from auto_round.export.export_to_gguf import llama_cpp_conversion

    named = set[tuple[str, str]]()
    for file in (Path(llama_cpp_conversion.__file__).parent / "conversion").glob("*.py"):
        named |= set(NAMED.findall(file.read_text(encoding="utf-8")))
    for kind_name, name in sorted(named):
        kind = getattr(gguf, kind_name, None)
        if isinstance(kind, EnumType) and not hasattr(kind, name):
            yield kind, name


def _fill_in(kind: EnumType, name: str) -> bool:
    setattr(kind, name, f"{kind.__name__}.{name} (newer than gguf {version('gguf')})")  # no member: a plain attribute
    return True
