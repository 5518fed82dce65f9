"""A run is measured by what was chosen: kept with it, tried on the answers there are, told in its report."""

from __future__ import annotations

import json
import os
import re
from argparse import Namespace

import pytest

from studio import score_verb
from studio.compare import proof
from studio.compare.chosen import KEPT, WISH, keep_choice, read_choice, weigh_as_kept
from studio.errors import DamagedError, RunError, SettingError, TunesmithError
from studio.process import ProcessId
from studio.runs import Run
from studio.score_verb import FLAGS, verb_score
from studio.scores.choice import Choice, make_choice
from studio.scores.comparison import compare_fields
from studio.store import read_json, write_json
from studio.verbs import build_parser
from tests.studio.reports import document_of, make_run, score, section_of, words_of


@pytest.fixture
def run(workspace) -> Run:
    run = make_run(workspace)
    score(run, lambda row, wanted: "Hello!", lambda row, wanted: wanted if row % 7 else "Hello!")
    return run


def choose(run: Run, choice: Choice) -> None:
    for _ in proof.choose(run, choice):
        pass


def scores_of(run: Run):
    return read_json(run.folder / "scores.json")


def test_the_same_answers_are_weighed_anew_and_nobody_is_asked(run):
    before = scores_of(run)
    choose(run, make_choice("length_match", pattern="^Hello"))
    after = scores_of(run)
    assert (before["main"], after["main"]) == ("fields_right", "length_match")
    assert after["answers"] == before["answers"]
    assert after["examples"] == before["examples"]
    assert after["measures"]["pattern_found"]["word"] == "worse"
    assert after["measures"]["fields_right"] == before["measures"]["fields_right"]
    assert read_choice(run) == make_choice("length_match", pattern="^Hello")
    choose(run, Choice())
    assert scores_of(run)["measures"] == before["measures"]
    assert scores_of(run)["chosen"] is None


def test_what_makes_no_sense_changes_nothing(run):
    choose(run, make_choice("length_match"))
    before = scores_of(run)
    with pytest.raises(TunesmithError, match="“right label” says nothing"):
        choose(run, make_choice("label_right"))
    assert scores_of(run) == before
    assert read_choice(run) == make_choice("length_match")


def test_before_anything_was_measured_a_choice_is_kept_for_then(workspace):
    run = make_run(workspace)
    choose(run, make_choice("chrf"))
    assert read_choice(run) == make_choice("chrf")
    assert not (run.folder / "scores.json").exists()
    assert not (run.folder / WISH).exists()


def test_measuring_goes_by_what_is_kept_and_says_so_where_it_could_not(run):
    answers = scores_of(run)["answers"]
    keep_choice(run, make_choice("length_match"))
    assert weigh_as_kept(run, answers)["main"] == "length_match"
    keep_choice(run, make_choice("label_right"))
    found = weigh_as_kept(run, answers)
    assert found["main"] == "fields_right"
    assert "“right label” says nothing" in found["not_used"]["what"]
    write_json(run.folder / "scores.json", found)
    assert "could not be used: “right label” says nothing" in words_of(section_of(document_of(run), "scores"))


def test_answers_of_other_weights_are_not_weighed_as_if_they_were_these(run):
    weights = run.adapter / "adapter_model.safetensors"
    weights.write_bytes(b"newer")
    later_ns = (run.folder / "scores.json").stat().st_mtime_ns + 10**9
    os.utime(weights, ns=(later_ns, later_ns))
    with pytest.raises(RunError, match="has learned on"):
        choose(run, make_choice("length_match"))
    assert document_of(run)["verdict"]["word"] == "Not measured"


def test_nothing_is_chosen_while_both_are_asked(run):
    this = ProcessId.of_this()
    write_json(proof.note_of(run), {"pid": this.pid, "started_s": this.started_s, "message": "Asking"})
    with pytest.raises(RunError, match="being measured"):
        choose(run, make_choice("length_match"))


def test_the_report_says_in_verdict_scores_and_method_that_a_hand_chose(run):
    assert "by hand" not in words_of(document_of(run))
    choose(run, make_choice("length_match"))
    document = document_of(run)
    assert "“as long as wanted”, chosen by hand, went from" in document["verdict"]["sentences"][0]
    told = words_of(section_of(document, "scores"))
    assert "“as long as wanted” was chosen by hand to decide." in told
    assert "it would be “fields right”, which says: better." in told
    assert "no clean test" in told
    method = words_of(section_of(document, "method"))
    assert "chosen by hand and decides alone" in method
    assert "chosen by the form" not in method


@pytest.mark.parametrize("measure", ["loss", "perplexity", "repetition"])
def test_where_lower_is_better_the_worst_examples_are_those_that_rose(run, measure):
    answers = [{**row, "tuned_loss": 9.5 if n == 3 else 0.1, "tuned": "so it is " * 30 if n == 3 else row["tuned"]}
               for n, row in enumerate(scores_of(run)["answers"])]  # fmt: skip
    write_json(run.folder / "scores.json", {**scores_of(run), "answers": answers})
    choose(run, make_choice(measure))
    worst = section_of(document_of(run), "worst")
    assert "(lower is better)" in words_of(worst)
    first = worst["parts"][-1]["cases"][0]
    assert first["place"] == f"Example {answers[3]['row'] + 1}"
    assert first["after_value"] in ("9.50", "97\u00a0%", "96\u00a0%", "98\u00a0%")


