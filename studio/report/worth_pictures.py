"""Three ways to an answer, in pictures: how right, how far apart, how many tokens, how long."""

from __future__ import annotations

from typing import Any

from studio.compare.worth import titles_of
from studio.report.figures import number, say
from studio.report.levels import Bar, Level, caption_of, lengths, levels, seconds
from studio.report.parts import Picture, Pictures
from studio.report.pictures import Row, Series, change_mark, changes, short_word
from studio.scores.measures import MEASURES

Found = dict[str, Any]
SERIES: dict[str, Series] = {"base": "before", "prompt": "other", "tuned": "after"}
# As `PAIRS` of studio.compare.worth, so short that a word stands beside them.
PAIRS = {
    "tuned_prompt": "Fine-tuned, against the prompt",
    "prompt_base": "The prompt, against the base",
    "tuned_base": "Fine-tuned, against the base",
}
TOKENS = "Tokens (pieces of words) a question: read (hollow) and written (filled)"
SECONDS = "Seconds a question, on this machine; a line goes from the fastest batch to the slowest"


def worth_pictures(found: Found) -> tuple[Pictures, Pictures]:
    """Two rows, between which a page may end."""
    ways = [(title, SERIES[way], found["ways"][way]) for way, title in titles_of(found).items()]
    bars = [Bar(title, series, way["prompt_tokens"], way["answer_tokens"]) for title, series, way in ways]
    times = [
        Level(title, series, _batches(way["seconds"]), f"{number(way['seconds']['value'])} s")
        for title, series, way in ways
    ]
    return (
        Pictures(tuple(filter(None, (_quality(found, ways), _differences(found))))),
        Pictures((lengths(bars, TOKENS), seconds(times, SECONDS))),
    )


def _quality(found: Found, ways: list[tuple[str, Series, Found]]) -> Picture | None:
    measure = MEASURES[found["main"]]
    known = [Level(title, series, way["quality"], say(measure, way["quality"]["value"])) for title, series, way in ways]
    return levels(measure, known, caption_of(measure))


def _differences(found: Found) -> Picture | None:
    """Shares alone have a scale of points."""
    if MEASURES[found["main"]].unit != "share":
        return None
    rows = [
        Row(PAIRS[pair], (change_mark(each),), short_word(each["word"], found["examples"]))
        for pair, each in found["differences"].items()
    ]
    return changes(rows, "Difference in points, with 95 % intervals")


def _batches(found: Found) -> Found:
    return {"value": found["value"], "low": found["fastest"], "high": found["slowest"]}
