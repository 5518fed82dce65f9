"""judge.json: what a judge found, and what of it may be shown while the blind vote is open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from studio.data.datasets import now
from studio.judge import agreement
from studio.judge.asking import Ask, Asked
from studio.judge.cost import Used, prices_of
from studio.judge.form import Judgement
from studio.judge.pairing import Judged, compare, swayed_to_first, tally_of
from studio.runs import Run
from studio.store import read_json
from studio.vote.answers import read_pairs, step_of
from studio.vote.ballots import MAKERS
from studio.vote.votes import Standing, find_standing


def state_of(run: Run) -> dict[str, Any]:
    """What the result is of: weights that learned on answer otherwise."""
    return {"step": step_of(run)}


def build_result(
    run: Run, ask: Ask, asked: Sequence[Asked], replies: Mapping[str, dict[str, Any]], used: Used
) -> dict[str, Any]:
    """All of judge.json but kappa, which hangs on votes that may come later.

    examples = counted + swayed + unreadable; won, lost and tied are those of the tuned model among the counted;
    `same` questions had one answer of both and were not asked about. criteria: see `pairing.compare`. tokens: see
    `cost.Used`, of all that was asked so far; prices: of a million of them, None where they were not given.
    """
    judged = []
    for one, other in zip(asked[::2], asked[1::2], strict=True):
        base_first, tuned_first = (
            Judgement.model_validate(found) if (found := replies.get(each.key, {}).get("judgement")) else None
            for each in (one, other)
        )
        judged.append(Judged(one.pair.row, base_first, tuned_first))
    tally = tally_of(judged)
    low, high = tally.interval
    rows = [replies[each.key] for each in asked if each.key in replies]
    return {
        "of": state_of(run),
        "at": now(),
        "judge": {"kind": ask.kind, "model": ask.name, "where": ask.where},
        "examples": len(judged),
        "counted": tally.cast,
        "swayed": sum(each.is_swayed for each in judged),
        "swayed_to_first": swayed_to_first(judged),
        "unreadable": sum(not each.is_read for each in judged),
        "unreadable_why": next((row["why"] for row in rows if row["why"]), ""),
        "same": sum(pair.is_same for pair in read_pairs(run)),
        **{"won": tally.won, "lost": tally.lost, "tied": tally.tied},
        **{"p_value": tally.p_value, "low": low, "high": high},
        "criteria": compare(judged),
        "tokens": used.as_dict(),
        "prices": prices_of(ask),
        "answers": [_as_answer(each, question) for each, question in zip(judged, asked[::2], strict=True)],
    }


def _as_answer(judged: Judged, asked: Asked) -> dict[str, Any]:
    """`ratings`: base and tuned, one of each order that could be read."""
    pair = asked.pair
    texts = {"prompt": pair.prompt[-1].content, "wanted": pair.wanted, "base": pair.base, "tuned": pair.tuned}
    ratings = {maker: [rating.model_dump() for rating in judged.ratings(maker)] for maker in MAKERS}
    told = {"winner": judged.winner, "swayed": judged.is_swayed, "read": judged.is_read}
    return {"row": pair.row, **texts, **told, "ratings": ratings}


def read_judged(run: Run) -> dict[str, Any] | None:
    """judge.json with `kappa`, the agreement with the person's votes as they are now (see `Agreement.as_dict`).

    None before it was judged, or if the run has learned on since.
    """
    known: dict[str, Any] | None = read_json(
        run.folder / "judge.json", anew="Let it judge again; what was rated is kept."
    )
    if not known or known["of"] != state_of(run):
        return None
    return {**known, "kappa": agree_with_votes(known, _current(run)).as_dict()}


def _current(run: Run) -> Standing | None:
    standing = find_standing(run)
    return standing if standing and standing.round.is_of(run) else None


def agree_with_votes(known: Mapping[str, Any], standing: Standing | None) -> agreement.Agreement:
    """Over what both have judged: the same two answers to the same question, where the judge's word counts."""
    votes = {}
    for place, vote in (standing.votes if standing else {}).items():
        pair = standing.round.ballots[place].pair if standing else None
        if pair:
            votes[pair.row, pair.base, pair.tuned] = vote["winner"] or "same"
    pairs = [
        (each["winner"], votes[key])
        for each in known["answers"]
        if each["winner"] and (key := (each["row"], each["base"], each["tuned"])) in votes
    ]
    return agreement.compare([judge for judge, _ in pairs], [vote for _, vote in pairs])


def shown_answers(run: Run, known: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Those that give away nothing: while a blind vote is open, only what was voted on."""
    standing = _current(run)
    if standing is None or standing.next is None:
        return list(known["answers"])
    voted = {standing.round.ballots[place].pair.row for place in standing.votes}
    return [each for each in known["answers"] if each["row"] in voted]
