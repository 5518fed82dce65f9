"""All runs as rows of a table: what each was made of, what differs from the one before it, and how it ended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.errors import SettingError, TunesmithError
from studio.run_notes import Notes, read_notes
from studio.runs import Run, list_runs, open_run
from studio.train.library import Difference, differences, show_value
from studio.train.models import STARTER, STARTER_TITLE, is_folder
from studio.train.presets import PRESETS, preset_settings
from studio.train.recipe import Recipe, make_recipe
from studio.workspace import Workspace

SHOWN = 3  # differences in a row of the table; all of them stand where a run is opened
UNSAID = ("preset", "base")  # the first says nothing beside what it set, the second has a column of its own


@dataclass(frozen=True)
class RunRow:
    """`before` is the run that `differences` are from, the one before it of the same data set and model.

    Where there is none, they are from what its preset would have made.
    """

    run: Run
    notes: Notes
    before: Run | None
    differences: tuple[Difference, ...]


def list_rows(workspace: Workspace) -> list[RunRow]:
    """Newest first, as `list_runs`."""
    latest: dict[tuple[str, str], Run] = {}
    rows = []
    for run in reversed(list_runs(workspace)):
        kin = (data_name(run.recipe.data), run.recipe.base)
        rows.append(_row(run, latest.get(kin)))
        latest[kin] = run
    return rows[::-1]


def _row(run: Run, before: Run | None) -> RunRow:
    against = before.recipe if before else preset_recipe(run.recipe)
    return RunRow(run, read_notes(run.folder), before, tuple(settings_that_differ(against, run.recipe)))


def row_of(workspace: Workspace, run_id: str) -> RunRow | None:
    return next((row for row in list_rows(workspace) if row.run.id == run_id), None)


def preset_recipe(recipe: Recipe) -> Recipe:
    """The recipe as its preset alone would make it; one of a preset that is gone, as the defaults would."""
    try:
        settings = preset_settings(recipe.preset, recipe.base)
    except SettingError:
        settings = {}
    return make_recipe(data=recipe.data, base=recipe.base, name=recipe.name, preset=recipe.preset, **settings)


def settings_that_differ(before: Recipe, now: Recipe) -> list[Difference]:
    return [found for found in differences(before, now) if found.field not in UNSAID]


def in_short(row: RunRow) -> str:
    """ "Rank 16 → 32, Epochs 3 → 5 and 2 more", or what it is the same as."""
    first = [f"{d.title} {_bare(d)} → {now_words(d)}" for d in row.differences[:SHOWN]]
    more = len(row.differences) - SHOWN
    if not first:
        return f"the same as “{row.before.title}”" if row.before else f"as {compared_with(row)}"
    return ", ".join(first) + (f" and {more} more" if more > 0 else "")


def compared_with(row: RunRow) -> str:
    """What the differences are from, in words."""
    if row.before:
        return f"“{row.before.title}”, the run before it"
    preset = PRESETS.get(row.run.recipe.preset)
    return f"the preset {preset.title}" if preset else "the defaults"


def before_words(difference: Difference) -> str:
    return _words(difference.field, difference.one)


def now_words(difference: Difference) -> str:
    return _words(difference.field, difference.other)


def _bare(difference: Difference) -> str:
    """Without its unit, which stands behind the other value."""
    words = before_words(difference)
    return words.partition(" ")[0] if isinstance(difference.one, int | float) else words


def _words(field: str, value: Any) -> str:
    return data_title(value) if field == "data" else show_value(field, value) or "none"


def best_of(run: Run) -> tuple[float, int | None] | None:
    loss = run.status.get("best_heldout_loss", run.status.get("heldout_loss"))
    return None if loss is None else (float(loss), run.status.get("best_step"))


def share_of(run: Run) -> float | None:
    """How much of a live run is done, 0 to 1; None where nothing runs or nobody knows yet."""
    steps = run.status.get("steps")
    return min(1.0, run.status.get("step", 0) / steps) if run.is_live and steps else None


def data_name(ref: str) -> str:
    return ref.partition("@")[0]


def data_title(ref: str) -> str:
    """As the data tab calls it: orders, or orders v2."""
    return ref.replace("@", " ")


def base_title(base: str) -> str:
    """A short name: the last part of a folder's path or of a hub's name."""
    if base == STARTER:
        return STARTER_TITLE.partition(" (")[0]
    return Path(base).name if is_folder(base) else base.rpartition("/")[2]


def size_of(run: Run) -> int:
    """Bytes that its folder takes on the disk; files that vanish while it is counted are none."""
    return sum(_sizes(run.folder.rglob("*")))


def _sizes(paths: Iterable[Path]) -> Iterable[int]:
    for path in paths:
        try:
            if path.is_file() and not path.is_symlink():
                yield path.stat().st_size
        except OSError:
            continue


def open_runs(workspace: Workspace, ids: Iterable[str]) -> list[Run]:
    """Those of them that are there."""
    found = []
    for run_id in ids:
        try:
            found.append(open_run(workspace, run_id))
        except TunesmithError:
            continue
    return found


def title_again(run: Run, taken: Iterable[str]) -> str:
    """What a run of the same recipe is called: "orders (2)", so that the two can be told apart."""
    root, _, number = run.title.rpartition(" (")
    root = root if root and number[:-1].isdigit() and number.endswith(")") else run.title
    known, count = set(taken), 2
    while f"{root} ({count})" in known:
        count += 1
    return f"{root[:50]} ({count})"
