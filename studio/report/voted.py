"""What people, and a judge, prefer."""

from __future__ import annotations

from typing import Any

from studio.judge.form import CRITERIA
from studio.judge.said import say_spent
from studio.report.figures import between, count, number, signed
from studio.report.gather import Report
from studio.report.parts import TONES, Cell, Part, Pictures, Section, Table, Words, say_word
from studio.report.pictures import vote_bar
from studio.vote.tally import Tally, say_interval, say_more, say_tally

Found = dict[str, Any]


def vote(report: Report) -> Section:
    standing = report.vote
    parts: list[Part] = []
    if not standing or not standing.votes:
        how = "Compare, Blind vote: 20 questions take about ten minutes"
        parts.append(report.missing("vote", "which answers people prefer, without knowing whose they are", how))
    else:
        tally, total = standing.tally, len(standing.round.ballots)
        parts.append(Words(say_tally(tally)))
        parts += [Words(words) for words in (say_interval(tally), say_more(tally, total - tally.cast)) if words]
        parts.append(Pictures((vote_bar(tally),)))
        if tally.cast < total:
            parts.append(Words(f"The vote is open: {tally.cast} of {count(total, 'question')} are voted on."))
        parts += [Words(remark, fine=True) for remark in _remarks(report)]
    parts += _judge(report)
    return Section("vote", "What people, and a judge, prefer", tuple(parts))


def _remarks(report: Report) -> list[str]:
    assert report.vote
    same, changed = report.vote.round.same, report.vote.changed
    voters = sorted({row["who"] for row in report.vote.votes.values() if row["who"]})
    return [
        *([f"To {count(same, 'more question')} both gave the same answer; nobody voted on those."] if same else []),
        *(
            [f"{count(changed, 'vote')} given anew after the count had told the sides, so not blind."]
            if changed
            else []
        ),
        *([f"Who voted: {', '.join(voters)}."] if voters else []),
    ]


def _judge(report: Report) -> list[Part]:
    known = report.judged
    if not known:
        return [report.missing("judged", "what a judge, another model, says of the answers", "Compare, Judge")]
    judge = known["judge"]
    tally = Tally(known["won"], known["lost"], known["tied"])
    parts: list[Part] = [
        Words(
            f"A judge, {judge['model']} at {judge['where']}, saw {count(known['examples'], 'question')} twice, with "
            f"sides swapped; {known['counted']} count, where it said the same both times. {say_tally(tally)}"
        ),
        Words(known["kappa"]["words"]),
        *_judge_cost(known),
    ]
    rows = tuple(
        (
            Cell(name, CRITERIA.get(name, "")),
            *(Cell(number(each[side]["value"]), between(each[side], number)) for side in ("before", "after")),
            Cell(
                signed(each["difference"]["value"]),
                between(each["difference"], signed),
            ),
            Cell(say_word(each["word"], known["counted"]), tone=TONES.get(each["word"], "")),
        )
        for name, each in known["criteria"].items()
    )
    if rows:
        head = ("The judge on", "Before", "After", "Difference", "So it is")
        parts.append(Table("Marks from 1 to 5, over the questions that count", head, rows))
    return parts


def _judge_cost(known: Found) -> list[Part]:
    """Tokens of all that it was asked, and money where the person gave prices; nothing where nothing was asked."""
    said = say_spent(known)
    if not said:
        return []
    has_sum = bool(known.get("prices")) or known["judge"]["kind"] == "file" or not known["tokens"]["in"]
    unpriced = "" if has_sum else " No prices were given, so what that came to in money is not told."
    return [Words(f"What the judge cost: {said[0].lower()}{said[1:]}{unpriced}")]
