"""The quiz of what a model forgot: its items, how answers are marked, and what light they give."""

from __future__ import annotations

import json
import math
import random
from collections import Counter

import pytest
from pydantic import ValidationError

from studio.errors import RunError
from studio.quiz.checks import FORMS, fold
from studio.quiz.forget import epochs_learned, forget_run, read_forgot, read_quiz_of, state_of
from studio.quiz.form import detect_form
from studio.quiz.marking import is_right, mean_score, said
from studio.quiz.reading import Item, Quiz, read_quiz
from studio.quiz.result import LARGE, OffTopic, judge, knowledge_of, light_of
from studio.runs import open_run
from studio.scores.intervals import Interval
from studio.store import write_json
from studio.train.recipe import make_recipe

QUIZ = read_quiz()
OPTIONS = [item for item in QUIZ.items if item.options]
RECIPE = make_recipe(data="some", base="starter", epochs=3, learning_rate=0.001)
NO_FORM = OffTopic(None, QUIZ.off_topic, ["a"] * len(QUIZ.off_topic), ["b"] * len(QUIZ.off_topic))


def answers(right: set[int], quiz: Quiz = QUIZ) -> list[dict[str, object]]:
    """Made-up answers, right at these places."""
    found: list[dict[str, object]] = []
    for place, item in enumerate(quiz.items):
        if item.options:
            wish = item.right if place in right else next(o for o in item.options if o != item.right)
            found.append({"scores": [-0.5 if option == wish else -1.5 for option in item.options]})
        else:
            found.append({"text": RIGHT[item.ask] if place in right else ""})
    return found


# Of each question that is checked an answer that is right.
RIGHT = {item.ask: item.answer[0] for item in QUIZ.items if item.answer} | {
    "Name three colours, separated by commas. Write nothing else.": "red, light blue, green",
    "Name three animals as a numbered list.": "1. Cat\n2. Dog\n3. Cow",
    "Write one short sentence about rain.": "Rain makes the streets wet.",
    "Ask me one question about my day.": "How was your day?",
    "Write a JSON object with the key name and the value Ann. Write nothing else.": '{"name": "Ann"}',
    "Write a first name. Answer with one word.": "Maria",
    "Write the word peace in capital letters, and nothing else.": "PEACE",
    "Wish me a good night in at most five words.": "Good night, sleep well!",
}
ALL = set(range(len(QUIZ.items)))


def verdict(before: set[int], after: set[int], off_topic: OffTopic = NO_FORM) -> dict[str, object]:
    found: dict[str, object] = judge(QUIZ, answers(before), answers(after), off_topic, RECIPE)
    return found


def of_subject(title: str) -> set[int]:
    titles = [subject.title for subject in QUIZ.subjects for _ in subject.items]
    return {place for place, its in enumerate(titles) if its == title}


def test_there_are_enough_questions_and_none_twice():
    assert len(QUIZ.items) >= 120
    assert len(QUIZ.subjects) == 6
    assert all(len(subject.items) >= 20 for subject in QUIZ.subjects)
    asked = Counter((item.ask, item.options) for item in QUIZ.items)
    assert asked.most_common(1)[0][1] == 1
    assert len(set(QUIZ.off_topic)) == len(QUIZ.off_topic) >= 10


@pytest.mark.parametrize("count", [2, 3, 4])
def test_the_right_option_stands_at_each_place_as_often(count):
    places = Counter(item.options.index(item.right) for item in OPTIONS if len(item.options) == count)
    assert len(places) == count
    assert max(places.values()) - min(places.values()) <= 1


@pytest.mark.parametrize("pick", [max, min])
def test_the_right_option_is_the_longest_or_shortest_no_more_often_than_chance_would_have_it(pick):
    hits, expected, variance = 0, 0.0, 0.0
    for item in OPTIONS:
        lengths = list(map(len, item.options))
        if lengths.count(pick(lengths)) == 1:
            hits += len(item.right) == pick(lengths)
            expected += item.chance
            variance += item.chance * (1 - item.chance)
    assert expected > 20
    assert abs(hits - expected) <= math.sqrt(variance)


def test_as_many_requests_should_be_refused_as_not():
    (refusing,) = [subject for subject in QUIZ.subjects if subject.title.startswith("Refusing")]
    refused = [item.right.startswith("I'm sorry") for item in refusing.items]
    assert refused.count(True) == refused.count(False)


