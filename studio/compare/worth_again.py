"""Whether it was worth it, by the measure that is chosen now: the same answers weighed anew, and nobody asked."""

from __future__ import annotations

from typing import Any

from studio.compare.chosen import read_choice, read_wanted
from studio.compare.ways import weigh_again
from studio.compare.worth_job import job_of_run
from studio.errors import DamagedError
from studio.runs import Run
from studio.store import write_json

BEHIND = (
    "You have chosen another measure since. Ask again whether it was worth it: the same answers are weighed by it, and "
    "no model is asked."
)


def is_behind(run: Run, found: dict[str, Any]) -> bool:
    """What was found of this run is weighed by another choice than is kept with it now."""
    choice = read_choice(run)
    return bool(found.get("choice") != (choice.as_dict() if choice else None))


def say_behind(run: Run, found: dict[str, Any] | None) -> str:
    """Empty where it is weighed by what is chosen now, and where nothing was found."""
    return BEHIND if found and is_behind(run, found) else ""


def weigh_worth_anew(run: Run) -> dict[str, Any] | None:
    """worth.json by what is chosen now, where it was of another choice; None where there was nothing to do.

    To be called in a worker: a pattern that somebody typed may take long. Raises: DataError if the data set is gone.
    """
    job = job_of_run(run)
    try:
        known = job.read()
    except DamagedError:  # the page says so; asked again it is written anew
        return None
    if known is None or not is_behind(run, known):
        return None
    found = weigh_again(read_wanted(run), known, read_choice(run))
    write_json(job.result, found)
    return found
