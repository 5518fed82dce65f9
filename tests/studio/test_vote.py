"""The blind vote: sides that nobody can guess, votes that are kept, taken back, counted and learned from."""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, cast

import pytest

from studio.compare.chat import Chat, Reply
from studio.compare.voices import Voice
from studio.data.conversation import Message
from studio.data.datasets import open_dataset, read_examples, save_dataset
from studio.data.formats import convert_rows
from studio.data.read import Row
from studio.errors import DataError, ModelError, RunError, SettingError
from studio.runs import Run, open_run, workspace_of
from studio.store import append_row, read_json, read_rows, write_json
from studio.vote import votes as voting
from studio.vote.answers import Pair, ask_both, read_pairs
from studio.vote.ballots import Ballot, begin_or_extend, draw, read_round
from studio.vote.preferences import read_preferences, write_preferences
from studio.vote.votes import Standing, open_rows, read_standing, undo
from studio.workspace import Workspace

EXAMPLES = 100
SYSTEM = "Answer as a shop."


@pytest.fixture
def data(workspace) -> str:
    """A hundred examples with a system prompt, ten of them held out."""
    rows = [
        Row(n, {"question": f"Where is parcel {n * 7919}?", "answer": f"In place {n}", "system": SYSTEM})
        for n in range(EXAMPLES)
    ]
    return save_dataset(workspace, "shop", "shop.jsonl", convert_rows(rows)).name


@pytest.fixture
def run(make_run: Callable[..., Run]) -> Run:
    run = make_run("done", step=40)
    write_json(run.adapter / "adapter_config.json", {})
    (run.adapter / "adapter_model.safetensors").write_bytes(b"weights")
    return run


def score(run: Run, most: int = EXAMPLES, same: int = 0) -> list[int]:
    """Leave scores as the worker does; on the first `same` questions both agree. Gives the rows."""
    held_out = open_dataset(workspace_of(run.folder), run.recipe.data).conversations("test")[:most]
    answers = [
        {
            "row": each.row,
            "prompt": each.prompt[-1].content,
            "wanted": each.wanted,
            "base": each.wanted if place < same else f"base says {each.row}",
            "tuned": each.wanted if place < same else f"tuned says {each.row}",
        }
        for place, each in enumerate(held_out)
    ]
    write_json(run.folder / "scores.json", {"examples": len(answers), "base": {}, "tuned": {}, "answers": answers})
    return [each.row for each in held_out]


def standing_of(run: Run) -> Standing:
    standing = read_standing(run)
    assert standing
    return standing


def cast_vote(run: Run, choice: str, **more: str) -> None:
    ballot = standing_of(run).next
    assert ballot
    assert voting.cast(run, ballot.mark, choice, **more)


def vote_for(run: Run, maker: str, **more: str) -> None:
    ballot = standing_of(run).next
    assert ballot
    cast_vote(run, "left" if ballot.left == maker else "right", **more)


def made_pairs(count: int) -> list[Pair]:
    return [Pair(n, (Message("user", f"{n}?"),), "", f"base {n}", f"tuned {n}", "scores") for n in range(count)]


class Answerer:
    """Answers as the worker would, without a model; breaks off after `most` questions."""

    def __init__(self, most: int = EXAMPLES) -> None:
        self.most = most
        self.asked: list[dict[str, Any]] = []

    def open(self, workspace: Workspace, voices: Sequence[Voice]) -> Iterator[Any]:
        yield from ()

    def ask(self, prompts: dict[Voice, Any], most_tokens: int) -> Iterator[Reply]:
        if len(self.asked) == self.most:
            raise ModelError("The model broke off.", "Send it again.")
        base, tuned = prompts
        self.asked.append({"base": prompts[base], "tuned": prompts[tuned], "most_tokens": most_tokens})
        question = prompts[base][-1].content
        yield Reply({base: "", tuned: ""})
        yield Reply({base: f"base: {question}", tuned: f"tuned: {question}"}, done=True)


def ask(run: Run, answerer: Answerer, most: int = 20) -> None:
    for _ in ask_both(run, cast(Chat, answerer), most):
        pass


# ---- order and sides


def test_sides_are_tossed_like_a_fair_coin_for_each_question():
    chance = random.Random(7)
    rounds = [draw(made_pairs(20), chance) for _ in range(2000)]
    lefts = [ballot.left == "tuned" for each in rounds for ballot in each]
    assert abs(sum(lefts) - 20_000) < 4 * 100  # four standard deviations of 40,000 tosses
    for count in (Counter(b.pair.row for each in rounds for b in each if b.left == "tuned"),
                  Counter(b.place for each in rounds for b in each if b.left == "tuned")):  # fmt: skip
        assert all(abs(times - 1000) < 5 * 22.4 for times in count.values())


def test_a_side_tells_nothing_of_the_next_nor_of_the_last():
    """Evened-out sides would tell the last one, since the count after each vote tells the others."""
    chance = random.Random(8)
    rounds = [[ballot.left for ballot in draw(made_pairs(10), chance)] for _ in range(4000)]
    alike = sum(one == other for each in rounds for one, other in pairwise(each))
    assert abs(alike - 18_000) < 4 * 95
    evened = [each for each in rounds if each[:9].count("tuned") == 5]
    assert abs(sum(each[9] == "tuned" for each in evened) - len(evened) / 2) < 4 * len(evened) ** 0.5 / 2


