"""What a folder, or a repository of the hub, holds: told from file names and config.json, before weights are read."""

from __future__ import annotations

import re
import struct
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import yaml

from studio.errors import ModelError

# Releases that are rounded by their makers: they are unrolled to 16 bits as they are loaded.
UNROLLED = ("mxfp4", "fp8")
ROUNDED_NAME = re.compile(
    r"([-_.](unsloth|dynamic))*[-_.](bnb[-_.]4bit|bnb|gptq|awq|autoround|int[48]|w4a16|[48]bit|q\d\w*|gguf|exl[23]|mlx|nvfp4|hqq)"
    r"([-_.]\w+)*$",
    re.IGNORECASE,
)
GGUF_MAGIC = b"GGUF"
GGUF_STRING = 8
# Bytes of a GGUF value by its type's number; strings and lists have none.
GGUF_WIDTHS = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}


def require_text_model(
    name: str, files: Collection[str], config: Mapping[str, Any] | None, *, adapter_of: str = "", made_from: str = ""
) -> None:
    """Refuse what is no base for learning text, and say what to pick instead.

    `files`: names of what lies there; `config`: its config.json, None without one; `adapter_of`: the base of an
    adapter; `made_from`: the model that it names as the one it was made from.
    Raises: ModelError.
    """
    twin = made_from or twin_of(name)
    if config is None and "adapter_config.json" in files:
        raise ModelError(
            f"{name} is an adapter alone, which needs its base{f': {adapter_of}' if adapter_of else ''}.",
            f"Pick {adapter_of or 'the base that it was trained on'} as the model.",
        )
    if not any(file.endswith(".safetensors") for file in files) and any(file.endswith(".gguf") for file in files):
        raise _is_gguf(name, twin)
    if config is None:
        return
    _require_unrounded(name, config, twin)
    architectures = [str(each) for each in config.get("architectures") or ()]
    if architectures and not any(_writes_text(each, config) for each in architectures):
        raise ModelError(
            f"{name} is a {architectures[0]}: it does not write text from left to right, so it cannot learn to answer.",
            "Pick a model for chat or for text; those in the list are.",
        )


def require_no_gguf(path: Path) -> None:
    """Raises: ModelError if this is a GGUF file, with the model that its own description names."""
    if path.suffix.lower() == ".gguf" and path.is_file():
        raise _is_gguf(path.name, origin_of_gguf(path) or twin_of(path.stem))


def _is_gguf(name: str, twin: str) -> ModelError:
    return ModelError(
        f"{name} holds a GGUF, which is made for running a model and cannot be trained.",
        f"Pick the model that it was made from{f', probably {twin}' if twin else ''}, with weights in safetensors.",
    )


def _require_unrounded(name: str, config: Mapping[str, Any], twin: str) -> None:
    rounding = config.get("quantization_config") or config.get("text_config", {}).get("quantization_config")
    if not isinstance(rounding, Mapping):
        return
    method = str(rounding.get("quant_method") or ("bitsandbytes" if "load_in_4bit" in rounding else "unknown"))
    if method not in UNROLLED:
        bits = rounding.get("bits") or (4 if rounding.get("load_in_4bit") else 8 if rounding.get("load_in_8bit") else 0)
        raise ModelError(
            f"{name} holds weights that are rounded already ({method}{f', {bits} bits' if bits else ''}); "
            "what would be learned on them could not be merged or exported.",
            f"Pick the 16-bit model that it was made from{f', probably {twin}' if twin else ''}. With the method qlora "
            "it is rounded to 4 bits while it is loaded, and takes as little memory.",
        )


def _writes_text(architecture: str, config: Mapping[str, Any]) -> bool:
    if config.get("is_encoder_decoder"):
        return False
    if architecture.endswith(("ForCausalLM", "LMHeadModel", "ForCausalLMV")):
        return True
    return architecture.endswith("ForConditionalGeneration") and "text_config" in config


def twin_of(name: str) -> str:
    """The name without what says how it was rounded; empty if nothing says so."""
    twin = ROUNDED_NAME.sub("", name)
    return twin if twin != name else ""


def origin_of(folder: Path) -> str:
    """The model that a folder's card says it was made from; empty if it does not say."""
    card = folder / "README.md"
    try:
        text = card.read_text(encoding="utf-8", errors="replace")[:20_000]
        head = yaml.safe_load(text.split("---", 2)[1]) if text.startswith("---") else {}
    except (OSError, IndexError, yaml.YAMLError):
        return ""
    origin = head.get("base_model", "") if isinstance(head, dict) else ""
    return str(origin[0] if isinstance(origin, list) and origin else origin or "")


def origin_of_gguf(path: Path) -> str:
    """The model that a GGUF names as the one it was made from; empty if it does not say, or is no GGUF."""
    try:
        with path.open("rb") as file:
            known = dict(_descriptions(file))
    except (OSError, struct.error, ValueError):
        return ""
    for key in ("general.base_model.0.repo_url", "general.source.repo_url", "general.repo_url"):
        if url := known.get(key):
            return url.rstrip("/").split("huggingface.co/")[-1]
    return known.get("general.base_model.0.name", "")


def _descriptions(file: BinaryIO) -> Iterator[tuple[str, str]]:
    """The texts that a GGUF begins with, up to its first list: the `gguf` package reads all words first, for 15 s.

    Source: the GGUF format, https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.
    """
    magic, version, _, count = struct.unpack("<4sIQQ", file.read(24))
    if magic != GGUF_MAGIC or version < 2:
        raise ValueError("no GGUF")
    for _ in range(min(count, 1_000)):
        key = _text(file)
        (kind,) = struct.unpack("<I", file.read(4))
        if kind == GGUF_STRING:
            yield key, _text(file)
        elif kind in GGUF_WIDTHS:
            file.read(GGUF_WIDTHS[kind])
        else:
            return


def _text(file: BinaryIO) -> str:
    (size,) = struct.unpack("<Q", file.read(8))
    if size > 100_000:
        raise ValueError("too long for a description")
    return file.read(size).decode("utf-8", errors="replace")
