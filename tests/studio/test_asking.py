"""How held-out questions are asked: as many as wished, drawn by lot, and with dice or without."""

from __future__ import annotations

from argparse import Namespace

import pytest

from studio import score_verb
from studio.compare import proof
from studio.compare.asking import KEPT, Asking, asked_as, keep_asking, make_asking, read_asking
from studio.compare.chosen import keep_choice, weigh_as_kept
from studio.compare.others import keep, read_scored, weigh_other
from studio.compare.voices import Voice
from studio.errors import DamagedError, RunError, SettingError
from studio.runs import Run
from studio.score_verb import verb_score
from studio.scores.choice import make_choice
from studio.store import read_json, write_json
from studio.verbs import build_parser
from studio.vote.answers import read_pairs
from studio.vote.ballots import begin_or_extend
from studio.vote.votes import cast, read_standing
from tests.studio.reports import make_run, score


@pytest.fixture
def run(workspace) -> Run:
    run = make_run(workspace)
    score(run, lambda row, wanted: "No.", lambda row, wanted: wanted)
    return run


def ask_as(run: Run, asking: Asking) -> None:
    """As if its answers had been asked for so."""
    path = run.folder / "scores.json"
    known = read_json(path)
    write_json(path, {**known, **weigh_as_kept(run, known["answers"]), "asking": asking.as_dict(), "of_all": 50})


def test_the_usual_way_is_all_questions_without_dice_and_is_not_told(run):
    assert make_asking() == Asking() == read_asking(run) == asked_as({})
    assert (Asking().draw(5), Asking().dice, Asking().marks) == ([0, 1, 2, 3, 4], {}, [])
    assert Asking().say(of_all=5) == ""


def test_more_questions_hold_those_of_fewer_and_another_seed_draws_others():
    few, more = (make_asking(count, seed=3).draw(200) for count in (20, 50))
    assert set(few) < set(more)
    assert (len(few), len(more)) == (20, 50)
    assert few == sorted(few)
    assert few != make_asking(20, seed=4).draw(200)
    assert make_asking(500).draw(200) == list(range(200))


def test_each_question_has_dice_of_its_own_by_the_seed():
    seeds = [make_asking(seed=1).seed_of(row) for row in range(100)]
    assert len(set(seeds)) == 100
    assert seeds == [make_asking(10, temperature=1, seed=1).seed_of(row) for row in range(100)]
    assert not set(seeds) & {make_asking(seed=2).seed_of(row) for row in range(100)}


def test_what_is_not_the_usual_way_is_told():
    words = make_asking(20, 0.7, 0.9, 3).say(of_all=200)
    assert words == (
        "20 of 200 questions were drawn by lot (seed 3). Words were drawn: temperature 0.7, top-p 0.9, seed 3; of each "
        "question by the same dice for all."
    )
    assert make_asking(20).say(of_all=20) == ""


@pytest.mark.parametrize(
    "given",
    [{"questions": -1}, {"seed": -1}, {"temperature": -0.1}, {"temperature": 2.1}, {"top_p": 0}, {"top_p": 1.1}],
)
def test_what_cannot_be_is_refused_in_words(given):
    with pytest.raises(SettingError):
        make_asking(**given)


def test_how_it_is_asked_is_kept_with_the_run_and_what_is_damaged_can_be_said_anew(run, monkeypatch):
    monkeypatch.setattr(proof, "follow", lambda *given: iter(()))
    how = make_asking(20, 0.7)
    list(proof.score_run(run, how))
    assert read_asking(run) == how
    list(proof.score_run(run))
    assert read_asking(run) == how, "as it was asked last"
    (run.folder / KEPT).write_text("{", encoding="utf-8")
    with pytest.raises(DamagedError, match="Say anew how they are asked"):
        read_asking(run)
    list(proof.score_run(run, make_asking()))
    assert read_asking(run) == Asking()


def test_while_both_are_asked_they_are_not_asked_otherwise(run, monkeypatch):
    monkeypatch.setattr(proof, "follow", lambda *given: iter(()))
    monkeypatch.setattr(proof, "is_on", lambda run: True)
    assert list(proof.score_run(run, Asking())) == [], "whoever presses twice joins"
    with pytest.raises(RunError, match="asked otherwise"):
        list(proof.score_run(run, make_asking(20)))
    assert read_asking(run) == Asking()


def test_a_vote_tells_the_dice_of_the_answers_it_was_about(run):
    how = make_asking(temperature=0.7, seed=4)
    ask_as(run, how)
    assert {tuple(pair.dice.items()) for pair in read_pairs(run)} == {tuple(how.dice.items())}
    begin_or_extend(run)
    standing = read_standing(run)
    assert standing is not None
    assert standing.next is not None
    cast(run, standing.next.mark, "left")
    voted = read_standing(run)
    assert voted is not None
    assert how.dice.items() <= voted.votes[0]["settings"].items()


def test_somebody_who_was_asked_with_other_dice_does_not_stand_beside(run, monkeypatch):
    voice = Voice("checkpoint", run.id, "20")
    monkeypatch.setattr("studio.compare.others.is_there", lambda workspace, key: True)
    monkeypatch.setattr("studio.compare.others.marks_of_voice", lambda workspace, voice: ["a"])
    found = weigh_other(run, [row["wanted"] for row in read_json(run.folder / "scores.json")["answers"]])
    keep(run, voice, {**found, "of": ["a"], "asking": Asking().as_dict(), "unread": ""})
    assert [other.is_current for other in read_scored(run)] == [True]
    ask_as(run, make_asking(temperature=0.5))
    assert [other.is_current for other in read_scored(run)] == [False]


class TestHeadless:
    @pytest.fixture(autouse=True)
    def asked(self, monkeypatch, run) -> list[Asking | None]:
        asked: list[Asking | None] = []

        def score_as(run: Run, asking: Asking | None):
            asked.append(asking)
            if asking:
                keep_asking(run, asking)
            ask_as(run, read_asking(run))
            return iter(())

        monkeypatch.setattr(score_verb, "forget_run", lambda run: iter(()))
        monkeypatch.setattr(proof, "score_run", score_as)
        return asked

    def given(self, *flags: str) -> Namespace:
        return build_parser().parse_args(["score", "2026-11-24-1530-orders", *flags])

    def test_flags_say_how_it_is_asked_and_the_result_tells_it(self, workspace, asked, capsys):
        flags = ["--questions", "20", "--temperature", "0.7", "--top-p", "0.9", "--seed", "3"]
        result = verb_score(workspace, self.given(*flags))
        assert asked == [make_asking(20, 0.7, 0.9, 3)]
        assert result["asking"] == asked[0].as_dict()
        assert "20 of 50 questions were drawn by lot" in capsys.readouterr().err

    def test_a_measure_for_answers_that_were_asked_for_otherwise_asks_first(self, workspace, run, asked):
        verb_score(workspace, self.given("--measure", "length_match", "--temperature", "0.7"))
        assert asked == [make_asking(temperature=0.7)]
        keep_choice(run, make_choice("chrf"))
        verb_score(workspace, self.given("--measure", "length_match"))
        assert len(asked) == 1, "they are as they were asked for last"

    def test_against_the_prompt_there_are_no_dice(self, workspace):
        with pytest.raises(SettingError, match="greedily"):
            verb_score(workspace, self.given("--against", "prompt", "--temperature", "0.7"))