def test_every_question_stands_at_every_place_equally_often():
    chance = random.Random(9)
    places = Counter((b.pair.row, b.place) for _ in range(6000) for b in draw(made_pairs(4), chance))
    assert len(places) == 16
    assert all(abs(times - 1500) < 5 * 33.6 for times in places.values())


def test_two_rounds_of_the_same_answers_are_drawn_differently(run, make_run):
    score(run)
    drawn = set()
    for _ in range(4):
        (run.folder / "ballots.json").unlink(missing_ok=True)
        drawn.add(tuple((ballot.pair.row, ballot.left) for ballot in begin_or_extend(run).ballots))
    assert len(drawn) == 4


def test_what_a_page_gets_is_the_same_whoever_gave_the_answers():
    pair = made_pairs(1)[0]
    other = replace(pair, base=pair.tuned, tuned=pair.base)
    one, swapped = Ballot(0, pair, "base"), Ballot(0, other, "tuned")
    assert (one.mark, one.shown) == (swapped.mark, swapped.shown)


def test_no_seed_is_kept_from_which_sides_could_be_drawn_again(run):
    score(run)
    begin_or_extend(run)
    kept = read_json(run.folder / "ballots.json")
    assert {each["left"] for each in kept["ballots"]} <= {"base", "tuned"}
    assert "seed" not in json.dumps(kept)


# ---- where the answers come from


def test_scored_answers_are_voted_on_with_the_whole_prompt(run):
    rows = score(run)
    begun = begin_or_extend(run)
    assert sorted(ballot.pair.row for ballot in begun.ballots) == sorted(rows)
    for ballot in begun.ballots:
        assert [message.role for message in ballot.pair.prompt] == ["system", "user"]
        assert {ballot.pair.base, ballot.pair.tuned} == set(ballot.shown)
    assert read_round(run) == begun


def test_what_both_answer_alike_is_not_voted_on(run):
    score(run, same=3)
    begun = begin_or_extend(run)
    assert (len(begun.ballots), begun.same) == (7, 3)
    assert begin_or_extend(run) == begun


def test_where_both_always_agree_there_is_nothing_to_choose(run):
    score(run, same=EXAMPLES)
    with pytest.raises(RunError, match="same answer to all 10"):
        begin_or_extend(run)
    assert read_standing(run) is None


def test_without_scores_both_are_asked_greedily_and_what_was_answered_is_kept(run):
    breaks = Answerer(most=2)
    with pytest.raises(ModelError):
        ask(run, breaks)
    assert len(read_pairs(run)) == 2
    whole = Answerer()
    ask(run, whole)
    assert len(whole.asked) == 8
    assert len(begin_or_extend(run).ballots) == 10
    with pytest.raises(DataError, match="no held-out question left"):
        ask(run, Answerer())


def test_questions_that_are_answered_later_follow_and_those_there_stay(run):
    ask(run, Answerer(), most=4)
    first = begin_or_extend(run)
    vote_for(run, "tuned")
    score(run)
    longer = begin_or_extend(run)
    assert longer.ballots[:4] == first.ballots
    assert len(longer.ballots) == 10
    assert {ballot.pair.source for ballot in longer.ballots[4:]} == {"scores"}
    assert standing_of(run).tally.won == 1


def test_scores_of_weights_that_have_learned_on_are_not_voted_on(run):
    score(run)
    assert len(read_pairs(run)) == 10
    newer = (run.folder / "scores.json").stat().st_mtime + 5
    os.utime(run.adapter / "adapter_model.safetensors", (newer, newer))
    assert read_pairs(run) == []


def test_a_run_that_has_learned_on_gets_a_new_round_and_the_old_votes_stay_kept(run):
    ask(run, Answerer())
    begin_or_extend(run)
    vote_for(run, "tuned")
    write_json(run.folder / "state.json", {**run.status, "step": 80})
    later = open_run(workspace_of(run.folder), run.id)
    assert not standing_of(later).round.is_of(later)
    assert read_pairs(later) == []
    ask(later, Answerer())
    assert begin_or_extend(later).number == 2
    assert standing_of(later).tally.cast == 0
    assert len(read_preferences(later)) == 1


# ---- votes


def test_a_vote_is_kept_with_all_that_was_seen(run):
    score(run)
    begin_or_extend(run)
    ballot = standing_of(run).next
    assert ballot
    voting.cast(run, ballot.mark, "right", reason=" It names\nthe place. ", who="Mia  Chen")
    (row,) = read_rows(run.folder / "votes.jsonl")
    assert (row["left"], row["right"]) == ballot.shown
    assert row["sides"] == {"left": ballot.left, "right": ballot.right}
    assert row["winner"] == ballot.right
    assert row["prompt"][0] == {"role": "system", "content": SYSTEM}
    assert (row["who"], row["reason"], row["vote"]) == ("Mia Chen", "It names\nthe place.", "right")
    assert row["settings"] == {
        "base": "starter", "data": "shop", "step": 40, "temperature": 0.0, "answers": "scores"
    }  # fmt: skip
    assert row["at"].startswith("20")


