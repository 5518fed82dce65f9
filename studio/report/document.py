"""From what was gathered to the document that page and paper draw."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from studio.quiz.result import knowledge_of
from studio.report import making, method
from studio.report.cases import cases
from studio.report.figures import (
    between,
    change_between,
    count,
    level_between,
    listed,
    percent,
    points,
    say_both,
    say_change,
    say_move,
    share_between,
)
from studio.report.forgotten import forgot
from studio.report.gather import Report
from studio.report.others import others
from studio.report.parts import TONES, Document, Figure
from studio.report.scored import scores
from studio.report.voted import vote
from studio.report.words import verdict
from studio.report.worth import worth
from studio.scores.measures import MEASURES
from studio.train.models import title_of
from studio.vote.tally import Tally


def build_document(report: Report) -> Document:
    run = report.run
    sections = [
        scores(report),
        *filter(None, [others(report)]),
        vote(report),
        forgot(report),
        worth(report),
        *cases(report),
        making.course(report),
        making.data(report),
        making.recipe(report),
        making.versions(report),
        method.method(report),
    ]
    sections.append(method.unmeasured(report, sections))
    return Document(
        title=run.title,
        about=f"{title_of(run.recipe.base)}, taught with “{run.recipe.data}”. Run {run.id}, {run.state}.",
        date=_date(report.written),
        verdict=verdict(report),
        figures=tuple(_figures(report)),
        sections=tuple(sections),
    )


def _figures(report: Report) -> list[Figure]:
    found: list[Figure] = []
    if report.scores:
        found += _figures_of_scores(report.scores)
    if report.forgot:
        found += _figures_of_what_it_forgot(report.forgot)
    if report.vote and report.vote.votes:
        tally = report.vote.tally
        share = percent(tally.won / tally.decided) if tally.decided else "tied"
        found.append(Figure("blind vote", share, _say_votes(tally)))
    return found


def _say_votes(tally: Tally) -> str:
    """Of what the share beside it is one."""
    if not tally.decided:
        return f"{count(tally.cast, 'vote')}, of which none decided"
    tied = f"; {tally.tied} tied" if tally.tied else ""
    return f"won {tally.won} of the {tally.decided} that decided{tied}"


def _figures_of_scores(scores: dict[str, Any]) -> list[Figure]:
    each = scores["measures"].get(scores["main"])
    if not each:
        return []
    measure = MEASURES[scores["main"]]
    before, after = say_both(measure, each["base"]["value"], each["tuned"]["value"])
    difference = each["difference"]
    gained = f"{say_change(measure, difference['value'])}{' points' if measure.unit == 'share' else ''}"
    asked = f"on {count(each['examples'], 'example')} that no training saw"
    return [
        Figure(measure.title, after, f"{level_between(measure, each['tuned'])}; before {before}"),
        Figure("difference", gained, f"{change_between(measure, difference)}; {asked}", TONES.get(each["word"], "")),
    ]


def _figures_of_what_it_forgot(forgot: dict[str, Any]) -> list[Figure]:
    everything, off_topic = forgot["all"], forgot["off_topic"]
    light, word, lost = knowledge_of(forgot)
    *_, change = say_move(*(everything[side]["value"] for side in ("before", "after", "difference")))
    sure = f"{change} points, {between(everything['difference'], points)}"
    gone = f"; surely lost: {listed(lost)}" if lost else ""
    found = [Figure("general knowledge", word, f"{sure}{gone}", TONES[light])]
    if off_topic["taken_over"]:
        share = off_topic["after"] or 0.0
        sure = f"{share_between(share, len(off_topic['answers']))}; in the form of its training"
        found.append(Figure("off-topic answers", percent(share), sure, "warn"))
    return found


def _date(written: str) -> str:
    day = datetime.fromisoformat(written)
    return f"{day.day} {day:%B %Y}"


def as_plain(document: Document) -> dict[str, Any]:
    """As JSON can hold it, with every text such that it can be written: models write halves of characters too."""
    plain: dict[str, Any] = _clean(asdict(document))
    return plain


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        whole = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return "".join(sign if sign >= " " or sign in "\n\t" else " " for sign in whole)
    if isinstance(value, dict):
        return {name: _clean(each) for name, each in value.items()}
    return [_clean(each) for each in value] if isinstance(value, list | tuple) else value
