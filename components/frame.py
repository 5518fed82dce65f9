"""What every tab is given, and what it gives the frame around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr

from studio.compare.at_work import require_none_at_work
from studio.compare.chat import Chat
from studio.data.datasets import Dataset, list_datasets, open_current
from studio.errors import RunError
from studio.place import read_place
from studio.runs import Run, list_runs, live_run, open_run
from studio.workspace import Workspace


@dataclass(frozen=True)
class Studio:
    """One window's program: where things are kept, and the model that is in memory for talking."""

    workspace: Workspace
    chat: Chat
    shared: bool = False


@dataclass(frozen=True)
class TabView:
    """`read` gives the values of `outputs` from disk, as they are now, by what `inputs` hold; `leads` maps buttons to
    tabs. What is shown by one of the events `interrupts` is not overwritten by a reading that began before.
    """

    read: Callable[..., Any]
    outputs: Sequence[gr.components.Component]
    leads: Sequence[tuple[gr.Button, str]] = ()
    inputs: Sequence[gr.components.Component] = ()
    interrupts: Sequence[Callable[..., Any]] = ()


@dataclass(frozen=True)
class Shown:
    """The data set on the page, in fields that nobody sees, and how a view leads to another one.

    `ref` is the version that is shown, `base` the model by whose tokens it was looked at. A press that makes or takes
    a version writes its ref into `arrived`, any other press an empty text, and its event stands in `arrivals`: what is
    written there alone decides, since the page may be reading the data set anew at the same moment.
    """

    ref: gr.Textbox
    base: gr.Textbox
    arrived: gr.Textbox
    arrivals: list[gr.events.Dependency]


@dataclass(frozen=True)
class DataView:
    """One view of a data set: `show` gives the values of `outputs` for a version and the model that counted it."""

    outputs: Sequence[Any]
    show: Callable[[Dataset, str], dict[Any, Any]]


def nothing_found(run: Run) -> dict[Any, Any]:
    return {}


@dataclass(frozen=True)
class RunView:
    """One view of the run that is picked: `show` gives the values of `outputs` for its id, or for none.

    `found` gives those that tell what was found out of a run, and of which a person types nothing.
    """

    outputs: Sequence[Any]
    show: Callable[[str | None], dict[Any, Any]]
    found: Callable[[Run], dict[Any, Any]] = field(default=nothing_found, kw_only=True)


def open_picked(studio: Studio, run_id: str | None) -> Run:
    """Raises: RunError if no run is picked, or it is gone."""
    if not run_id:
        raise RunError("No run is picked.", "Train one first, then pick it here.")
    return open_run(studio.workspace, run_id)


def require_rest(studio: Studio, but: Path | None = None) -> None:
    """Raises: RunError while a run has the memory that others would need; the work of the note `but` is no other."""
    live = live_run(studio.workspace)
    if live:
        raise RunError(
            f"{live.title} is training, and it has the memory.", "Wait for its end, or stop it; then try again."
        )
    require_none_at_work(studio.workspace, but)


def dataset_choices(studio: Studio) -> list[tuple[str, str]]:
    """Of each data set the version that the person works with: (title, ref)."""
    current = [open_current(studio.workspace, dataset.name) for dataset in list_datasets(studio.workspace)]
    return [(f"{dataset.title} ({dataset.description['examples']:,} examples)", dataset.ref) for dataset in current]


def current_ref(studio: Studio) -> str:
    """Of the data set that the person was at, else of the newest; empty if there is none."""
    refs = [ref for _, ref in dataset_choices(studio)]
    name = read_place(studio.workspace).dataset.partition("@")[0]
    return next((ref for ref in refs if ref.partition("@")[0] == name), next(iter(refs), ""))


def pick_dataset(studio: Studio) -> gr.Dropdown:
    """All data sets to choose from, with the one that the person was at."""
    return gr.Dropdown(choices=dataset_choices(studio), value=current_ref(studio) or None)


def run_choices(studio: Studio, only_with_adapter: bool = True) -> list[tuple[str, str]]:
    return [
        (title_with_state(run), run.id)
        for run in list_runs(studio.workspace)
        if run.has_adapter or not only_with_adapter
    ]


def title_with_state(run: Run) -> str:
    return f"{run.title}, {run.state}, {run.created:%d %b %H:%M}"


def pick(choices: Sequence[tuple[str, str]], wish: str) -> str | None:
    """The wish where it can be had, else the first."""
    values = [value for _, value in choices]
    return wish if wish in values else next(iter(values), None)
