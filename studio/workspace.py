"""Where everything is kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import platformdirs

REPOSITORY = Path(__file__).resolve().parent.parent
ASSETS = REPOSITORY / "assets"
SAMPLE = ASSETS / "sample" / "orders.jsonl"


@dataclass(frozen=True)
class Workspace:
    """The folder of one person's work; its place is the platform's data folder, or `--workspace`."""

    root: Path

    @classmethod
    def open(cls, root: str | Path | None = None) -> Workspace:
        folder = Path(root).expanduser() if root else Path(platformdirs.user_data_dir("tunesmith", False))
        workspace = cls(folder.resolve())
        for place in (workspace.datasets, workspace.models, workspace.runs, workspace.exports):
            place.mkdir(parents=True, exist_ok=True)
        return workspace

    @property
    def datasets(self) -> Path:
        return self.root / "datasets"

    @property
    def models(self) -> Path:
        return self.root / "models"

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    @property
    def exports(self) -> Path:
        return self.root / "exports"

    @property
    def queue(self) -> Path:
        return self.root / "queue"

    @property
    def settings(self) -> Path:
        return self.root / "settings.json"
