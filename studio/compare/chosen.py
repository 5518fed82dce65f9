"""What a run is measured by, kept with it: the choice, and weighing its answers by it. No model is asked.

In the run's folder: score.wish.json, what is to be tried; score.choice.json, what was found to make sense.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, get_args

from studio.compare.weigh import weigh
from studio.data.datasets import open_dataset
from studio.data.splits import Split
from studio.errors import SettingError
from studio.runs import Run, workspace_of
from studio.scores.choice import Choice
from studio.scores.plain import average, measure
from studio.store import read_json, write_json

WISH, KEPT = "score.wish.json", "score.choice.json"
Row = dict[str, Any]


def read_choice(run: Run, file: str = KEPT) -> Choice:
    """Empty where the data decide."""
    kept = read_json(run.folder / file)
    return Choice.from_dict(kept) if kept else Choice()


def keep_choice(run: Run, choice: Choice, file: str = KEPT) -> None:
    write_json(run.folder / file, choice.as_dict())


def weigh_run(run: Run, rows: Sequence[Row], choice: Choice) -> dict[str, Any]:
    """What scores.json holds: examples, base, tuned (measure -> value), answers, and all that `weigh` gives.

    Raises: SettingError if the choice makes no sense of the answers; DataError if the data set is gone.
    """
    dataset = open_dataset(workspace_of(run.folder), run.recipe.data)
    everything = chain.from_iterable(dataset.conversations(part) for part in get_args(Split))
    wanted = [each.wanted for each in everything if not each.is_passage]
    return {
        "examples": len(rows),
        "base": average([measure(row["wanted"], row["base"]) for row in rows]),
        "tuned": average([measure(row["wanted"], row["tuned"]) for row in rows]),
        **weigh(wanted, rows, choice),
        "answers": list(rows),
    }


def weigh_as_kept(run: Run, rows: Sequence[Row]) -> dict[str, Any]:
    """By the choice that is kept; where that makes no sense of the answers the data decide, and `not_used` says why."""
    try:
        return weigh_run(run, rows, read_choice(run))
    except SettingError as error:
        return {**weigh_run(run, rows, Choice()), "not_used": error.as_dict()}


def try_wish(run: Run) -> dict[str, Any]:
    """Weigh the answers of scores.json anew, by what is wished; write both down if it makes sense.

    Raises: SettingError if it does not, and all stays as it was.
    """
    choice = read_choice(run, WISH)
    scores = weigh_run(run, read_json(run.folder / "scores.json")["answers"], choice)
    write_json(run.folder / "scores.json", scores)
    keep_choice(run, choice)
    return {"word": scores["verdict"]["word"]}