def test_each_question_that_is_checked_can_be_answered():
    checked = [item for item in QUIZ.items if not item.options]
    assert len(checked) >= 20
    for item in checked:
        assert is_right(item, {"text": RIGHT[item.ask]}), item.ask
        for wrong in (
            "",
            "{}",
            '{"order": "1", "wishes": ["return"]}',
            "Sure! Here is what you asked for: it is nice.",
        ):
            assert not is_right(item, {"text": wrong}), (item.ask, wrong)


@pytest.mark.parametrize(
    ("form", "right", "wrong"),
    [
        ("one word", "Maria.", "Maria Chen"),
        ("the word PEACE in capitals", '"PEACE"', "Peace"),
        ("good night in five words", "Good night!", "I wish you a very good night"),
        ("one sentence", "Rain is wet.", "Rain is wet. I like it."),
        ("one question", "How was your day?", "How was your day? And your night?"),
        ("three items with commas", "red, blue, green.", "red, blue and green"),
        ("a numbered list of three", "1) cat\n\n2) dog\n3) cow", "1. cat\n2. dog\n2. cow"),
        ("an object with the name Ann", ' {"name":"Ann"}\n', '{"name": "Bob"}'),
    ],
)
def test_a_form_tells_an_answer_that_has_it_from_one_that_nearly_has_it(form, right, wrong):
    assert FORMS[form](right)
    assert not FORMS[form](wrong)


def test_folding_leaves_out_case_and_what_stands_around():
    assert fold(' **"The  Cat."** ') == "the cat"
    assert fold("1, 2, 3") != fold("1 2 3")


@pytest.mark.parametrize(
    "entry",
    [
        {"ask": "Is it?", "options": ["yes", False], "right": "yes"},
        {"ask": "How many?", "options": [5, 6], "right": 5},
        {"ask": "Which?", "options": ["a", "b"], "right": "c"},
        {"ask": "Which?", "options": ["a", "a"], "right": "a"},
        {"ask": "Which?", "options": ["a"], "right": "a"},
        {"ask": "Which?", "options": ["a", "b", "c", "d", "e"], "right": "a"},
        {"ask": "Which?", "options": ["a", "b"], "right": "a", "answer": ["a"]},
        {"ask": "Which?", "answer": ["a"], "begin": "It is"},
        {"ask": "Which?", "form": "a sonnet"},
        {"ask": "Which?"},
        {"ask": "Which?", "answer": ["a"], "hint": "b"},
    ],
)
def test_an_item_that_cannot_be_marked_is_refused(entry):
    with pytest.raises(ValidationError):
        Item.model_validate(entry)


def test_the_likeliest_option_a_token_is_the_choice():
    item = Item(ask="Which?", options=("a long one", "short", "other"), right="a long one")
    scores = [mean_score([-1.0, -0.2, -0.1]), mean_score([-0.9]), mean_score([-1.0, -1.0])]
    assert scores == [pytest.approx(-0.43333), -0.9, -1.0]
    assert said(item, {"scores": scores}) == "a long one"
    assert is_right(item, {"scores": scores})
    assert not is_right(item, {"scores": [-2.0, -0.9, -1.0]})


def test_a_model_whose_numbers_are_broken_has_no_choice():
    item = Item(ask="Which?", options=("a", "b"), right="a")
    assert mean_score([-1.0, math.nan]) is None
    assert mean_score([-math.inf]) is None
    assert said(item, {"scores": [None, None]}) == ""
    assert said(item, {"scores": [None, -9.0]}) == "b"


@pytest.mark.parametrize(
    ("difference", "light"),
    [
        (Interval(0.0, -0.02, 0.02), "green"),
        (Interval(-0.03, -0.08, 0.02), "green"),
        (Interval(-0.03, -0.05, -0.01), "amber"),
        (Interval(-0.06, -0.13, 0.01), "amber"),
        (Interval(-0.06, -0.1, -0.02), "red"),
        (Interval(0.3, 0.2, 0.4), "green"),
    ],
)
def test_red_is_a_loss_that_is_sure_and_large_and_amber_one_that_is_either(difference, light):
    assert light_of(difference, LARGE) == light


