"""What settings are judged by: the machine, the base, the data, and which logs can be written."""

from __future__ import annotations

import importlib.util
import netrc
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from studio.data.datasets import Dataset
from studio.data.shapes import BY_NAME
from studio.errors import SettingError
from studio.extras import EXTRAS
from studio.hardware import Machine
from studio.train.recipe import LOW_RANK
from studio.train.shape import ModelShape

PASSAGES = BY_NAME["text to go on from"].name
LOG_PACKAGES = {
    "tensorboard": ("tensorboard", "tensorboardX"),
    "wandb": ("wandb",),
    "trackio": ("trackio",),
}


@dataclass(frozen=True)
class Facts:
    """`shape` is None while the base is not read yet; 0 examples: no data is picked.

    `lengths` in tokens, rising; empty while nobody has counted. `cannot_log` says of a choice of `log_to` what it
    lacks here, `cannot_step` the same of `optimizer`. `lacks_template`: the base is here and brings no chat template.
    `folds_system`: the data have a system prompt, and the base's template no place for it.
    """

    machine: Machine
    shape: ModelShape | None
    examples: int
    heldout: int
    is_passages: bool = False
    cannot_log: Mapping[str, str] = field(default_factory=dict)
    lengths: Sequence[int] = ()
    lacks_template: bool = False
    folds_system: bool = False
    cannot_step: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_card(self) -> bool:
        return self.machine.card is not None


@dataclass(frozen=True)
class Complaint:
    """A sentence for the field of a setting. `refuses`: the run would fail, or be nonsense."""

    field: str
    sentence: str
    refuses: bool = False


Complaints = Iterator[Complaint]


def read_facts(
    dataset: Dataset | None,
    machine: Machine,
    shape: ModelShape | None,
    lengths: Sequence[int] = (),
    lacks_template: bool = False,
    folds_system: bool = False,
) -> Facts:
    counts = dataset.counts if dataset else {}
    passages = dataset is not None and holds_passages(dataset)
    missing = find_missing_for_logs()
    learned, watched = counts.get("train", 0), counts.get("validation", 0)
    lacking = find_missing_optimizers()
    return Facts(machine, shape, learned, watched, passages, missing, lengths, lacks_template, folds_system, lacking)


def holds_passages(dataset: Dataset) -> bool:
    """Most of it is text to go on from, without question and answer."""
    shapes: dict[str, int] = dataset.description["shapes"]
    return 2 * shapes.get(PASSAGES, 0) > sum(shapes.values())


def find_missing_for_logs() -> dict[str, str]:
    """Of each log that cannot be written here: what it lacks. Nothing is imported, and no key is read."""
    missing = {
        name: f"The package {packages[0]} is not installed. Install it, or log to nothing else."
        for name, packages in LOG_PACKAGES.items()
        if not any(importlib.util.find_spec(package) for package in packages)
    }
    if "wandb" not in missing and not _has_wandb_account():
        missing["wandb"] = (
            "wandb has no account here, and a run cannot ask for one. Run 'wandb login', or set WANDB_API_KEY."
        )
    return missing


def find_missing_optimizers() -> dict[str, str]:
    """Of each optimizer whose extra was not added: how it is."""
    return {name: EXTRAS[extra].how for name, extra in LOW_RANK.items() if not EXTRAS[extra].is_added}


def require_optimizer(name: str) -> None:
    """Raises: SettingError if it is one of an extra that was not added."""
    if lacks := find_missing_optimizers().get(name):
        raise SettingError(f"The optimizer {name} is not here yet.", lacks)


def require_log(name: str) -> None:
    """Raises: SettingError that says what a log lacks, before anything is loaded for a run that it would break off."""
    if lacks := find_missing_for_logs().get(name):
        raise SettingError(f"This run cannot also log to {name}.", lacks)


def _has_wandb_account() -> bool:
    """A key in the environment or where `wandb login` puts it; or it is told to send nothing."""
    if os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_MODE") in ("offline", "disabled", "dryrun"):
        return True
    try:
        return netrc.netrc().authenticators("api.wandb.ai") is not None
    except (OSError, netrc.NetrcParseError):
        return False
