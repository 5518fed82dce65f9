"""What it forgot of everything else, subject by subject."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from studio.quiz.result import LIGHTS, Light
from studio.report.figures import between, count, percent, points, say_move, share_between
from studio.report.gather import Report
from studio.report.parts import TONES, Cell, Part, Pictures, Section, Table, Words
from studio.report.pictures import Row, change_mark, changes
from studio.report.words import say_cost

SIGNS: dict[Light, str] = {"green": "✓", "amber": "▲", "red": "✖"}


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
            *_moved(part),
            Cell(f"{SIGNS[part['light']]} {LIGHTS[part['light']]}", tone=TONES[part["light"]]),
        )
        for part in subjects
    )
    marks = [
        Row(part["subject"], (replace(change_mark(part["difference"]), text=_moved(part)[-1].text),), part["word"])
        for part in subjects
    ]
    parts: list[Part] = [
        Words(f"{say_light(found['light'])} {say_cost(found)} {found['do']}"),
        Pictures((changes(marks, "Change of what is right, in points, with 95 % intervals"),)),
        Table(
            f"{found['questions']} questions about everything else, with 95 % intervals",
            ("Subject", "Before", "After", "Change", "So it is"), rows, strong=(0,),
        ),
        *([] if found["off_topic"]["taken_over"] else [Words(_off_topic(found["off_topic"]))]),
    ]  # fmt: skip
    return Section("forgot", "What did it forget?", tuple(parts))


def say_light(light: Light) -> str:
    """That of the whole, as the window shows it above all subjects."""
    return f"{SIGNS[light]} {light.capitalize()}."


def _moved(part: dict[str, Any]) -> tuple[Cell, ...]:
    told = say_move(*(part[side]["value"] for side in ("before", "after", "difference")))
    sure = between(part["before"]), between(part["after"]), between(part["difference"], points)
    return tuple(Cell(words, bounds) for words, bounds in zip(told, sure, strict=True))


def _off_topic(found: dict[str, Any]) -> str:
    asked = len(found["answers"])
    if found["form"] is None:
        return f"{asked} questions beside the point were asked too; the training’s answers have no form to look for."
    sure = [f"{percent(share)} ({share_between(share, asked)})" for share in (found["before"], found["after"])]
    return (
        f"Of {asked} questions beside the point, {sure[0]} were answered in the form of the training before, {sure[1]} "
        f"after: {found['form']}."
    )
