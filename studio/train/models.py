"""Base models: the starter that comes along, a folder, or a name on the Hugging Face hub."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import httpx
import huggingface_hub
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
)
from tqdm import tqdm

from studio.errors import ModelError, TunesmithError
from studio.store import read_if_whole, read_json, require_space, write_json
from studio.tasks import Progress, Report, follow
from studio.train.base_kinds import origin_of, require_no_gguf, require_text_model
from studio.train.fetching import fetch_file, fetched_bytes, forget_parts
from studio.train.recipe import Recipe
from studio.workspace import Workspace

STARTER = "starter"
ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_BASE = "base_model_name_or_path"
STARTER_TITLE = "SmolLM2 135M (starter)"
STARTER_HUB = "HuggingFaceTB/SmolLM2-135M-Instruct"
WANTED_FILES = ("*.safetensors", "*.json", "*.jinja", "tokenizer.model", "*.txt", "LICENSE*", "README.md")


def title_of(base: str) -> str:
    return STARTER_TITLE if base == STARTER else Path(base).name if is_folder(base) else base


def is_folder(base: str) -> bool:
    return base not in ("", STARTER) and (Path(base).expanduser().is_dir() or base.startswith((".", "/", "~")))


def place_of(workspace: Workspace, base: str) -> Path:
    """Where a base stands, or will stand once it is ready."""
    if is_folder(base):
        return Path(base).expanduser().resolve()
    return workspace.models / re.sub(r"[^\w.-]+", "--", base)


def name_base(adapter: Path, base: str) -> None:
    """Note in an adapter's folder how others fetch its base; PEFT notes where it lay when it was trained."""
    config = read_json(adapter / ADAPTER_CONFIG)
    write_json(adapter / ADAPTER_CONFIG, {**config, ADAPTER_BASE: STARTER_HUB if base == STARTER else base})


def is_ready(workspace: Workspace, base: str) -> bool:
    place = place_of(workspace, base)
    return (place / "config.json").is_file() if is_folder(base) else (place / "tunesmith.json").is_file()


def list_models(workspace: Workspace) -> list[str]:
    """Names of the hub models that are downloaded already."""
    notes = (read_json(note) for note in sorted(workspace.models.glob("*/tunesmith.json")))
    return [note["name"] for note in notes if note and note["name"] != STARTER]


def require_base(workspace: Workspace, base: str) -> Path:
    """The folder of a base that is ready.

    Raises: ModelError if it is not there, or its weights are in a form that could run a stranger's program.
    """
    place = place_of(workspace, base)
    if is_folder(base):
        require_text_folder(place)
    if not (place / "config.json").is_file():
        raise ModelError(
            f"There is no model at {place}." if is_folder(base) else f"{title_of(base)} is not here, or not any more.",
            "Pick a folder with config.json and *.safetensors, or put back the one that was there."
            if is_folder(base)
            else f"Choose {title_of(base)} in Train and fetch it again, then repeat this; what was trained is kept.",
        )
    if not any(place.glob("*.safetensors")):
        raise ModelError(
            f"{place.name} has no weights in safetensors.",
            "Other forms can hide programs, so they are not opened. Pick a copy of the model in safetensors.",
        )
    return place


def require_text_folder(place: Path) -> None:
    """Raises: ModelError if what lies there is no model that writes text: an adapter, a GGUF, rounded weights."""
    require_no_gguf(place)
    if place.is_dir():
        files = [file.name for file in place.iterdir()]
        adapter = read_if_whole(place / ADAPTER_CONFIG) or {}
        require_text_model(
            place.name,
            files,
            read_if_whole(place / "config.json"),
            adapter_of=str(adapter.get(ADAPTER_BASE) or ""),
            made_from=origin_of(place),
        )


def within_context(recipe: Recipe, base: Path) -> Recipe:
    """Return the recipe with `max_length` no longer than the model's context.

    For more, Unsloth scales RoPE while it trains, and whatever loads the adapter later does not.
    """
    config = read_json(base / "config.json") or {}
    context = (config.get("text_config") or config).get("max_position_embeddings")
    if not isinstance(context, int) or context >= recipe.max_length:
        return recipe
    return recipe.model_copy(update={"max_length": context})


def ensure_base(workspace: Workspace, base: str) -> Iterator[Progress]:
    """Make a base ready in a process of its own, and tell how far it is.

    Raises: TunesmithError if it cannot be had.
    """
    if is_folder(base):
        require_base(workspace, base)
    elif not is_ready(workspace, base):
        yield from follow(workspace, note_of(workspace, base), "prepare", workspace.root, base)


