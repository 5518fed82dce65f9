"""Where the person was: the data set, the run, the model and the tab, kept in the workspace's settings.json."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

from studio.store import read_json, write_json
from studio.workspace import Workspace


@dataclass(frozen=True)
class Place:
    tab: str = "data"
    dataset: str = ""
    base: str = "starter"
    run: str = ""


def read_place(workspace: Workspace) -> Place:
    """Settings that a person or a dying disk has damaged are as none."""
    try:
        known = read_json(workspace.settings)
    except ValueError:
        known = None
    if not isinstance(known, dict):
        return Place()
    return Place(**{name: known[name] for name in asdict(Place()) if isinstance(known.get(name), str)})


def write_place(workspace: Workspace, **changes: str) -> Place:
    place = replace(read_place(workspace), **changes)
    write_json(workspace.settings, asdict(place))
    return place
