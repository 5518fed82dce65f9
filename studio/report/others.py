"""Others that were asked the same questions: checkpoints, exported files, other runs."""

from __future__ import annotations

from typing import Any

from studio.compare.naming import name_of_other
from studio.compare.others import Scored, title_of_other
from studio.report.figures import change_between, count, level_between, say, say_change
from studio.report.gather import Report
from studio.report.others_pictures import Other, others_pictures
from studio.report.parts import TONES, Cell, Fold, Missing, Part, Section, Table, Words, say_word
from studio.scores.measures import MEASURES, Measure

Found = dict[str, Any]
HEAD = ("Itself", "Beside Before", "Beside After")
UNTOLD = Cell("not measured")


def others(report: Report) -> Section | None:
    """None where nobody was asked."""
    title = "How do others do on the same questions?"
    if "beside" in report.stale:
        how = "Compare, Scores, “Measure a checkpoint, a file or another run”"
        return Section("others", title, (report.missing("beside", "how others did on the same questions", how),))
    if not report.scores or not report.beside:
        return None
    known = [each for each in report.beside if each.is_current]
    parts: list[Part] = []
    if known:
        parts += _tell(report, report.scores, known)
    parts += [_missing(report, each) for each in report.beside if not each.is_current]
    return Section("others", title, tuple(parts))


def _tell(report: Report, scores: Found, known: list[Scored]) -> list[Part]:
    main = MEASURES[scores["main"]]
    words = (
        f"{count(len(known), 'other')} answered the same held-out questions, measured as the run itself is: beside the "
        "model before training, and beside this run as it was kept. Who picks the best of several by these figures "
        "sees it a little too good, since the examples were then part of the choice."
    )
    itself, before, _ = _cells(main, scores)
    rows = [("After: this run", itself, before, Cell("–"))]
    rows += [(title_of_other(report.run, each.voice), *_cells(main, each.found)) for each in known]
    caption = f"{count(scores['examples'], 'held-out example')}, with 95 % intervals"
    head = ("Who", main.title.capitalize(), *HEAD[1:])
    table = Table(caption, head, tuple((Cell(title), *cells) for title, *cells in rows), strong=(0,))
    doubts = [f"{title_of_other(report.run, each.voice)}: {doubt}" for each in known if (doubt := _doubt(each, main))]
    unread = [f"{title_of_other(report.run, each.voice)}: loss and perplexity were not measured. {each.found['unread']}"
              for each in known if each.found["unread"]]  # fmt: skip
    return [
        Words(words),
        *others_pictures(scores, [Other(title_of_other(report.run, each.voice), each.found) for each in known]),
        table,
        *(Words(each, fine=True) for each in (*doubts, *unread)),
        Fold("Others by every measure", tuple(_every(report, each) for each in known)),
    ]


def _every(report: Report, other: Scored) -> Table:
    measures = [MEASURES[name] for name in other.found["measures"] if name in MEASURES]
    rows = tuple((Cell(_title(each)), *_cells(each, other.found)) for each in measures)
    return Table(title_of_other(report.run, other.voice), ("Measure", *HEAD), rows)


def _title(measure: Measure) -> str:
    return measure.title if measure.higher_is_better else f"{measure.title} (lower is better)"


def _cells(measure: Measure, found: Found) -> tuple[Cell, Cell, Cell]:
    """The word of the measure that decides is that of the verdict, which also asks whose answers they are."""
    if measure.id not in found["measures"]:
        return UNTOLD, UNTOLD, UNTOLD
    word = found["verdict"]["word"] if measure.id == found["main"] else ""
    after, examples = found.get("beside", {}).get(measure.id), found["measures"][measure.id]["examples"]
    return (
        _itself(measure, found),
        _beside(measure, found, word),
        _change(measure, after["difference"], after["word"], examples) if after else UNTOLD,
    )


def _itself(measure: Measure, found: Found) -> Cell:
    side = found["measures"][measure.id]["tuned"]
    return Cell(say(measure, side["value"]), level_between(measure, side))


def _beside(measure: Measure, found: Found, word: str) -> Cell:
    each = found["measures"][measure.id]
    return _change(measure, each["difference"], word or each["word"], each["examples"])


def _change(measure: Measure, difference: Found, word: str, examples: int) -> Cell:
    text = f"{say_change(measure, difference['value'])} {say_word(word, examples)}"
    return Cell(text, change_between(measure, difference), TONES.get(word, ""))


def _doubt(other: Scored, main: Measure) -> str:
    """Why the word is not the one that the difference alone would say."""
    each, verdict = other.found["measures"].get(main.id), other.found["verdict"]
    return str(verdict["reason"]) if each and each["word"] != verdict["word"] else ""


def _missing(report: Report, other: Scored) -> Missing:
    what = (
        f"{title_of_other(report.run, other.voice)}, as it is now (it was asked with other weights, or other questions)"
    )
    how = f"Compare, Scores, “Measure it”; or: launch.py score RUN --other {name_of_other(report.run, other.voice)}"
    return Missing(what, how)