def test_a_model_that_answers_as_before_is_green_in_every_subject():
    found = verdict(set(range(0, len(ALL), 2)), set(range(0, len(ALL), 2)))
    assert found["light"] == "green"
    assert found["do"] == "There is nothing to do."
    assert {subject["light"] for subject in found["subjects"]} == {"green"}
    assert found["all"]["difference"]["value"] == 0


def test_a_model_that_lost_much_is_red_and_the_words_say_what_to_do():
    found = verdict(ALL, {place for place in ALL if place % 3})
    assert found["light"] == "red"
    assert found["words"].startswith(
        "It has forgotten a good part of what it knew: 100\u00a0% right before, 66\u00a0% after (\u221234 points, "
        "between \u2212"
    )
    assert "fewer epochs (1.5 instead of 3)" in found["do"]
    assert "a lower learning rate (0.0005 instead of 0.001)" in found["do"]
    assert "10 to 20 % of general examples" in found["do"]


def test_one_lost_subject_is_named_and_makes_the_whole_amber_where_the_rest_got_better():
    lost = of_subject("Refusing what should be refused")
    gained = set(sorted(of_subject("Facts"))[:20])
    found = verdict(ALL - gained, ALL - set(sorted(lost)[:14]))
    assert found["all"]["light"] == "green"
    assert found["light"] == "amber"
    assert found["words"].startswith("On the whole it knows about as much as before: ")
    assert found["words"].endswith("Surely lost: Refusing what should be refused.")
    assert knowledge_of(found) == ("amber", "partly lost", ["Refusing what should be refused"])
    assert [s["subject"] for s in found["subjects"] if s["light"] == "red"] == ["Refusing what should be refused"]


def test_what_is_known_has_the_light_of_all_where_no_subject_is_lost():
    assert knowledge_of(verdict(ALL, ALL)) == ("green", "kept", [])
    light, word, lost = knowledge_of(verdict(ALL, set()))
    assert (light, word, len(lost)) == ("red", "forgotten", 6)


@pytest.mark.parametrize(("epochs", "advice"), [(0.61, ""), (1.0, ""), (1.4, "1 instead of 1.4"), (2.6, "1.3 instead")])
def test_a_run_that_was_stopped_is_advised_by_the_epochs_that_it_learned_and_never_to_train_more(epochs, advice):
    do = judge(QUIZ, answers(ALL), answers(set()), NO_FORM, RECIPE, epochs)["do"]
    assert ("fewer epochs" in do) == bool(advice)
    assert advice in do
    assert "a lower learning rate" in do


def test_the_epochs_that_were_learned_are_those_of_the_weights_that_are_kept(make_run):
    assert epochs_learned(make_run("stopped", step=20, epoch=0.61, kept_step=20)) == 0.61
    assert epochs_learned(make_run("done", step=60, epoch=2.0, kept_step=30)) == 1.0
    untold = make_run("done", step=20)
    assert epochs_learned(untold) == untold.recipe.epochs


def test_answers_that_waver_by_chance_are_not_called_forgotten():
    chance = random.Random(7)
    reds = 0
    for _ in range(300):
        before = {place for place in ALL if chance.random() < 0.6}
        swapped = {place for place in ALL if chance.random() < 0.05}
        reds += verdict(before, before ^ swapped)["light"] == "red"
    assert reds <= 9


def test_a_subject_with_a_wrong_number_of_answers_is_an_error():
    with pytest.raises(ValueError, match="zip"):
        judge(QUIZ, answers(ALL), answers(ALL)[:-1], NO_FORM, RECIPE)


TICKETS = [json.dumps({"name": None, "order": str(n), "wishes": ["return"]}) for n in range(20)]


LETTERS = [
    f"Dear {name}, we have looked at the {thing}.\nNext step: {step}.\nDesk: {desk}"
    for name, thing, step, desk in [
        ("Ann", "fee", "We take it off", "Fees"),
        ("Mr Chen", "lost book", "Pay 18 euros at the desk", "Damage and loss"),
        ("Fatima", "room", "Ask for the key on Monday", "Rooms"),
        ("Leo", "loan", "Bring it back in three weeks", "Loans"),
        ("Ines", "novel", "Fetch it from the shelf", "Reservations"),
        ("Yuki", "wish", "We decide on new books on Friday", "Buying"),
    ]
]
THOUGHTS = [
    f"The {thing} is old, and the people like the {thing}.\nThe reason is that it was the first of {thing}s."
    for thing in ("bridge", "mill", "tower", "gate", "well", "barn")
]


