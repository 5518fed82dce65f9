"""What it forgot of everything else, subject by subject."""

from __future__ import annotations

from typing import Any

from studio.report.figures import between, count, percent, points, say_both, share_between
from studio.report.gather import Report
from studio.report.parts import TONES, Cell, Part, Pictures, Section, Table, Words
from studio.report.pictures import Row, change_mark, changes
from studio.report.words import say_cost
from studio.scores.measures import MEASURES

LIGHTS = {"green": "✓ kept", "amber": "▲ maybe less", "red": "✖ forgotten"}


def forgot(report: Report) -> Section:
    found = report.forgot
    if not found:
        what = "what it forgot: facts, sums, language, instructions, common sense, refusing"
        how = "Compare, What it forgot; or: launch.py score RUN"
        return Section("forgot", "What did it forget?", (report.missing("forgot", what, how),))
    everything = {"subject": "All", "help": "", "questions": found["questions"], **found["all"]}
    subjects = [everything, *found["subjects"]]
    rows = tuple(
        (
            Cell(part["subject"], count(part["questions"], "question")),
            *_levels(part),
            Cell(points(part["difference"]["value"]), between(part["difference"], points)),
            Cell(LIGHTS[part["light"]], tone=TONES[part["light"]]),
        )
        for part in subjects
    )
    marks = [Row(part["subject"], (change_mark(part["difference"]),), part["word"]) for part in subjects]
    parts: list[Part] = [
        Words(f"{say_cost(found)} {found['do']}"),
        Pictures((changes(marks, "Change of what is right, in points, with 95 % intervals"),)),
        Table(
            f"{found['questions']} questions about everything else, with 95 % intervals",
            ("Subject", "Before", "After", "Change", "So it is"), rows, strong=(0,),
        ),
        *([] if found["off_topic"]["taken_over"] else [Words(_off_topic(found["off_topic"]))]),
    ]  # fmt: skip
    return Section("forgot", "What did it forget?", tuple(parts))


def _levels(part: dict[str, Any]) -> tuple[Cell, ...]:
    told = say_both(MEASURES["right"], part["before"]["value"], part["after"]["value"])
    return tuple(Cell(words, between(part[side])) for side, words in zip(("before", "after"), told, strict=True))


def _off_topic(found: dict[str, Any]) -> str:
    asked = len(found["answers"])
    if found["form"] is None:
        return f"{asked} questions beside the point were asked too; the training’s answers have no form to look for."
    sure = [f"{percent(share)} ({share_between(share, asked)})" for share in (found["before"], found["after"])]
    return (
        f"Of {asked} questions beside the point, {sure[0]} were answered in the form of the training before, {sure[1]} "
        f"after: {found['form']}."
    )
