"""What it forgot of everything else, subject by subject."""

from __future__ import annotations

from typing import Any

from studio.report.figures import between, count, percent, points
from studio.report.gather import Report
from studio.report.parts import TONES, Cell, Part, Pictures, Section, Table, Words
from studio.report.pictures import Row, change_mark, changes
from studio.report.words import say_cost

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
            *(Cell(percent(part[side]["value"]), between(part[side])) for side in ("before", "after")),
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


def _off_topic(found: dict[str, Any]) -> str:
    asked = len(found["answers"])
    if found["form"] is None:
        return f"{asked} questions beside the point were asked too; the training’s answers have no form to look for."
    return (
        f"Of {asked} questions beside the point, {percent(found['before'])} were answered in the form of the training "
        f"before, {percent(found['after'])} after ({found['form']})."
    )