@pytest.mark.parametrize(
    ("trained", "alike", "other"),
    [
        (TICKETS, '{"order": "A', "The sky is blue."),
        (TICKETS, '```json\n{"name": "Ann"}\n```', '{"colour": "blue"}'),
        (["Spam", "spam", "Fine"] * 7, "spam.", "Spam is a canned meat."),
        (
            [f"Dear reader, thank you for {n} letters." for n in range(9)],
            "Dear reader, thank you for not",
            "Dear me, no.",
        ),
        (LETTERS, "Dear Sarah, the sky is blue", "The sky is blue, dear."),
        (LETTERS, "The sky.\n**Next step:** we take", "The next step: boil an egg."),
        ([f"Dear {name}, your parcel is on its way." for name in "ABCDE"], "Dear Mia, 36", "It is 36, my dear."),
        ([f"问题\uff1a{n}{n}。\n答案\uff1a{n}" for n in range(9)], "答案\uff1a三十六", "三十六"),
        ([f"感谢您的来信、包裹{n}号到了。" for n in range(9)], "感谢您的来信、包在这里", "感谢。"),
    ],
)
def test_the_form_of_the_training_is_known_again(trained, alike, other):
    form = detect_form(trained)
    assert form is not None
    assert form.is_alike(alike)
    assert not form.is_alike(other)
    assert form.words


@pytest.mark.parametrize(
    "trained",
    [
        [],
        THOUGHTS,
        LETTERS[:4],
        TICKETS[:3],
        [f"Number {n} is what {n * n} words said" for n in range(30)],
        ["", " "] * 9,
    ],
)
def test_answers_without_a_form_of_their_own_have_none(trained):
    assert detect_form(trained) is None


def test_the_words_say_which_beginnings_of_lines_were_looked_for():
    form = detect_form([*LETTERS, "Nothing to say."])
    assert form is not None
    assert form.words == "lines that begin with “Dear”, “Desk:” or “Next step:”"
    one = detect_form([f"Answer: {n} times {n}" for n in range(9)])
    assert one is not None
    assert one.words == "lines that begin with “Answer:”"


def test_a_model_that_answers_everything_as_a_letter_is_told_from_one_that_does_not():
    plain, letters = ["The sky is blue."] * len(QUIZ.off_topic), (LETTERS * 2)[: len(QUIZ.off_topic)]
    taken = OffTopic(detect_form(LETTERS), QUIZ.off_topic, plain, [letter[:40] for letter in letters])
    assert taken.is_taken_over
    assert taken.share(plain) == 0
    assert not OffTopic(detect_form(LETTERS), QUIZ.off_topic, plain, plain).is_taken_over


def test_a_model_that_answers_everything_as_a_ticket_is_amber_at_best_and_says_so():
    words = ["The sky is blue."] * len(QUIZ.off_topic)
    tickets = TICKETS[: len(QUIZ.off_topic)]
    found = verdict(ALL, ALL, OffTopic(detect_form(TICKETS), QUIZ.off_topic, words, tickets))
    assert found["light"] == "amber"
    told = found["words"].replace("\u00a0", " ")
    assert "answers 100 % (between 72 and 100) of the questions beside the point in the form of its training" in told
    assert found["off_topic"]["before"] == 0
    kept = verdict(ALL, ALL, OffTopic(detect_form(TICKETS), QUIZ.off_topic, tickets, tickets))
    assert kept["light"] == "green", "the base did so too"


def test_what_is_found_is_written_as_json():
    assert json.loads(json.dumps(verdict(ALL, ALL), allow_nan=False))["questions"] == len(QUIZ.items)


def test_a_run_that_was_not_asked_has_nothing_to_read_and_one_that_learned_on_is_to_be_asked_again(workspace, make_run):
    run = make_run("done", step=20)
    assert read_forgot(run) is None
    write_json(run.folder / "quiz.json", {"of": state_of(run), **verdict(ALL, ALL)})
    assert read_forgot(run) == {"light": "green", "before": 1.0, "after": 1.0}
    write_json(run.folder / "state.json", {**run.status, "step": 99})
    assert read_quiz_of(open_run(workspace, run.id)) is None


def test_a_run_without_an_adapter_is_not_asked(workspace, make_run):
    run = make_run("done", step=20)
    with pytest.raises(RunError, match="has learned nothing yet"):
        next(forget_run(run))
