"""Did it get better: each measure before and after, in pictures and in numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from studio.compare.skipped import say_skipped
from studio.report.figures import change_between, count, level_between, say_both, say_change
from studio.report.gather import Report
from studio.report.levels import Level, caption_of, levels
from studio.report.matrix import confusion_matrix, say_right
from studio.report.parts import TONES, Cell, Part, Picture, Pictures, Section, Table, Words, say_word
from studio.report.pictures import TALL, Mark, Row, Series, change_mark, changes, shares, short_word
from studio.scores.comparison import Comparison, compare_fields
from studio.scores.labels import confusion
from studio.scores.measures import MEASURES, Measure

Found = dict[str, Any]
HOW_TO_SCORE = "Compare, Scores, “Measure both”; or: launch.py score RUN"


def scores(report: Report) -> Section:
    found = report.scores
    parts: list[Part] = []
    if not found or not found["measures"]:
        parts.append(report.missing("scores", "how right the answers are, before and after", HOW_TO_SCORE))
        return Section("scores", "Did it get better?", tuple(parts))
    known = [(MEASURES[name], each) for name, each in found["measures"].items() if name in MEASURES]
    known.sort(key=lambda pair: pair[0].id != found["main"])
    main = MEASURES[found["main"]].title
    by_hand = found.get("by_hand")
    why = by_hand or f"{found['why']} So “{main}” decides;"
    parts.append(Words(f"{why} {'The' if by_hand else 'the'} other measures are further findings beside it."))
    if unused := found.get("not_used"):
        parts.append(Words(f"Another measure was asked for, and could not be used: {unused['what']}"))
    in_shares = [(measure, each) for measure, each in known if measure.unit == "share"]
    if in_shares:
        parts.append(Pictures((_levels(in_shares), _differences(in_shares))))
    for units in (("nats", "words"), ("cosine",)):
        if drawn := tuple(filter(None, (_level(measure, each) for measure, each in known if measure.unit in units))):
            parts.append(Pictures(drawn))
    rows = tuple(_row(measure, each) for measure, each in known)
    caption = f"{count(found['examples'], 'held-out example')}, with 95 % intervals"
    parts.append(Table(caption, ("Measure", "Before", "After", "Difference", "So it is"), rows, strong=(0,)))
    if words := say_skipped(found.get("skipped", 0)):
        parts.append(Words(words, fine=True))
    if found.get("fields"):
        parts.append(_fields(compare_fields(found["answers"])))
    if matrices := _matrices(report, found):
        parts.append(Pictures(matrices))
    return Section("scores", "Did it get better?", tuple(parts))


def _title(measure: Measure) -> str:
    return measure.title if measure.higher_is_better else f"{measure.title} (lower is better)"


def _levels(known: list[tuple[Measure, Found]]) -> Picture:
    def marks(measure: Measure, each: Found) -> tuple[Mark, ...]:
        sides: tuple[tuple[Series, Found], ...] = (("before", each["base"]), ("after", each["tuned"]))
        told = say_both(measure, *(side["value"] for _, side in sides))
        return tuple(
            Mark(series, side["value"], side["low"], side["high"], words)
            for (series, side), words in zip(sides, told, strict=True)
        )

    rows = [Row(_title(measure), marks(measure, each)) for measure, each in known]
    return shares(rows, "Before and after, with 95 % intervals")


def _level(measure: Measure, each: Found) -> Picture | None:
    """Of a measure that has a scale of its own: loss, perplexity, similarity."""
    told = say_both(measure, each["base"]["value"], each["tuned"]["value"])
    sides = [Level("Before", "before", each["base"], told[0]), Level("After", "after", each["tuned"], told[1])]
    return levels(measure, sides, caption_of(measure))


def _differences(known: list[tuple[Measure, Found]]) -> Picture:
    rows = []
    for measure, each in known:
        rows.append(
            Row(_title(measure), (change_mark(each["difference"]),), short_word(each["word"], each["examples"]))
        )
    return changes(rows, "Difference in points, with 95 % intervals", TALL)


def _row(measure: Measure, each: Found) -> tuple[Cell, ...]:
    told = say_both(measure, each["base"]["value"], each["tuned"]["value"])
    levels = (
        Cell(words, level_between(measure, each[side])) for side, words in zip(("base", "tuned"), told, strict=True)
    )
    difference = each["difference"]
    change = Cell(say_change(measure, difference["value"]), change_between(measure, difference))
    word = Cell(say_word(each["word"], each["examples"]), tone=TONES.get(each["word"], ""))
    return Cell(_title(measure), measure.help), *levels, change, word


def _fields(fields: dict[str, Comparison]) -> Table:
    rows = tuple(_field(name, each) for name, each in fields.items())
    caption = "Field by field, the hardest first, with 95 % intervals"
    return Table(caption, ("Field", "Right before", "Right after", "Difference", "So it is"), rows)


def _field(name: str, found: Comparison) -> tuple[Cell, ...]:
    known = found.as_dict()
    levels = (
        Cell(f"{round(side.value * found.examples)} of {found.examples}", level_between(found.measure, side.as_dict()))
        for side in (found.base, found.tuned)
    )
    change = Cell(say_change(found.measure, found.difference.value), change_between(found.measure, known["difference"]))
    return Cell(name), *levels, change, Cell(say_word(found.word, found.examples), tone=TONES.get(found.word, ""))


def _matrices(report: Report, found: Found) -> tuple[Picture, ...]:
    """Where the wanted answers are one of a few labels, or of those that were given by hand."""
    learned = report.data.expected.labels if report.data else ()
    labels = found["expected"]["labels"] if "expected" in found else learned
    if not labels:
        return ()
    wanted = [row["wanted"] for row in found["answers"]]
    titles = {"base": "Which label was taken for which, before", "tuned": "Which label was taken for which, after"}
    counted = {side: confusion(labels, wanted, [row[side] for row in found["answers"]]) for side in titles}
    pictures = {side: confusion_matrix(counted[side], title) for side, title in titles.items()}
    return tuple(
        replace(each, caption=f"{each.caption}: {say_right(counted[side])}") for side, each in pictures.items()
    )