def test_labels_of_a_hand_are_drawn_in_the_report(workspace):
    run = make_run(workspace, wanted=lambda n: ("up", "down", "left")[n % 3])
    score(run, lambda row, wanted: "up", lambda row, wanted: wanted)
    choose(run, make_choice(labels="up\ndown"))
    pictures = [part for part in section_of(document_of(run), "scores")["parts"] if part["kind"] == "pictures"]
    told = [picture["alt"] for picture in pictures[-1]["pictures"]]
    assert re.search(r"after: (\d+) of \1 right", told[1])
    assert "left" not in told[0]


class TestHeadless:
    """`score` with flags chooses as the window does; without them it goes by what is kept."""

    @pytest.fixture(autouse=True)
    def asked(self, monkeypatch, run) -> list[str]:
        asked: list[str] = []
        monkeypatch.setattr(score_verb, "forget_run", lambda run: asked.append("quiz") or iter(()))
        monkeypatch.setattr(proof, "score_run", lambda run, asking: asked.append("both") or iter(()))
        return asked

    def given(self, *flags: str) -> Namespace:
        return build_parser().parse_args(["score", "2026-11-24-1530-orders", *flags])

    def test_a_measure_and_patterns_are_chosen_and_kept(self, workspace, run, asked):
        flags = ["--measure", "length_match", "--pattern", "^Hello", "--extract", "(\\d+)", "--compare-as", "number"]
        result = verb_score(workspace, self.given(*flags))
        assert (result["main"], result["chosen"]["extract"]) == ("length_match", "(\\d+)")
        assert result["chosen"]["read_as"] == "number"
        assert "chosen by hand" in result["by_hand"]
        assert json.loads(json.dumps(result)) == result
        assert "both" not in asked
        assert read_choice(run).pattern == "^Hello"
        assert verb_score(workspace, self.given())["main"] == "length_match"
        assert "both" in asked
        assert verb_score(workspace, self.given("--measure", "auto"))["by_hand"] == ""

    def test_labels_and_a_schema_come_too(self, workspace, run, tmp_path):
        schema = tmp_path / "ticket.json"
        schema.write_text('{"required": ["order"]}', encoding="utf-8")
        result = verb_score(workspace, self.given("--schema", str(schema), "--measure", "schema_valid"))
        assert result["chosen"]["schema"] == {"required": ["order"]}
        with pytest.raises(SettingError, match="could not be read"):
            verb_score(workspace, self.given("--schema", str(tmp_path / "none.json")))
        with pytest.raises(SettingError, match="One label alone"):
            verb_score(workspace, self.given("--labels", "up"))

    def test_a_kept_choice_that_could_not_be_used_fails_with_a_sentence(self, workspace, run):
        keep_choice(run, make_choice("label_right"))
        write_json(run.folder / "scores.json", weigh_as_kept(run, scores_of(run)["answers"]))
        assert "was not used. “right label” says nothing" in verb_score(workspace, self.given())["failed"]

    def test_each_field_is_told_with_the_intervals_that_the_window_shows(self, workspace, run):
        told, found = verb_score(workspace, self.given("--measure", "auto"))["fields"], scores_of(run)
        shown = compare_fields(found["answers"])
        assert list(told) == list(shown)
        assert told.keys() == found["fields"].keys()
        assert len(told) > 1
        for name, each in told.items():
            counted = found["fields"][name]
            for side in ("base", "tuned"):
                assert (each[side]["right"], each[side]["of"]) == (counted[side], counted["wanted"])
                assert each[side]["value"] == pytest.approx(counted[side] / counted["wanted"], abs=1e-6)
                assert each[side].items() >= getattr(shown[name], side).as_dict().items()
            assert (each["difference"], each["word"]) == (shown[name].difference.as_dict(), shown[name].word)

    def test_where_no_fields_were_wanted_none_are_told(self, workspace, run):
        plain = [{**row, "wanted": f"It comes on day {row['row']}."} for row in scores_of(run)["answers"]]
        write_json(run.folder / "scores.json", weigh_as_kept(run, plain))
        assert verb_score(workspace, self.given())["fields"] == {}

    def test_where_the_scores_are_damaged_both_are_asked_anew(self, workspace, run, asked):
        path = run.folder / "scores.json"
        path.write_text(path.read_text(encoding="utf-8")[:200], encoding="utf-8")
        with pytest.raises(DamagedError, match="Measure both again"):  # for here nobody is really asked
            verb_score(workspace, self.given("--measure", "length_match"))
        assert asked == ["both", "quiz"]
        assert read_choice(run).measure == "length_match"

    def test_damaged_scores_of_others_fail_with_a_sentence_and_the_rest_is_told(self, workspace, run):
        (run.folder / "others.json").write_text("{", encoding="utf-8")
        result = verb_score(workspace, self.given("--measure", "auto"))
        assert result["main"] == "fields_right"
        assert "others.json (in 2026-11-24-1530-orders) is damaged" in result["failed"]

    def test_every_flag_is_read(self):
        assert set(FLAGS) <= set(vars(self.given()))


def test_what_is_kept_has_its_place_in_the_run(run):
    choose(run, make_choice("chrf"))
    assert read_json(run.folder / KEPT)["measure"] == "chrf"
