"""How all this was measured, each method once with its source; and what was not measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from studio.compare.asking import asked_as, say_asking
from studio.compare.endings import say_endless
from studio.report.figures import count
from studio.report.gather import Report
from studio.report.parts import Cell, Missing, Part, Section, Table, Words
from studio.scores.intervals import RESAMPLES, SEED
from studio.scores.measures import MEASURES

Method = tuple[str, str, str]
OF_SCORES: tuple[Method, ...] = (
    (
        "A share, such as answers that are right",
        "Wilson’s score interval; of values that are mostly alike, with the effective number of examples",
        "Wilson 1927; Korn and Graubard 1998",
    ),
    ("The difference of two shares of the same examples", "Tango’s score interval for pairs", "Tango 1998"),
    (
        "Another mean, and its difference",
        f"bootstrap over examples, paired, studentized, with symmetric tails for differences; {RESAMPLES:,} resamples, "
        f"seed {SEED}",
        "Efron 1987; Hall 1988",
    ),
)
OF_MACRO_F1: Method = (
    "Macro F1, and its difference",
    "Wilson’s and Tango’s score intervals, with the number of examples by which each label counts the same",
    "Wilson 1927; Tango 1998; Korn and Graubard 1998",
)
OF_PERPLEXITY: Method = (
    "Perplexity, and its difference",
    "the bounds of the loss, raised; of the difference, bootstrap over examples, studentized, of its asinh",
    "Hall 1992",
)
OF_VOTES: tuple[Method, ...] = (
    ("The share of wins in a vote", "exact interval; ties left out", "Clopper and Pearson 1934"),
    ("The chance of a vote by a fair coin", "exact two-sided sign test", "Dixon and Mood 1946"),
)
OF_JUDGES: Method = (
    "Agreement of judge and voter",
    "Cohen’s kappa, by Wilson’s interval of the share agreed",
    "Cohen 1960",
)
NEVER: tuple[tuple[str, str], ...] = (
    (
        "whether the model had met these examples before it came here, as with texts from the open web",
        "hold out examples that were never published",
    ),
    (
        "how it does on questions of another kind than those of this data set",
        "bring such examples as a data set of their own, and ask them in Compare",
    ),
    (
        "how much another seed, or another draw of the held-out part, would change this: it is one run",
        "train again with another seed, and compare the two reports",
    ),
    (
        "whether its answers are safe and fair for those who read them",
        "let somebody who knows them try, before it is used",
    ),
)
UNASKED_FILE = (
    "the answers of an exported file, whose weights are rounded",
    "Export checks each file that it makes, and says how much of its answers agree",
)


def method(report: Report) -> Section:
    parts: list[Part] = []
    if report.scores:
        parts += _asking(report)
    used = _used(report)
    if used:
        rows = tuple((Cell(of), Cell(by), Cell(source)) for of, by, source in used)
        parts.append(Table("How sure: 95 % intervals", ("Of", "By", "Source"), rows))
    if report.forgot:
        parts.append(
            Words(
                "The quiz marks the likeliest of given options, or checks what is written word by word, before and "
                "after. Red is a loss that is sure and large, amber one of the two."
            )
        )
    parts.append(
        Words(
            "An interval tells how far another draw of as many examples of the same kind could lie, nothing more. "
            "“Better” and “worse” mean that the interval of the difference leaves out zero; “can’t tell” means that it "
            "does not, not that there is no difference. The verdict is “better” only where the answers are also surely "
            "nearer to what their own questions wanted than to what other questions did."
        )
    )
    return Section("method", "How this was measured", tuple(parts))


def _asking(report: Report) -> list[Part]:
    assert report.scores
    found = report.scores
    known = [name for name in found["measures"] if name in MEASURES]
    others = len(known) - 1
    main = MEASURES[found["main"]].title
    greedily = "" if asked_as(found).dice else ", greedily (no dice)"
    words = [
        f"Both models were asked the same {count(found['examples'], 'held-out question')}, with the data set’s own "
        f"prompt{greedily}, so the same weights give the same answers, up to rounding. Before is the model as it came.",
        *filter(None, [say_asking(found)]),
    ]
    for side, who in (("base", "the base"), ("tuned", "the tuned model")):
        if cut := sum(row.get(f"{side}_finished") is False for row in found["answers"]):
            words.append(f"{count(cut, 'answer')} of {who} did not come to an end and stopped at the limit.")
    words += filter(None, [say_endless(found)])
    chosen = "chosen by the form of the wanted answers, whatever the models said, and decides alone"
    if found.get("by_hand"):
        chosen = (
            "chosen by hand and decides alone; whether before or after the answers were seen is not known, and after "
            "it the intervals would be too sure of themselves"
        )
    if others > 0 or found.get("by_hand"):
        words.append(f"“{main}” was {chosen}.")
    if others > 0:
        words.append(
            f"The other {count(others, 'measure')} are further findings, without correction for looking at several: by "
            "chance alone about one in twenty that did not change looks as if it had."
        )
    if report.others:
        words.append(
            f"Measured on the same examples: {count(report.others, 'other run')}. Who keeps the best of several by "
            "them sees it a little too good."
        )
    return [Words(" ".join(words))]


def _used(report: Report) -> list[Method]:
    used: list[Method] = []
    if report.scores or report.forgot or report.judged or report.worth:
        used += OF_SCORES
    if report.scores:
        measures = report.scores["measures"]
        used += [how for name, how in (("macro_f1", OF_MACRO_F1), ("perplexity", OF_PERPLEXITY)) if name in measures]
    if (report.vote and report.vote.votes) or report.judged:
        used += OF_VOTES
    if report.judged and report.judged["kappa"]["value"] is not None:
        used.append(OF_JUDGES)
    return used


def unmeasured(report: Report, sections: Sequence[Section]) -> Section:
    """All that the sections miss, each once, then what no report of one run can know."""
    found = list(dict.fromkeys((part.what, part.how) for part in _missing(sections)))
    asked_a_file = report.scores and any(each.voice.kind == "gguf" and each.is_current for each in report.beside)
    never = NEVER if asked_a_file else (UNASKED_FILE, *NEVER)
    rows = tuple((Cell(what), Cell(how)) for what, how in (*found, *never))
    return Section("unmeasured", "What was not measured", (Table("", ("Not measured", "How it can be"), rows),))


def _missing(sections: Iterable[Section]) -> Iterable[Missing]:
    return (part for section in sections for part in section.parts if isinstance(part, Missing))
