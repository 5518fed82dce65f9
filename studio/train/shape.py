"""How large a model is and what it is made of: from the model itself, or from the numbers of its config.json."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from studio.errors import ModelError
from studio.store import read_json, write_json
from studio.tasks import Progress, follow, result_of
from studio.workspace import Workspace

Linears = dict[str, tuple[int, int, int]]

FUSED = frozenset({"phi3"})  # q, k and v in one layer, gate and up in one
NORMED_HEADS = frozenset({"qwen3", "qwen3_moe", "gemma3_text"})
BIASED_ATTENTION = frozenset({"qwen2"})
FOUR_NORMS = frozenset({"gemma3_text"})
SHARED_EXPERT = frozenset({"llama4_text"})
MIXTURES = frozenset({"qwen3_moe", "llama4_text"})
COUNTED = frozenset({"llama", "mistral", "qwen2", "qwen3", "gemma3_text", "phi3", *MIXTURES})
TIED_BY_DEFAULT = frozenset({"gemma3_text"})


@dataclass(frozen=True)
class ModelShape:
    """What memory is counted from. `parameters` are all of a model, each once, a picture tower's among them.

    `linears` maps a layer's name to (inputs, outputs, how many of it), experts counted each, without the head;
    `experts` is 0 in a dense model, `active_experts` is how many of them a token passes.
    """

    parameters: int
    hidden_size: int
    layers: int
    intermediate_size: int
    attention_heads: int
    kv_heads: int
    head_dim: int
    vocab_size: int
    tied: bool
    context_tokens: int
    experts: int = 0
    active_experts: int = 0
    linears: Linears = field(default_factory=dict)

    @property
    def linear_parameters(self) -> int:
        return sum(inputs * outputs * count for inputs, outputs, count in self.linears.values())

    @property
    def layer_names(self) -> set[str]:
        """As a recipe may name them; experts that lie in one block by the name of their block."""
        return {name.partition("#")[0].removeprefix("experts.") for name in self.linears}

    @property
    def table_parameters(self) -> int:
        """The word table, and the head where it is one of its own."""
        return self.vocab_size * self.hidden_size * (1 if self.tied else 2)

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def shape_from_json(values: Mapping[str, Any]) -> ModelShape:
    linears = {name: (int(i), int(o), int(count)) for name, (i, o, count) in values["linears"].items()}
    return ModelShape(**{**values, "linears": linears})


def read_shape(workspace: Workspace, folder: Path) -> ModelShape:
    """Of a model in a folder; counted once by building it without weights, which takes some seconds.

    Raises: ModelError if its config.json is missing; TunesmithError if transformers does not know such a model.
    """
    for _ in ensure_shape(workspace, folder):
        pass
    shape = remembered_shape(workspace, folder)
    if shape is None:
        raise ModelError(f"{folder.name} was changed while it was counted.", "Try again.")
    return shape


def ensure_shape(workspace: Workspace, folder: Path) -> Iterator[Progress]:
    """Count a model in a process of its own, unless it is remembered, and tell how far it is."""
    place = _place(workspace, folder)
    if remembered_shape(workspace, folder) is None:
        note = place.with_suffix(".task.json")
        yield from follow(workspace, note, "shape", folder)
        write_json(place, result_of(note))
        note.unlink(missing_ok=True)


def remembered_shape(workspace: Workspace, folder: Path) -> ModelShape | None:
    """What was counted before; None if it was not, or the configuration has changed since."""
    known = read_json(_place(workspace, folder))
    return shape_from_json(known) if known else None


def quick_shape(workspace: Workspace, folder: Path) -> ModelShape | None:
    """What can be told without a process: what is remembered, else what the configuration's numbers say."""
    try:
        return remembered_shape(workspace, folder) or shape_of_config(read_json(folder / "config.json") or {})
    except ModelError:
        return None


def _place(workspace: Workspace, folder: Path) -> Path:
    try:
        configuration = (folder / "config.json").read_bytes()
    except OSError:
        raise ModelError(f"There is no model at {folder}.", "Pick a folder with config.json.") from None
    return workspace.models / ".shapes" / f"{hashlib.sha256(configuration).hexdigest()[:20]}.json"


