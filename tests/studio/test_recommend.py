"""From three ways to an answer to one plain sentence: was it worth it, or would it be."""

from __future__ import annotations

import math

import pytest

from studio.compare.recommend import Recommendation, say_times
from studio.compare.ways import Said, Spent, weigh_ways
from studio.compare.worth import notes_of, titles_of
from studio.scores.intervals import Interval

SECONDS = {"base": 0.5, "prompt": 1.8, "tuned": 0.6}
LABELS = ("refund", "exchange", "cancel", "invoice")


def weighed(questions: int = 100, shots: int = 5, wanted: list[str] | None = None, seconds=SECONDS, **right: int):
    """worth.json's part, of so many right answers in each way; the first ones are right in all."""
    wanted = wanted or [LABELS[n % 4] for n in range(questions)]
    answers = {
        way: [Said(text if n < many else "Hello!", 400 if way == "prompt" else 40, 8, True)
              for n, text in enumerate(wanted)]
        for way, many in right.items()
    }  # fmt: skip
    times = {way: [Spent(10, 10 * seconds[way], 3 * seconds[way])] * (questions // 10) for way in right}
    return weigh_ways(wanted, wanted, answers, times, shots)


def recommended(**given: int) -> Recommendation:
    found = weighed(**given)
    return Recommendation(found["word"], found["recommendation"].replace("\u00a0", " "), found["do"])


def test_a_tuned_model_that_is_surely_better_than_the_prompt_is_kept():
    found = recommended(base=10, prompt=61, tuned=94)
    assert found.word == "fine-tune"
    assert found.sentence == (
        "Five examples in the prompt get 61 % (between 51 and 70), fine-tuning 94 % (between 88 and 97) by “right "
        "label”, in a third of the time: keep the tuned one."
    )
    assert found.do.startswith("The difference is +33 points (between +2")
    assert "more than chance would make" in found.do


def test_a_prompt_that_is_surely_better_saves_the_adapter():
    found = recommended(base=10, prompt=94, tuned=61)
    assert found.word == "prompt"
    assert "save yourself the adapter, the prompt does better." in found.sentence
    assert "Put the examples below before each question" in found.do


def test_a_prompt_that_does_as_well_saves_the_adapter_and_the_price_is_told():
    found = recommended(base=10, prompt=97, tuned=98)
    assert found.word == "prompt"
    assert "a good prompt does as well, so you can save yourself the adapter." in found.sentence
    assert "less than 10 points either way" in found.do
    assert "it answers in a third of the time, for it reads 40 tokens a question instead of 400" in found.do
    slow = recommended(base=10, prompt=97, tuned=98, seconds={**SECONDS, "tuned": 2.0})
    assert "What speaks for the tuned one is the shorter prompt: it reads 40 tokens" in slow.do


def test_of_few_questions_nothing_is_told_but_how_many_would_tell():
    found = recommended(questions=20, base=2, prompt=14, tuned=17)
    assert found.word == "can't tell"
    assert found.sentence.endswith("which of them is better cannot be told yet.")
    assert "which chance alone could do" in found.do
    assert "held-out questions would settle a difference of that size" in found.do
    needed = int(found.do.partition("About ")[2].partition(" ")[0].replace(",", ""))
    assert needed > 20


def test_a_difference_of_nothing_is_not_said_to_be_settled_by_more_questions():
    found = recommended(questions=20, base=2, prompt=14, tuned=14)
    assert found.word == "can't tell"
    assert "hardly any number of questions would settle it" in found.do


def test_where_neither_beats_the_base_the_base_is_taken_or_nothing_is_told():
    same = recommended(base=60, prompt=60, tuned=60)
    assert same.word == "base"
    assert "the base alone gets 60 %" in same.sentence
    assert same.sentence.endswith("take the base as it is.")
    harmed = recommended(base=90, prompt=40, tuned=60)
    assert harmed.word == "base", "the tuned one beats the prompt, and is worse than what it came from"
    few = recommended(questions=20, base=10, prompt=11, tuned=13)
    assert few.word == "can't tell"
    assert "neither is surely better than the base" in few.sentence


def test_before_training_a_base_that_stays_far_below_even_with_examples_should_be_trained():
    found = recommended(base=10, prompt=61)
    assert found.word == "fine-tune"
    assert found.sentence == (
        "Five examples in the prompt get 61 % (between 51 and 70), the base alone 10 % (between 6 and 17) by “right "
        "label”: yes, train."
    )


def test_before_training_a_prompt_that_is_enough_is_enough_and_its_length_is_told():
    found = recommended(base=10, prompt=99)
    assert found.word == "prompt"
    assert found.sentence.endswith("no, a prompt is enough.")
    assert "400 tokens long instead of 40" in found.do


def test_before_training_a_base_that_can_do_it_needs_neither():
    assert recommended(base=99, prompt=99).word == "base"


def test_before_training_few_questions_cannot_tell_whether_it_is_enough():
    found = recommended(questions=20, base=2, prompt=18)
    assert found.word == "can't tell"
    assert "20 questions cannot tell whether it is above 90" in found.do
    assert "A quick look in Train" in found.do


def test_before_training_free_text_is_left_to_whoever_reads_it():
    wanted = [
        f"Dear customer, thank you for your letter about parcel {n * 7919}; it has left us today." for n in range(30)
    ]
    found = recommended(questions=30, wanted=wanted, base=2, prompt=18)
    assert found.word == "can't tell"
    assert "no number can say" in found.sentence
    assert "Read the answers" in found.do


@pytest.mark.parametrize(
    ("time", "words"),
    [
        ((0.33, 0.30, 0.36), "in a third of the time"),
        ((0.5, 0.4, 0.6), "in half the time"),
        ((0.1, 0.09, 0.11), "in a tenth of the time"),
        ((0.7, 0.6, 0.8), "in 70 % of the time"),
        ((0.02, 0.01, 0.03), "in 2 % of the time"),
        ((0.98, 0.92, 1.05), "in about the same time"),
        ((0.95, 0.91, 0.99), "in about the same time"),
        ((1.4, 1.2, 1.6), "in 1.4 times the time"),
        ((12, 11, 13), "in 12 times the time"),
        ((0.83, 0.41, 1.7), ""),
        ((0.4, 0.0, math.inf), ""),
    ],
)
def test_a_time_is_told_beside_the_other_where_the_clock_can_tell(time, words):
    assert say_times(Interval(*time)) == words


def test_the_time_is_that_of_the_same_batches_and_its_interval_tells_an_unsteady_clock():
    wanted = ["refund"] * 30
    answers = {way: [Said(text, 9, 3, True) for text in wanted] for way in ("base", "prompt", "tuned")}
    steady = {"base": [3.0, 6.0, 9.0], "prompt": [6.0, 12.0, 18.0], "tuned": [2.0, 4.0, 6.0]}
    unsteady = {**steady, "tuned": [2.0, 40.0, 6.0]}

    def told_of(seconds):
        times = {way: [Spent(10, each, each / 2) for each in known] for way, known in seconds.items()}
        return weigh_ways(wanted, wanted, answers, times, 3)

    def time_of(seconds):
        return told_of(seconds)["time"]

    assert "the clock could not tell" not in told_of(steady)["do"]
    assert "could not tell: other programs were at work" in told_of(unsteady)["do"]
    assert "time" not in told_of(unsteady)["recommendation"]
    assert time_of(steady) == {"value": pytest.approx(1 / 3), "low": pytest.approx(1 / 3), "high": pytest.approx(1 / 3)}
    assert time_of(unsteady)["low"] < 1 < time_of(unsteady)["high"]


def test_one_example_is_not_called_examples():
    assert recommended(shots=1, base=10, prompt=61).sentence.startswith("One example in the prompt gets 61 %")


def test_the_measure_is_the_one_that_suits_the_wanted_answers_and_every_way_has_its_interval():
    found = weighed(base=10, prompt=61, tuned=94)
    assert found["main"] == "label_right"
    for way, share in (("base", 0.10), ("prompt", 0.61), ("tuned", 0.94)):
        quality = found["ways"][way]["quality"]
        assert quality["low"] < quality["value"] == share < quality["high"]
    assert found["differences"]["tuned_prompt"]["value"] == pytest.approx(0.33)
    assert found["differences"]["prompt_base"]["word"] == "better"


def test_seconds_and_tokens_are_told_a_question():
    ways = weighed(base=10, prompt=61, tuned=94)["ways"]
    assert ways["prompt"]["seconds"]["value"] == pytest.approx(1.8)
    assert ways["prompt"]["reading_s"] == pytest.approx(0.54)
    assert (ways["prompt"]["prompt_tokens"], ways["prompt"]["answer_tokens"], ways["prompt"]["unfinished"]) == (
        400,
        8,
        0,
    )


def test_where_the_suited_measure_says_nothing_of_the_questions_asked_wholly_right_decides():
    everything = [LABELS[n % 4] for n in range(100)]
    asked = ["something else", "and another thing"]
    answers = {way: [Said(text, 9, 3, True) for text in asked] for way in ("base", "prompt")}
    times = {way: [Spent(2, 1.0, 0.1)] for way in answers}
    assert weigh_ways(everything, asked, answers, times, 3)["main"] == "right"


def kept(**more):
    chosen = {"how": "spread", "sets": 9, "weighed": 16, "part": "validation", "loss": 0.4, "loss_without": 1.9}
    shown = [{"row": n, "question": "?", "answer": "!"} for n in range(5)]
    found = weighed(base=10, prompt=61, tuned=94)
    known = {"examples": 100, "of_all": 100, "at_once": 8, "most_tokens": 30, "chosen": {**chosen, "examples": shown}}
    return {**found, **known, **more}


def test_the_notes_say_how_it_was_chosen_and_how_it_was_timed():
    told = " ".join(notes_of(kept()))
    assert "the same 100 held-out questions, which neither training nor the choice of the examples saw" in told
    assert "of 9 sets of three to five, the one with which the base was least surprised by 16 wanted answers" in told
    assert "loss 0.40 a token, 1.90 without examples" in told
    assert "8 questions at a time" in told
    assert "Of the 1.80 s with examples, 0.54 s go into reading the prompt" in told
    assert "did not come to an end" not in told


def test_the_notes_say_that_only_some_were_asked_and_which_answers_were_cut():
    found = kept(of_all=5_000)
    found["ways"]["base"]["unfinished"] = 3
    told = " ".join(notes_of(found))
    assert "100 held-out questions, drawn from 5,000" in told
    assert "The base alone: 3 answers did not come to an end and stopped at the limit of 30 tokens" in told


def test_ways_are_called_by_what_they_are():
    assert list(titles_of(kept()).values()) == [
        "The base alone",
        "The base with 5 examples in its prompt",
        "Fine-tuned",
    ]
