"""What a run is measured by, kept with it: the choice, and weighing its answers by it. No model is asked.

In the run's folder: score.typed.json, what a person has typed and not applied yet, whether or not it makes sense;
score.wish.json, what is to be tried; score.choice.json, what was found to make sense.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import asdict
from itertools import chain
from typing import Any, get_args

from studio.compare.weigh import weigh
from studio.data.datasets import open_dataset
from studio.data.splits import Split
from studio.errors import DamagedError, SettingError
from studio.runs import Run, workspace_of
from studio.scores.choice import Choice, Typed
from studio.scores.plain import average, measure
from studio.store import read_if_whole, read_json, write_json

TYPED, WISH, KEPT = "score.typed.json", "score.wish.json", "score.choice.json"
OF_ANSWERS = ("of", "skipped", "asking", "of_all")  # whatever they are measured by
Row = dict[str, Any]


def read_choice(run: Run, file: str = KEPT) -> Choice:
    """Empty where the data decide. Raises: DamagedError."""
    kept = read_json(run.folder / file, anew="Press “Let the data decide”, or choose anew what to measure by.")
    return Choice.from_dict(kept) if kept else Choice()


def keep_choice(run: Run, choice: Choice, file: str = KEPT) -> None:
    write_json(run.folder / file, choice.as_dict())


def read_typed(run: Run) -> Typed | None:
    """None where nothing waits to be applied."""
    known = read_if_whole(run.folder / TYPED)
    return Typed(**known) if known else None


def keep_typed(run: Run, typed: Typed) -> None:
    """What is as it is measured by already waits for nothing."""
    with contextlib.suppress(DamagedError):
        if typed == Typed.of(read_choice(run)):
            return forget_typed(run)
    write_json(run.folder / TYPED, asdict(typed))


def forget_typed(run: Run) -> None:
    (run.folder / TYPED).unlink(missing_ok=True)


def read_wanted(run: Run) -> list[str]:
    """The wanted answers of its whole data set. Raises: DataError if that is gone."""
    dataset = open_dataset(workspace_of(run.folder), run.recipe.data)
    everything = chain.from_iterable(dataset.conversations(part) for part in get_args(Split))
    return [each.wanted for each in everything if not each.is_passage]


def weigh_run(run: Run, rows: Sequence[Row], choice: Choice) -> dict[str, Any]:
    """What scores.json holds: examples, base, tuned (measure -> value), answers, and all that `weigh` gives.

    Raises: SettingError if the choice makes no sense of the answers; DataError if the data set is gone.
    """
    return {
        "examples": len(rows),
        "base": average([measure(row["wanted"], row["base"]) for row in rows]),
        "tuned": average([measure(row["wanted"], row["tuned"]) for row in rows]),
        **weigh(read_wanted(run), rows, choice),
        "answers": list(rows),
    }


def weigh_as_kept(run: Run, rows: Sequence[Row]) -> dict[str, Any]:
    """By the choice that is kept; where that makes no sense of the answers the data decide, and `not_used` says why."""
    try:
        return weigh_run(run, rows, read_choice(run))
    except SettingError as error:
        return {**weigh_run(run, rows, Choice()), "not_used": error.as_dict()}


def try_wish(run: Run) -> dict[str, Any]:
    """Weigh the answers of scores.json anew, if there are any, by what is wished; write both down if it makes sense.

    Raises: SettingError if it does not, and all stays as it was.
    """
    choice = read_choice(run, WISH)
    known = read_json(run.folder / "scores.json")
    if known is None:
        keep_choice(run, choice)
        return {"word": ""}
    scores = {
        **weigh_run(run, known["answers"], choice),
        **{key: known[key] for key in OF_ANSWERS if key in known},
    }
    write_json(run.folder / "scores.json", scores)
    keep_choice(run, choice)
    return {"word": scores["verdict"]["word"]}
