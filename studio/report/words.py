"""The verdict: one word, and three sentences: what changed, what it cost, and what is left open."""

from __future__ import annotations

from typing import Any

from studio.quiz.result import knowledge_of, say_knowledge
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
from studio.report.gather import Report
from studio.report.parts import TONES, TOO_FEW, Verdict
from studio.scores.intervals import FEWEST
from studio.scores.measures import MEASURES
from studio.scores.wholly import say_wholly

HEADS = {"better": "Better", "worse": "Worse", "can't tell": "Can’t tell"}


def verdict(report: Report) -> Verdict:
    word = report.scores["verdict"]["word"] if report.scores else ""
    sentences = (_say_change(report.scores), say_cost(report.forgot), _say_rest(report))
    return Verdict(HEADS.get(word, "Not measured"), TONES.get(word, "warn"), sentences)


def _say_change(scores: dict[str, Any] | None) -> str:
    if not scores:
        return "Whether it got better was not measured: no held-out question was asked of both models."
    found = scores["measures"].get(scores["main"])
    if not found:
        return "There was no held-out example by which the models before and after could be compared."
    measure = MEASURES[scores["main"]]
    told = say_both(measure, found["base"]["value"], found["tuned"]["value"])
    before, after = (
        f"{words} ({level_between(measure, found[side])})" for side, words in zip(("base", "tuned"), told, strict=True)
    )
    difference = found["difference"]
    gained = f"{say_change(measure, difference['value'])}{' points' if measure.unit == 'share' else ''}"
    gained += f" ({change_between(measure, difference)})"
    end = {
        "better": f"that is {gained}, more than chance would make",
        "worse": f"that is {gained}, a loss that chance would not make",
        "can't tell": f"that is {gained}, which chance alone could make",
    }[found["word"]]
    if found["examples"] < FEWEST:
        end = f"that is {gained}, of {TOO_FEW}"
    asked = count(found["examples"], "example")
    by_hand = ", chosen by hand," if scores.get("by_hand") else ""
    return (
        f"On {asked} that no training saw, “{measure.title}”{by_hand} went from {before} to {after}; "
        f"{end}{_say_opposite(scores, found['word'])}.{_say_wholly(scores, found['word'])}"
    )


def _say_wholly(scores: dict[str, Any], word: str) -> str:
    """What “better” alone would hide."""
    wanted = [str(row["wanted"]) for row in scores["answers"]]
    said = say_wholly(scores["main"], scores["measures"], wanted) if word == "better" else ""
    return said and f" {said}"


def _say_opposite(scores: dict[str, Any], word: str) -> str:
    """What a reader of the verdict alone must not miss."""
    other = {"better": "worse", "worse": "better"}.get(word)
    titles = [
        f"“{MEASURES[name].title}”"
        for name, each in scores["measures"].items()
        if each["word"] == other and name in MEASURES
    ]
    return f"; yet it is {other} by {listed(titles)}" if titles else ""


def say_cost(forgot: dict[str, Any] | None) -> str:
    if not forgot:
        return "What it forgot of everything else was not measured."
    found, (_, _, lost) = forgot["all"], knowledge_of(forgot)
    before, after, change = say_move(*(found[side]["value"] for side in ("before", "after", "difference")))
    told = f"{say_knowledge(found['light'], bool(lost))}: of {forgot['questions']} general questions, {before} were "
    told += f"right before and {after} after ({change} points, {between(found['difference'], points)})"
    if lost:
        told += f"; surely lost: {listed(lost)}"
    off_topic = forgot["off_topic"]
    if off_topic["taken_over"]:
        share = off_topic["after"] or 0.0
        sure = f"{percent(share)} ({share_between(share, len(off_topic['answers']))})"
        told += f"; but it now answers {sure} of the questions beside the point in the form of its training"
    return f"{told}."


def _say_rest(report: Report) -> str:
    """What people and a plain prompt say; what nobody has asked yet is said to be open."""
    known, open_ends = [], []
    if report.vote and report.vote.votes:
        tally = report.vote.tally
        settled = "which settles it" if tally.is_settled else "which settles nothing yet"
        known.append(f"in {count(tally.cast, 'blind vote')} it won {tally.won} and lost {tally.lost}, {settled}")
    else:
        open_ends.append("which answers people prefer")
    if report.worth and report.worth.get("recommendation"):
        known.append(str(report.worth["recommendation"]).strip().rstrip("."))
    else:
        open_ends.append("whether a few examples in the prompt would have done as well")
    if open_ends:
        known.append(f"not measured: {', and '.join(open_ends)}")
    told = "; ".join(f"{part[0].lower()}{part[1:]}" for part in known)
    return f"{told[0].upper()}{told[1:]}."
