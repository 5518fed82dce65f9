"""Was it worth it, as it is shown: one sentence and a sign, a row a way, and nothing that unblinds a vote."""

from __future__ import annotations

import re
import time
from typing import Any, get_args

import gradio as gr
import pytest

from components.frame import Shown, Studio
from components.worth_table import SIGNS, show_worth
from components.worth_view import NOT_ASKED, build_should_view, build_worth_view
from studio.compare.chat import Chat
from studio.compare.chosen import keep_choice
from studio.compare.recommend import Word
from studio.compare.worth_again import BEHIND, weigh_worth_anew
from studio.compare.worth_job import job_of_run, read_worth
from studio.data.datasets import open_dataset
from studio.runs import Run
from studio.scores.choice import make_choice
from studio.store import write_json
from studio.workspace import Workspace
from tests.studio.reports import ask_worth, make_run

ATTACK = "<img src=x onerror=alert(1)>"


@pytest.fixture
def run(workspace: Workspace) -> Run:
    return make_run(workspace, question=lambda number: f"Where is parcel {number * 7919}? {ATTACK}")


def shown(run: Run, **right: int) -> str:
    ask_worth(run, **right)
    return show_worth(read_worth(run))


def plain(page: str) -> str:
    return re.sub(r"<[^>]*>", " ", page).replace("\u00a0", " ")


def rows(page: str) -> list[list[str]]:
    """Cells of the first table, as text."""
    table = page.partition("<tbody>")[2].partition("</tbody>")[0]
    return [[plain(cell).strip() for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)]
            for row in re.findall(r"<tr>(.*?)</tr>", table)]  # fmt: skip


def open_view(workspace: Workspace) -> tuple[Any, Any]:
    with gr.Blocks() as app:
        view = build_worth_view(Studio(workspace, Chat()), gr.Dropdown())
    return view, app


def handler(app: Any, name: str) -> Any:
    return next(each.fn for each in app.fns.values() if each.name == name)


def test_before_it_was_asked_one_reads_what_will_be_asked(run, workspace):
    view, _ = open_view(workspace)
    assert NOT_ASKED in view.show(run.id).values()
    assert NOT_ASKED in view.show(None).values()
    assert show_worth(None) == ""


def test_the_recommendation_stands_first_with_a_sign_and_a_row_for_each_way_below(run):
    page = shown(run, base=0, prompt=18, tuned=29)
    assert page.startswith('<div class="verdict green" role="status">')
    assert page.index("keep the tuned one.") < page.index("<table>")
    base, prompt, tuned = rows(page)
    assert base[0] == "The base alone"
    assert prompt[0] == "The base with 3 examples in its prompt"
    assert (tuned[0], tuned[2:4]) == ("Fine-tuned", ["40", "8"])
    assert re.fullmatch(r"97 %\s+\(between \d+ and \d+\)", tuned[1])
    assert re.fullmatch(r"1\.89\s+\(1\.80 to 1\.98\)", prompt[4])


def test_every_recommendation_has_a_sign():
    assert set(SIGNS) == set(get_args(Word))


def test_the_differences_have_their_intervals_and_words(run):
    told = plain(shown(run, base=0, prompt=18, tuned=29))
    assert "Fine-tuned, against the examples in the prompt" in told
    assert told.count("✓ better") == 3


def test_the_chosen_examples_and_how_it_was_measured_are_folded_away_and_are_text(run):
    page = shown(run, base=0, prompt=18, tuned=29)
    assert "<summary>The 3 examples in the prompt</summary>" in page
    assert "<summary>How it was measured</summary>" in page
    assert "<img" not in page
    assert "&lt;img" in page


def test_answers_are_shown_before_training_alone_for_later_there_may_be_a_blind_vote(run):
    before = shown(run, base=0, prompt=18)
    assert "10 of the answers" in before
    assert "Hello!" in before
    assert len(rows(before)) == 2
    assert "Hello!" not in shown(run, base=0, prompt=18, tuned=29)


def test_what_was_found_of_other_weights_is_not_shown(run, workspace):
    ask_worth(run, base=0, prompt=18, tuned=29)
    view, _ = open_view(workspace)
    assert NOT_ASKED not in view.show(run.id).values()
    write_json(run.folder / "state.json", {**run.status, "step": 90})
    assert NOT_ASKED in view.show(run.id).values()


def page_of(run: Run, workspace: Workspace) -> str:
    view, _ = open_view(workspace)
    return " ".join(str(value) for value in view.show(run.id).values())


def test_a_measure_that_was_chosen_by_hand_is_said_below_the_recommendation(run, workspace):
    ask_worth(run, base=0, prompt=18, tuned=29)
    assert "that you chose" not in page_of(run, workspace)
    keep_choice(run, make_choice("length_match"))
    assert f'<div class="note note" role="status">{BEHIND}</div>' in page_of(run, workspace)
    assert weigh_worth_anew(run)
    page = page_of(run, workspace)
    assert BEHIND not in page
    assert page.index("keep the tuned one") < page.index("By the measure that you chose: “as long as wanted”.")
    assert '<th scope="col">As long as wanted</th>' in page
    keep_choice(run, make_choice("loss"))
    assert weigh_worth_anew(run)
    assert "The measure that you chose was not used here. “loss” is of what" in page_of(run, workspace)


def test_what_somebody_typed_as_a_pattern_is_text_and_never_markup(run, workspace):
    ask_worth(run, base=0, prompt=18, tuned=29)
    keep_choice(run, make_choice("pattern_found", pattern=f"order|{ATTACK}"))
    assert weigh_worth_anew(run)
    page = page_of(run, workspace)
    assert "(the pattern “order|&lt;img" in page
    assert "<img" not in page


def test_work_that_goes_on_while_nobody_looks_is_seen_again_and_can_be_stopped(run, workspace, sleeper):
    note = job_of_run(run).note
    told = {"message": "Asking 30 held-out questions", "share": 0.4, "left_s": 120.0}
    write_json(note, {"pid": sleeper.pid, "started_s": sleeper.started_s, **told})
    view, app = open_view(workspace)
    seen = view.show(run.id)
    assert any("Asking 30 held-out questions, 2 min left" in str(value) for value in seen.values())
    assert next(value for output, value in seen.items() if output.elem_id == "stop-worth").visible
    stopped = handler(app, "end")(run.id)
    assert any("Stopped. What was answered is kept" in str(value) for value in stopped.values())
    end = time.monotonic() + 10
    while sleeper.is_alive():  # the system takes its time
        assert time.monotonic() < end
        time.sleep(0.01)


def test_without_a_run_or_with_one_that_learned_nothing_it_says_so(run, workspace):
    _, app = open_view(workspace)
    ask = handler(app, "ask")
    with pytest.raises(gr.Error, match="No run is picked"):
        ask(None)
    (run.adapter / "adapter_config.json").unlink()
    with pytest.raises(gr.Error, match="has learned nothing yet"):
        ask(run.id)


def test_before_training_it_names_the_base_that_would_be_asked(run, workspace):
    with gr.Blocks() as app:
        data = Shown(*(gr.Textbox() for _ in range(3)), [])
        view = build_should_view(Studio(workspace, Chat()), data)
    told = view.show(open_dataset(workspace, "orders"), "starter").values()
    assert any("SmolLM2 135M (starter) answers your held-out questions alone" in str(value) for value in told)
    with pytest.raises(gr.Error, match="no data set yet"):
        next(handler(app, "ask")("", "starter"))