def note_of(workspace: Workspace, base: str) -> Path:
    return workspace.models / f".{place_of(workspace, base).name}.task.json"


def download(workspace: Workspace, name: str, report: Report) -> Path:
    """Fetch a model of the hub into the workspace; what is there already is not fetched again.

    Raises: ModelError that says whether the name is wrong, a licence must be accepted, or the network is missing.
    """
    place = place_of(workspace, name)
    try:
        info = huggingface_hub.HfApi().model_info(name, files_metadata=True)
        files = [sibling.rfilename for sibling in info.siblings or []]
        sizes = {s.rfilename: s.size or 0 for s in info.siblings or [] if _is_wanted(s.rfilename)}
        if "config.json" not in files:
            adapter = _small_file(info, ADAPTER_CONFIG, files, place) or {}
            require_text_model(
                name, files, None, adapter_of=str(adapter.get(ADAPTER_BASE) or ""), made_from=_origin(info)
            )
        if not any(file.endswith(".safetensors") for file in sizes):
            require_text_model(name, files, {}, made_from=_origin(info))  # a GGUF says so
            raise ModelError(
                f"{name} has no weights in safetensors.",
                "Other forms can hide programs, so they are not opened. Pick another copy of the model.",
            )
        require_text_model(name, files, _small_file(info, "config.json", files, place), made_from=_origin(info))
        total = sum(sizes.values())
        require_space(workspace.models, total - fetched_bytes(place) + 1_000_000_000, f"{name}")
        done = 0
        for file, size in sorted(sizes.items(), key=lambda item: item[1]):
            report(Progress(f"Downloading {name}: {done / 1e9:.2f} of {total / 1e9:.2f} GB", done / max(total, 1)))
            fetch_file(name, file, info.sha or "main", place, _reporter(name, done, total, report))
            done += size
    except TunesmithError:
        raise
    except Exception as error:
        raise explain_hub_error(name, error) from error
    write_json(place / "tunesmith.json", {"name": name, "sha": info.sha})
    forget_parts(place)
    return place


def _small_file(
    info: huggingface_hub.ModelInfo, file: str, files: Collection[str], place: Path
) -> dict[str, Any] | None:
    """What one of its JSON files says, fetched before the weights are."""
    if file not in files:
        return None
    return read_if_whole(fetch_file(info.id, file, info.sha or "main", place)) or {}


def _origin(info: huggingface_hub.ModelInfo) -> str:
    """The model that its card says it was made from."""
    origin = getattr(info.card_data, "base_model", None) or ""
    return str(origin[0] if isinstance(origin, list) and origin else origin)


def _is_wanted(file: str) -> bool:
    # Mistral's repositories hold the weights twice, once in a form of their own.
    wanted = "/" not in file and any(Path(file).match(pattern) for pattern in WANTED_FILES)
    return wanted and not file.startswith("consolidated")


def _reporter(name: str, before: int, total: int, report: Report) -> Any:
    """A progress bar of the hub's library that reports here instead of drawing."""

    class Reporter(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **options: Any) -> None:
            options.pop("name", None)
            super().__init__(*args, **{**options, "disable": False, "file": _Nowhere()})

        def update(self, n: float | None = 1) -> Any:
            shown = super().update(n)
            done = before + self.n
            if shown:
                report(Progress(f"Downloading {name}: {done / 1e9:.2f} of {total / 1e9:.2f} GB", done / max(total, 1)))
            return shown

    return Reporter


class _Nowhere:
    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        return None


def explain_hub_error(name: str, error: Exception) -> ModelError:
    if isinstance(error, GatedRepoError):
        return ModelError(
            f"{name} is given only to people who have accepted its licence.",
            f"Open its page on huggingface.co, accept, make a read token in your settings there, "
            f"and set it as HF_TOKEN (or run 'hf auth login'). Then try {name} again.",
        )
    if isinstance(error, RepositoryNotFoundError | HFValidationError):
        return ModelError(
            f"The hub knows no model {name!r}, or it is private.",
            "Check the spelling (owner/name). For a private model set HF_TOKEN.",
        )
    if isinstance(error, HfHubHTTPError):
        return ModelError(f"The hub answered with an error: {error}.", "Try again later; what was fetched is kept.")
    if isinstance(error, LocalEntryNotFoundError | OSError | httpx.TransportError):
        return ModelError(
            f"The hub could not be reached for {name}: {type(error).__name__}.",
            "Check the network, then try again; what was fetched is kept. Behind a proxy set HTTPS_PROXY, for a mirror "
            "HF_ENDPOINT. The starter model needs no network.",
        )
    return ModelError(f"{name} could not be fetched: {error}.", "Try again; what was fetched is kept.")