def test_votes_are_counted_for_whom_they_are(run):
    score(run)
    begin_or_extend(run)
    for maker in ("tuned", "base", "tuned"):
        vote_for(run, maker)
    cast_vote(run, "both good")
    cast_vote(run, "both bad")
    tally = standing_of(run).tally
    assert (tally.won, tally.lost, tally.tied) == (2, 1, 2)


def test_a_vote_on_a_ballot_that_is_no_longer_asked_for_is_refused(run):
    score(run)
    begin_or_extend(run)
    ballot = standing_of(run).next
    assert ballot
    assert voting.cast(run, ballot.mark, "left")
    assert not voting.cast(run, ballot.mark, "left")
    assert not voting.cast(run, "nothing", "left")
    assert standing_of(run).tally.cast == 1
    with pytest.raises(SettingError, match="no vote 'tuned'"):
        voting.cast(run, ballot.mark, "tuned")


def test_the_last_vote_is_taken_back_once_and_asked_again(run):
    score(run)
    begin_or_extend(run)
    vote_for(run, "tuned")
    vote_for(run, "base")
    assert undo(run, 2)
    assert not undo(run, 2)  # a second press on the same button
    standing = standing_of(run)
    assert (standing.tally.won, standing.tally.lost) == (1, 0)
    assert standing.next == standing.round.ballots[1]
    vote_for(run, "tuned")
    assert standing_of(run).tally.won == 2
    assert standing_of(run).changed == 1  # the count had told the sides by then
    assert [row.get("again") for row in read_rows(run.folder / "votes.jsonl")] == [False, False, None, True]


def test_questions_without_a_vote_are_known_by_their_rows(run):
    assert open_rows(run) == frozenset()
    score(run)
    ballots = begin_or_extend(run).ballots
    assert open_rows(run) == {ballot.pair.row for ballot in ballots}
    vote_for(run, "tuned")
    assert open_rows(run) == {ballot.pair.row for ballot in ballots[1:]}


def test_all_votes_can_be_taken_back_in_turn(run):
    score(run)
    begin_or_extend(run)
    for _ in range(3):
        vote_for(run, "tuned")
    assert [undo(run, votes) for votes in (3, 2, 1, 0)] == [True, True, True, False]
    assert standing_of(run).tally.cast == 0


def test_a_vote_that_was_half_written_is_asked_again(run):
    score(run)
    begin_or_extend(run)
    vote_for(run, "tuned")
    vote_for(run, "tuned")
    path = run.folder / "votes.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    assert standing_of(run).tally.cast == 1
    vote_for(run, "base")
    tally = standing_of(run).tally
    assert (tally.won, tally.lost) == (1, 1)


def test_after_a_restart_it_goes_on_where_it_was(run):
    score(run)
    begin_or_extend(run)
    vote_for(run, "tuned")
    before = standing_of(run).next
    again = open_run(workspace_of(run.folder), run.id)
    assert standing_of(again).next == before
    for _ in range(9):
        vote_for(again, "tuned")
    assert standing_of(again).next is None
    assert not voting.cast(again, "", "left")


# ---- preference rows


def test_votes_become_rows_that_data_reads_as_chosen_and_rejected(run):
    score(run)
    begin_or_extend(run)
    for maker in ("tuned", "base", "tuned"):
        vote_for(run, maker)
    cast_vote(run, "both good")
    file = write_preferences(run)
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [row["chosen"][0]["content"].split()[0] for row in rows] == ["tuned", "base", "tuned"]
    for row in rows:
        assert row.keys() == {"prompt", "chosen", "rejected"}
        assert [said["role"] for part in row.values() for said in part] == ["system", "user", "assistant", "assistant"]
    conversion = read_examples(file)
    examples = list(conversion)
    assert conversion.shapes == {"chosen and rejected": 3}
    for row, example in zip(rows, examples, strict=True):
        assert example.as_dicts() == row["prompt"] + row["chosen"]
        assert example.rejected == row["rejected"][0]["content"]


def test_a_vote_that_was_taken_back_becomes_no_row(run):
    score(run)
    begin_or_extend(run)
    vote_for(run, "tuned")
    undo(run, 1)
    with pytest.raises(RunError, match="No vote says yet"):
        write_preferences(run)
    vote_for(run, "base")
    (row,) = read_preferences(run)
    assert row["chosen"][0]["content"].startswith("base")


def test_of_two_judgements_of_the_same_answers_the_last_counts(run):
    score(run, most=1)
    begin_or_extend(run)
    vote_for(run, "tuned")
    first = next(read_rows(run.folder / "votes.jsonl"))
    other = "right" if first["vote"] == "left" else "left"
    append_row(run.folder / "votes.jsonl", {**first, "round": 2, "vote": other})
    (row,) = read_preferences(run)
    assert row["chosen"][0]["content"].startswith("base")
    append_row(run.folder / "votes.jsonl", {**first, "round": 3, "vote": "both bad"})
    assert read_preferences(run) == []
