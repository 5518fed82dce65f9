"""Whether fine-tuning was worth it, beside a base that is shown a few examples in its prompt."""

from __future__ import annotations

from typing import Any

from studio.compare.worth import PAIRS, notes_of, say_measure, titles_of
from studio.compare.worth_again import say_behind
from studio.report.figures import change_between, count, level_between, number, say, say_change
from studio.report.gather import Report
from studio.report.page import cut
from studio.report.parts import TONES, Cell, Fold, Part, Section, Table, Words, say_word
from studio.report.worth_pictures import worth_pictures
from studio.scores.measures import MEASURES

Found = dict[str, Any]
HOW_TO_ASK = "Compare, Worth it?; or: launch.py score RUN --against prompt"


def worth(report: Report) -> Section:
    found = report.worth
    if not found:
        what = "whether a few examples in the prompt would have done as well, and at what price"
        return Section("worth", "Was it worth it?", (report.missing("worth", what, HOW_TO_ASK),))
    parts: tuple[Part, ...] = (
        Words(f"{found['recommendation']} {found['do']}"),
        *(Words(said) for said in (say_measure(found), say_behind(report.run, found)) if said),
        *worth_pictures(found),
        _ways(found),
        _differences(found),
        Words(" ".join(notes_of(found)), fine=True),
        _examples(found),
    )
    return Section("worth", "Was it worth it?", parts)


def _ways(found: Found) -> Table:
    measure = MEASURES[found["main"]]
    rows = tuple(
        (
            Cell(title),
            Cell(say(measure, each["quality"]["value"]), level_between(measure, each["quality"])),
            Cell(f"{each['prompt_tokens']:,.0f}"),
            Cell(f"{each['answer_tokens']:,.0f}"),
            Cell(f"{number(each['seconds']['value'])} s", _spread(each["seconds"])),
        )
        for title, each in ((title, found["ways"][way]) for way, title in titles_of(found).items())
    )
    caption = f"{count(found['examples'], 'held-out question')}, with 95 % intervals"
    heads = ("Way", measure.title.capitalize(), "Tokens read", "Tokens written", "Seconds")
    return Table(caption, heads, rows, strong=(len(rows) - 1,))


def _spread(seconds: Found) -> str:
    return f"{number(seconds['fastest'])} to {number(seconds['slowest'])}"


def _differences(found: Found) -> Table:
    measure = MEASURES[found["main"]]
    rows = tuple(
        (
            Cell(PAIRS[pair]),
            Cell(say_change(measure, each["value"]), change_between(measure, each)),
            Cell(say_word(each["word"], found["examples"]), tone=TONES.get(each["word"], "")),
        )
        for pair, each in found["differences"].items()
    )
    return Table("", ("Difference", measure.title.capitalize(), "So it is"), rows)


def _examples(found: Found) -> Fold:
    rows = tuple(
        (Cell(cut(each["question"]), f"example {each['row'] + 1}"), Cell(cut(each["answer"])))
        for each in found["chosen"]["examples"]
    )
    return Fold("The examples in the prompt", (Table("", ("Question", "Answer"), rows),))