def shape_of_config(config: Mapping[str, Any]) -> ModelShape:
    """Count from the numbers of a config.json, for architectures in the manner of Llama, dense or mixtures.

    Raises: ModelError for an architecture that is counted otherwise.
    """
    text = config.get("text_config") or config
    kind = str(text.get("model_type", config.get("model_type", "")))
    if kind not in COUNTED:
        raise ModelError(f"A model of the kind {kind or 'unknown'!r} is not counted by its numbers.", "Count it whole.")
    try:
        return _count(text, kind)
    except (KeyError, TypeError) as error:
        raise ModelError(f"The configuration lacks {error}.", "Pick a folder with a whole config.json.") from error


def _count(text: Mapping[str, Any], kind: str) -> ModelShape:
    hidden, layers = int(text["hidden_size"]), int(text["num_hidden_layers"])
    heads = int(text["num_attention_heads"])
    kv_heads = int(text.get("num_key_value_heads") or heads)
    head_dim = int(text.get("head_dim") or hidden // heads)
    vocabulary = int(text["vocab_size"])
    tied = bool(text.get("tie_word_embeddings", kind in TIED_BY_DEFAULT))
    query, key_value = heads * head_dim, kv_heads * head_dim
    experts = _experts(text) if kind in MIXTURES else 0
    wide = int(text["moe_intermediate_size"] if kind == "qwen3_moe" else text["intermediate_size"])
    fused = kind in FUSED
    linears = _attention(hidden, query, key_value, layers, fused)
    linears |= _feed_forward(hidden, wide, layers, kind, experts, fused)
    plain = hidden * (layers * (4 if kind in FOUR_NORMS else 2) + 1)  # norms
    plain += 2 * head_dim * layers if kind in NORMED_HEADS else 0
    plain += layers * (query + 2 * key_value) if kind in BIASED_ATTENTION else 0
    plain += layers * hidden * experts  # the router
    counted = sum(inputs * outputs * count for inputs, outputs, count in linears.values())
    active = int(text.get("num_experts_per_tok", 1)) if experts else 0
    return ModelShape(
        parameters=counted + plain + vocabulary * hidden * (1 if tied else 2),
        hidden_size=hidden,
        layers=layers,
        intermediate_size=wide,
        attention_heads=heads,
        kv_heads=kv_heads,
        head_dim=head_dim,
        vocab_size=vocabulary,
        tied=tied,
        context_tokens=int(text.get("max_position_embeddings", 0)),
        experts=experts,
        active_experts=active + (1 if kind in SHARED_EXPERT else 0),
        linears=linears,
    )


def _experts(text: Mapping[str, Any]) -> int:
    return int(text["num_local_experts"] if "num_local_experts" in text else text["num_experts"])


def _attention(hidden: int, query: int, key_value: int, layers: int, fused: bool) -> Linears:
    if fused:
        return {"qkv_proj": (hidden, query + 2 * key_value, layers), "o_proj": (query, hidden, layers)}
    return {
        "q_proj": (hidden, query, layers),
        "k_proj": (hidden, key_value, layers),
        "v_proj": (hidden, key_value, layers),
        "o_proj": (query, hidden, layers),
    }


def _feed_forward(hidden: int, wide: int, layers: int, kind: str, experts: int, fused: bool) -> Linears:
    if fused:
        return {"gate_up_proj": (hidden, 2 * wide, layers), "down_proj": (wide, hidden, layers)}
    apart: Linears = {
        "gate_proj": (hidden, wide, layers),
        "up_proj": (hidden, wide, layers),
        "down_proj": (wide, hidden, layers),
    }
    if not experts:
        return apart
    together: Linears = {
        "experts.gate_up_proj": (hidden, 2 * wide, layers * experts),
        "experts.down_proj": (wide, hidden, layers * experts),
    }
    return together | (apart if kind in SHARED_EXPERT else {})
