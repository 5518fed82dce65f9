"""Was it worth it, by the measure that somebody chose: said aloud, weighed anew without asking, or refused in words."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

import pytest

from studio import worth_verb
from studio.compare import proof
from studio.compare.chosen import keep_choice, read_choice, read_wanted
from studio.compare.ways import Said, Spent, weigh_again, weigh_ways
from studio.compare.worth import notes_of
from studio.compare.worth_again import BEHIND, is_behind, say_behind, weigh_worth_anew
from studio.compare.worth_job import job_of_run, read_worth
from studio.runs import Run, open_run, workspace_of
from studio.score_verb import verb_score
from studio.scores.choice import Choice, make_choice
from studio.scores.measures import MEASURES
from studio.store import read_json, write_json
from studio.verbs import build_parser
from tests.studio.reports import ask_worth, document_of, make_run, score, section_of, words_of

LABELS = ("refund", "exchange", "cancel", "invoice")
WANTED = [LABELS[n % 4] for n in range(40)]
CHATTY = "I think so. " * 20
CLEAN_TEST = "Whoever picks a measure after seeing the answers can find one that flatters, so this is no clean test."


def weighed(choice: Choice | None = None, wanted: list[str] = WANTED, **texts: list[str]) -> dict[str, Any]:
    """By default the base says something else, the prompt half of it right, the tuned one all."""
    texts = texts or {
        "base": [CHATTY] * len(wanted),
        "prompt": [text if n % 2 else CHATTY for n, text in enumerate(wanted)],
        "tuned": wanted,
    }
    answers = {way: [Said(text, 40, 8, True) for text in each] for way, each in texts.items()}
    times = {way: [Spent(20, 10.0 + len(way), 3.0), Spent(20, 11.0 + len(way), 3.0)] for way in texts}
    return weigh_ways(wanted, wanted, answers, times, 3, choice)


# Of answers


def test_the_chosen_measure_decides_and_the_sentence_says_that_it_was_chosen():
    found = weighed(make_choice("length_match"))
    assert (found["main"], found["suited"]) == ("length_match", "label_right")
    assert "by the measure that you chose, “as long as wanted”" in found["recommendation"]
    assert found["by_hand"] == (
        "By the measure that you chose: “as long as wanted”. By looking at the data it would be “right label”, by "
        f"which the same answers say: keep the tuned one. {CLEAN_TEST}"
    )
    assert found["choice"]["measure"] == "length_match"
    assert found["ways"]["tuned"]["quality"]["value"] == 1


def test_without_a_choice_nothing_is_said_to_be_chosen():
    found = weighed()
    assert (found["main"], found["by_hand"], found["choice"]) == ("label_right", "", None)
    assert "that you chose" not in found["recommendation"]
    assert "not_used" not in found


def test_what_was_given_by_hand_is_named_with_it():
    wanted = [f"Ticket {n}: we send parcel {n * 7919} again." for n in range(40)]
    found = weighed(make_choice("pattern_found", pattern="^Ticket"), wanted)
    assert found["by_hand"].startswith(
        "By the measure that you chose: “matches the pattern” (the pattern “^Ticket”). By looking at the data it would "
        "be “"
    )
    assert found["ways"]["prompt"]["quality"]["value"] == 0.5


def test_the_measure_that_suits_is_by_hand_too_where_its_labels_were_given():
    found = weighed(make_choice(labels="refund\nexchange\ncancel\ninvoice"))
    assert found["main"] == found["suited"] == "label_right"
    assert found["by_hand"] == f"By the measure that you chose: “right label” (4 labels). {CLEAN_TEST}"


def test_where_lower_is_better_the_sentence_says_so_and_the_words_turn_round():
    found = weighed(make_choice("repetition"))
    assert "“repeats itself” (lower is better)" in found["recommendation"]
    assert found["ways"]["tuned"]["quality"]["value"] < found["ways"]["base"]["quality"]["value"]
    assert found["differences"]["tuned_base"]["word"] == "better"
    assert found["differences"]["tuned_base"]["value"] < 0
    assert found["word"] == "fine-tune"


def test_a_measure_of_all_examples_together_can_be_chosen():
    found = weighed(make_choice("macro_f1"))
    assert found["main"] == "macro_f1"
    assert found["ways"]["tuned"]["quality"]["value"] == 1
    assert found["ways"]["base"]["quality"]["value"] == 0
    assert 0.4 < found["ways"]["prompt"]["quality"]["value"] < 0.8


def test_ways_are_compared_over_the_examples_of_which_the_measure_says_something_in_each():
    """The language of a short answer cannot be told, so that answer has no value."""
    english = "Thank you very much for your letter; we have sent the parcel to you again this morning."
    german = "Vielen Dank für Ihren Brief; wir haben Ihnen das Paket heute Morgen noch einmal geschickt."
    texts = {
        "base": ["Ok."] * 30 + [german] * 10,
        "prompt": ["Ok."] * 20 + [english] * 20,
        "tuned": [english] * 30 + [german] * 5 + [english] * 5,
    }
    found = weighed(make_choice("language_kept"), [english] * 40, **texts)
    quality = {way: each["quality"]["value"] for way, each in found["ways"].items()}
    assert quality == {"base": 0.0, "prompt": 1.0, "tuned": 0.5}
    for pair in found["differences"]:
        later, _, earlier = pair.partition("_")
        assert found["differences"][pair]["value"] == quality[later] - quality[earlier]


@pytest.mark.parametrize(
    ("measure", "words"),
    [
        ("loss", "“loss” is of what a model holds likely, and here only answers are compared"),
        ("perplexity", "here only answers are compared"),
        ("schema_valid", "“keeps the schema” says nothing of these examples"),
    ],
)
def test_what_cannot_be_used_is_said_and_the_data_decide(measure, words):
    found = weighed(make_choice(measure))
    assert (found["main"], found["by_hand"]) == ("label_right", "")
    assert words in found["not_used"]["what"]
    assert found["choice"]["measure"] == measure
    assert {**found, "choice": None} == weighed() | {"not_used": found["not_used"]}


def kept(found: dict[str, Any]) -> dict[str, Any]:
    """worth.json of these."""
    texts = weighed_texts()
    rows = [{"row": n, "question": "?", "wanted": text, **{way: texts[way][n] for way in texts}}
            for n, text in enumerate(WANTED)]  # fmt: skip
    chosen = {"how": "spread", "sets": 9, "weighed": 16, "part": "validation", "loss": 0.4, "loss_without": 1.9}
    shown = [{"row": n, "question": "?", "answer": "!"} for n in range(3)]
    known = {"examples": 40, "of_all": 40, "at_once": 8, "most_tokens": 30}
    return {**known, **found, "chosen": {**chosen, "examples": shown}, "answers": rows}


def weighed_texts() -> dict[str, list[str]]:
    half = [text if n % 2 else CHATTY for n, text in enumerate(WANTED)]
    return {"base": [CHATTY] * 40, "prompt": half, "tuned": WANTED}


@pytest.mark.parametrize("measure", ["length_match", "macro_f1", "loss"])
def test_weighed_anew_it_is_as_if_it_had_been_measured_so_at_first_and_back_again(measure):
    choice = make_choice(measure)
    plainly, chosen = kept(weighed()), kept(weighed(choice))
    assert weigh_again(WANTED, plainly, choice) == chosen
    assert weigh_again(WANTED, chosen, Choice()) == plainly
    assert plainly["time"] == chosen["time"]


def test_the_notes_say_that_the_examples_were_not_chosen_by_it():
    told = " ".join(notes_of(kept(weighed(make_choice("length_match")))))
    assert "The measure that you chose had no say in which examples stand in the prompt" in told
    assert "least surprised by 16 wanted answers" in told
    assert "had no say" not in " ".join(notes_of(kept(weighed())))


# Of a run


@pytest.fixture
def run(workspace) -> Run:
    run = make_run(workspace)
    score(run, lambda row, wanted: "Hello!", lambda row, wanted: wanted)
    ask_worth(run, base=0, prompt=18, tuned=29)
    return run


def found_of(run: Run) -> dict[str, Any]:
    found = read_worth(run)
    assert found
    return found


def choose(run: Run, choice: Choice) -> None:
    for _ in proof.choose(run, choice):
        pass


def test_who_chooses_under_scores_has_it_weighed_anew_and_nobody_is_asked(run):
    before = found_of(run)
    choose(run, make_choice("length_match"))
    after = found_of(run)
    assert (before["main"], after["main"]) == ("fields_right", "length_match")
    for same in ("answers", "time", "chosen", "examples"):
        assert after[same] == before[same]
    assert not job_of_run(run).rows.exists()
    assert not is_behind(run, after)
    choose(run, Choice())
    assert found_of(run)["differences"] == before["differences"]
    assert found_of(run)["recommendation"] == before["recommendation"]


def test_it_is_weighed_anew_also_where_the_run_has_no_scores(run):
    (run.folder / "scores.json").unlink()
    choose(run, make_choice("length_match"))
    assert read_choice(run) == make_choice("length_match")
    assert found_of(run)["main"] == "length_match"
    assert not (run.folder / "scores.json").exists()


def test_a_choice_that_only_scores_can_use_is_told_beside_the_recommendation(run):
    choose(run, make_choice("loss"))
    assert read_json(run.folder / "scores.json")["main"] == "loss"
    found = found_of(run)
    assert found["main"] == "fields_right"
    told = words_of(section_of(document_of(run), "worth"))
    assert "The measure that you chose was not used here. “loss” is of what a model holds likely" in told


def test_the_report_says_it_in_the_verdict_and_beside_the_recommendation(run):
    choose(run, make_choice("length_match"))
    document = document_of(run)
    told = words_of(section_of(document, "worth"))
    assert "By the measure that you chose: “as long as wanted”. By looking at the data it would be “fields" in told
    assert CLEAN_TEST in told
    assert "had no say in which examples stand in the prompt" in told
    assert "by the measure that you chose, “as long as wanted”" in " ".join(document["verdict"]["sentences"])


def test_a_choice_kept_before_worth_knew_of_it_is_told_until_it_is_weighed_anew(run):
    older = {name: each for name, each in found_of(run).items() if name not in ("choice", "by_hand", "suited")}
    write_json(job_of_run(run).result, older)
    assert say_behind(run, older) == say_behind(run, None) == ""
    keep_choice(run, make_choice("length_match"))
    assert say_behind(run, older) == BEHIND
    assert BEHIND in words_of(section_of(document_of(run), "worth"))
    assert weigh_worth_anew(run)
    assert BEHIND not in words_of(section_of(document_of(run), "worth"))
    assert found_of(run)["main"] == "length_match"
    assert weigh_worth_anew(run) is None


def test_what_is_of_other_weights_is_not_weighed_anew(run):
    write_json(run.folder / "state.json", {**run.status, "step": 90})
    keep_choice(run, make_choice("length_match"))
    assert weigh_worth_anew(open_run(workspace_of(run.folder), run.id)) is None
    assert read_json(job_of_run(run).result)["main"] == "fields_right"


class TestHeadless:
    """`score RUN --against prompt` with flags chooses as the window does."""

    @pytest.fixture(autouse=True)
    def asked(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        asked: list[str] = []
        monkeypatch.setattr(worth_verb, "ask_worth", lambda run: asked.append(run.id) or iter(()))
        return asked

    def given(self, *flags: str) -> Namespace:
        return build_parser().parse_args(["score", "2026-11-24-1530-orders", "--against", "prompt", *flags])

    def test_a_measure_is_chosen_kept_and_told_and_nobody_is_asked(self, workspace, run, asked, capsys):
        result = verb_score(workspace, self.given("--measure", "length_match"))
        assert asked == []
        assert (result["main"], result["choice"]["measure"]) == ("length_match", "length_match")
        assert result["by_hand"] in capsys.readouterr().err
        assert read_choice(run) == make_choice("length_match")
        assert read_json(run.folder / "scores.json")["main"] == "length_match"

    def test_without_flags_it_goes_by_what_is_kept_and_asks(self, workspace, run, asked):
        choose(run, make_choice("length_match"))
        assert verb_score(workspace, self.given())["main"] == "length_match"
        assert asked == [run.id]

    def test_what_cannot_be_used_fails_with_a_sentence(self, workspace, run, asked):
        result = verb_score(workspace, self.given("--measure", "loss"))
        assert "The measure that you chose was not used here." in result["failed"]
        assert result["main"] == "fields_right"

    def test_where_nothing_was_asked_yet_it_asks(self, workspace, run, asked):
        job_of_run(run).result.unlink()
        with pytest.raises(Exception, match="has vanished"):
            verb_score(workspace, self.given("--measure", "length_match"))
        assert asked == [run.id]
        assert read_choice(run) == make_choice("length_match")


def test_every_measure_can_be_chosen_or_is_refused_in_words(run):
    wanted, known = read_wanted(run), found_of(run)
    for measure in MEASURES.values():
        if measure.id == "pattern_found" or measure.extra:
            continue
        found = weigh_again(wanted, known, make_choice(measure.id))
        assert found["main"] == measure.id or found["not_used"]["do"]
