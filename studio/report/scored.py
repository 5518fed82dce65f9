"""Did it get better: each measure before and after, in pictures and in numbers."""

from __future__ import annotations

from typing import Any

from studio.report.charts import confusion_matrix
from studio.report.figures import change_between, count, level_between, percent, say, say_change
from studio.report.gather import Report
from studio.report.parts import TONES, WORDS, Cell, Part, Picture, Pictures, Section, Table, Words
from studio.report.pictures import TALL, Mark, Row, change_mark, changes, shares
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
    rows = tuple(_row(measure, each) for measure, each in known)
    caption = f"{count(found['examples'], 'held-out example')}, with 95 % intervals"
    parts.append(Table(caption, ("Measure", "Before", "After", "Difference", "So it is"), rows, strong=(0,)))
    if found.get("fields"):
        parts.append(_fields(found["fields"]))
    if matrices := _matrices(report, found):
        parts.append(Pictures(matrices))
    return Section("scores", "Did it get better?", tuple(parts))


def _title(measure: Measure) -> str:
    return measure.title if measure.higher_is_better else f"{measure.title} (lower is better)"


def _levels(known: list[tuple[Measure, Found]]) -> Picture:
    def mark(series: Any, bounds: Found) -> Mark:
        return Mark(series, bounds["value"], bounds["low"], bounds["high"], percent(bounds["value"]))

    rows = [
        Row(_title(measure), (mark("before", each["base"]), mark("after", each["tuned"]))) for measure, each in known
    ]
    return shares(rows, "Before and after, with 95 % intervals")


def _differences(known: list[tuple[Measure, Found]]) -> Picture:
    rows = []
    for measure, each in known:
        rows.append(Row(_title(measure), (change_mark(each["difference"]),), each["word"].replace("'", "’")))
    return changes(rows, "Difference in points, with 95 % intervals", TALL)


def _row(measure: Measure, each: Found) -> tuple[Cell, ...]:
    def level(bounds: Found) -> Cell:
        return Cell(say(measure, bounds["value"]), level_between(measure, bounds))

    difference = each["difference"]
    change = Cell(say_change(measure, difference["value"]), change_between(measure, difference))
    word = Cell(WORDS[each["word"]], tone=TONES.get(each["word"], ""))
    return Cell(_title(measure), measure.help), level(each["base"]), level(each["tuned"]), change, word


def _fields(fields: dict[str, dict[str, int]]) -> Table:
    rows = tuple(
        (Cell(name), Cell(f"{each['base']} of {each['wanted']}"), Cell(f"{each['tuned']} of {each['wanted']}"))
        for name, each in sorted(fields.items(), key=lambda item: item[1]["tuned"] / max(item[1]["wanted"], 1))
    )
    return Table("Field by field, the hardest first", ("Field", "Right before", "Right after"), rows)


def _matrices(report: Report, found: Found) -> tuple[Picture, ...]:
    """Where the wanted answers are one of a few labels, or of those that were given by hand."""
    learned = report.data.expected.labels if report.data else ()
    labels = found["expected"]["labels"] if "expected" in found else learned
    if not labels:
        return ()
    wanted = [row["wanted"] for row in found["answers"]]
    titles = {"base": "Which label was taken for which, before", "tuned": "Which label was taken for which, after"}
    return tuple(
        confusion_matrix(confusion(labels, wanted, [row[side] for row in found["answers"]]), title)
        for side, title in titles.items()
    )
