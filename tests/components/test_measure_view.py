"""The view of scores: what is offered to decide, what the form holds, what is said of a hand that chose."""

from __future__ import annotations

import json
import os
from typing import Any

import gradio as gr
import pytest

from components.answers_table import show_answers
from components.choice_form import build_choice_form, show_help
from components.frame import Studio
from components.measure_view import build_measure_view
from components.scores_view import show_scores
from studio.compare.asking import KEPT, keep_asking, make_asking
from studio.compare.chat import Chat
from studio.compare.chosen import keep_choice, keep_typed, read_typed, weigh_as_kept
from studio.compare.proof import note_of
from studio.compare.weigh import weigh
from studio.process import ProcessId
from studio.scores.choice import Choice, Typed, make_choice
from studio.scores.measures import MEASURES
from studio.store import read_json, write_json
from tests.studio.reports import make_run, score

LETTERS = [f"Dear {n}, thank you for your message and the parcel that came with it." for n in range(40)]


def found(choice: Choice) -> dict[str, Any]:
    rows = [
        {"row": n, "prompt": f"Question {n}?", "wanted": each, "base": "No.", "tuned": each * (1 + (n == 7) * 9),
         "base_loss": 2.0, "tuned_loss": 5.0 if n == 9 else 0.1}
        for n, each in enumerate(LETTERS)
    ]  # fmt: skip
    return {"examples": len(rows), **weigh(LETTERS, rows, choice), "answers": rows}


def fields(choice: Choice, scores: dict[str, Any] | None) -> dict[str, Any]:
    with gr.Blocks():
        form = build_choice_form()
    return {output.elem_id: value for output, value in form.show(Typed.of(choice), scores).items()}


def test_offered_are_the_data_s_own_choice_first_and_what_says_something_of_these_examples():
    offered = [value for _, value in fields(Choice(), found(Choice()))["choose-measure"].choices]
    assert offered[0] == "auto"
    assert {"chrf", "length_match", "loss", "pattern_found", "extracted_right"} <= set(offered)
    assert not {"json_valid", "label_right", "schema_valid"} & set(offered)
    first = fields(Choice(), found(Choice()))["choose-measure"].choices[0][0]
    assert first == "Chosen by looking at the data: chrF"
    assert len(fields(Choice(), None)["choose-measure"].choices) == 1 + len(MEASURES)


def test_the_form_holds_what_is_kept_and_shows_what_the_data_have():
    choice = make_choice("chrf", "^a", "(b)", "text", "up\ndown", '{"type": "object"}')
    shown = fields(choice, None)
    assert shown["choose-measure"].value == "chrf"
    assert (shown["choose-pattern"], shown["choose-extract"].value, shown["choose-reading"]) == ("^a", "(b)", "text")
    assert shown["choose-labels"].value == "down\nup"
    assert json.loads(shown["choose-schema"]) == {"type": "object"}
    assert "forgives endings" in shown["choose-help"]
    sums = {"expected": {"labels": ["angry", "calm"], "extract": r"\d+"}}
    assert fields(Choice(), sums)["choose-labels"].placeholder == "angry\ncalm"
    assert fields(Choice(), sums)["choose-extract"].placeholder == r"\d+"
    assert "Lower is better." in show_help("loss")


def test_that_a_hand_chose_stands_below_the_verdict_with_a_sign():
    shown = show_scores(found(make_choice("length_match")))
    assert "▲ “as long as wanted” was chosen by hand to decide." in shown
    assert "no clean test" in shown
    assert shown.index("As long as wanted: ") < shown.index("chosen by hand")
    assert "by hand" not in show_scores(found(Choice()))


def test_where_lower_is_better_the_answers_that_rose_stand_first_in_their_own_unit():
    shown = show_answers(found(make_choice("loss")))
    assert "Below each answer: loss, where lower is better" in shown
    assert shown.index("Question 9?") < shown.index("Question 0?")
    assert ">5.00</span>" in shown
    shown = show_answers(found(make_choice("repetition")))
    assert shown.index("Question 7?") < shown.index("Question 0?")


@pytest.fixture
def studio(workspace) -> Studio:
    return Studio(workspace, Chat())


@pytest.fixture
def view(studio):
    with gr.Blocks():
        run = gr.Dropdown()
        view = build_measure_view(studio, run, gr.Textbox(visible=False))
    return lambda run_id: {output.elem_id: value for output, value in view.show(run_id).items()}


def test_before_the_first_run_it_says_what_comes_here(view):
    shown = view(None)
    assert "Not measured yet" in shown["scores"]
    assert shown["measure-stop"].visible is False


def test_a_run_that_is_being_measured_shows_how_far_it_is_and_a_stop(view, studio):
    run = make_run(studio.workspace)
    this = ProcessId.of_this()
    note = {"pid": this.pid, "started_s": this.started_s, "message": "Asking both", "share": 0.5, "left_s": 30.0}
    write_json(note_of(run), note)
    shown = view(run.id)
    assert "Asking both, 30 s left" in shown["measure-state"]
    assert shown["measure-stop"].visible is True


def test_scores_of_weights_that_learned_on_say_so(view, studio):
    run = make_run(studio.workspace)
    score(run, lambda row, wanted: "No.", lambda row, wanted: wanted)
    assert "has learned on" not in view(run.id)["scores"]
    weights = run.adapter / "adapter_model.safetensors"
    weights.write_bytes(b"newer")
    later_ns = (run.folder / "scores.json").stat().st_mtime_ns + 10**9
    os.utime(weights, ns=(later_ns, later_ns))
    assert view(run.id)["scores"].startswith('<div class="note note" role="status">▲ The run has learned on since')


def test_the_form_holds_how_this_run_is_asked_and_the_usual_way_where_that_is_damaged(view, studio):
    run = make_run(studio.workspace)
    keep_asking(run, make_asking(20, 0.7, 0.9, 3))
    shown = view(run.id)
    names = ("questions", "temperature", "top-p", "seed")
    assert [shown[f"asking-{name}"] for name in names] == [20, 0.7, 0.9, 3]
    (run.folder / KEPT).write_text("{", encoding="utf-8")
    assert view(run.id)["asking-questions"] == 0
    assert view(None)["asking-temperature"] == 0


def test_a_choice_that_could_not_be_used_is_told(view, studio):
    run = make_run(studio.workspace)
    answers = score(run, lambda row, wanted: "No.", lambda row, wanted: wanted)
    keep_choice(run, make_choice("label_right"))
    write_json(run.folder / "scores.json", weigh_as_kept(run, answers))
    assert read_json(run.folder / "scores.json")["not_used"]
    assert "▲ What you chose to measure by was not used. “right label” says nothing" in view(run.id)["scores"]


def test_what_was_typed_and_not_applied_is_there_again_and_said_to_be_unused(view, studio):
    run = make_run(studio.workspace)
    typed = Typed(measure="chrf", pattern="(half", labels="up\n", schema="{")
    keep_typed(run, typed)
    shown = view(run.id)
    assert (shown["choose-measure"].value, shown["choose-pattern"], shown["choose-schema"]) == ("chrf", "(half", "{")
    assert shown["choose-labels"].value == "up\n"
    assert "not used yet" in shown["choose-state"]
    keep_typed(run, Typed())  # typed back to what is measured by
    assert read_typed(run) is None
    assert view(run.id)["choose-state"] == ""
