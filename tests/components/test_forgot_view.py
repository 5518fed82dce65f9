"""What a run forgot, as it is shown: a light with its word, figures with intervals, and answers as text."""

from __future__ import annotations

import re
from typing import Any

import pytest

from components.forgot_view import NOT_ASKED, _show_subject, show_forgot
from studio.quiz.forget import read_quiz_of
from studio.quiz.form import detect_form
from studio.quiz.reading import read_quiz
from studio.quiz.result import LIGHTS, OffTopic, judge
from studio.train.recipe import make_recipe
from tests.studio.reports import document_of, make_run, quiz, section_of, words_of

QUIZ = read_quiz()
ATTACK = "<img src=x onerror=alert(1)>"
TICKETS = ['{"order": "1"}'] * len(QUIZ.off_topic)


def found(share_after: float, off_topic: OffTopic) -> dict[str, Any]:
    """All right before; after, so many of each subject."""

    def answer(place: int, right: bool) -> dict[str, Any]:
        item = QUIZ.items[place]
        if not item.options:
            return {"text": item.answer[0] if right and item.answer else ATTACK}
        return {"scores": [0.0 if (option == item.right) == right else -1.0 for option in item.options]}

    places = range(len(QUIZ.items))
    before = [answer(place, True) for place in places]
    after = [answer(place, place % 10 < 10 * share_after) for place in places]
    result: dict[str, Any] = judge(QUIZ, before, after, off_topic, make_recipe(data="some", base="starter"))
    return result


PLAIN = OffTopic(None, QUIZ.off_topic, ["It is blue."] * len(QUIZ.off_topic), [ATTACK] * len(QUIZ.off_topic))
TAKEN = OffTopic(detect_form(TICKETS), QUIZ.off_topic, ["It is blue."] * len(QUIZ.off_topic), TICKETS)


def test_before_it_was_asked_one_reads_what_will_be_asked():
    assert show_forgot(None) == NOT_ASKED


@pytest.mark.parametrize(("share", "light"), [(1.0, "green"), (0.5, "red")])
def test_a_light_has_a_sign_and_a_word_in_each_row(share, light):
    shown = show_forgot(found(share, PLAIN))
    assert f"{light.capitalize()}." in shown
    words = re.findall(r'<td class="light (\w+)"><span aria-hidden="true">.</span> ([\w ]+)</td>', shown)
    assert len(words) == len(QUIZ.subjects) + 1
    assert all(LIGHTS[colour] == word for colour, word in words)
    assert words[-1][0] == light


def test_a_lost_subject_makes_window_and_report_amber_alike_and_neither_calls_all_of_it_kept(workspace):
    run = make_run(workspace)
    quiz(run, lost=14, gained=16)
    known = read_quiz_of(run)
    assert known
    lost = [part["subject"] for part in known["subjects"] if part["light"] == "red"]
    assert (known["all"]["light"], len(lost)) == ("green", 1)
    document = document_of(run)
    tile = next(each for each in document["figures"] if each["label"] == "general knowledge")
    assert (tile["value"], tile["tone"]) == ("partly lost", "warn")
    all_of_it = section_of(document, "forgot")["parts"][2]["rows"][0]
    assert tile["fine"].startswith(f"{all_of_it[3]['text']} points, ")
    assert tile["fine"].endswith(f"; surely lost: {lost[0]}")
    shown = re.sub(r"<[^>]*>", "", show_forgot(known))
    assert shown.startswith("▲ Amber. On the whole it knows about as much as before: ")
    told = words_of(section_of(document, "forgot"))
    assert "▲ Amber. On the whole it knows about as much as before: " in told
    for words in (shown, told):
        assert f"urely lost: {lost[0]}." in words


def test_who_subtracts_what_is_printed_gets_the_change_that_is_printed():
    part = {"before": 0.25, "after": 0.225, "difference": -0.025}
    bounds = {side: {"value": value, "low": -0.1, "high": 0.5} for side, value in part.items()}
    row = _show_subject({"subject": "Facts", "help": "", "questions": 40, "light": "green", "word": "kept", **bounds})
    figures = re.findall(r'<td class="figure">(\S+)', row.replace("\u00a0%", ""))
    assert figures == ["25.0", "22.5", "\u22122.5"]


def test_a_row_has_shares_before_and_after_with_their_intervals():
    shown = show_forgot(found(0.5, PLAIN))
    row = re.search(r"<tr[^>]*><th[^>]*>Facts .*?</tr>", shown)
    assert row
    assert re.sub(r"<[^>]*>", "|", row[0]).count("(") == 3
    assert "30 questions" in row[0]
    assert "100\u00a0%" in row[0]


def test_what_models_say_is_text_and_never_markup():
    shown = show_forgot(found(0.5, PLAIN))
    assert "<img" not in shown
    assert "&lt;img" in shown


def test_answers_that_look_like_tickets_are_counted_and_folded_away():
    shown = show_forgot(found(1.0, TAKEN))
    assert f"{len(TICKETS)} of {len(TICKETS)} answers look like those of your examples (a JSON object" in shown
    assert "100\u00a0% (between 72 and 100); before 0\u00a0% (between 0 and 28)." in shown
    assert shown.index("<details>") < shown.index("Asked beside the point")
    assert "no form of their own" in show_forgot(found(1.0, PLAIN))


def test_the_questions_that_were_lost_are_listed_and_no_others():
    shown = show_forgot(found(0.5, PLAIN))
    lost = shown[shown.index("were right before and are wrong now") :]
    answers = found(0.5, PLAIN)["answers"]
    assert lost.count('<th scope="row">') == sum(row["before_right"] and not row["after_right"] for row in answers) > 20
    assert "No question was right before and is wrong now" in show_forgot(found(1.0, PLAIN))
