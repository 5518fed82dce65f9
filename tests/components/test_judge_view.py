"""What a judge found, as a page: what counts and what does not, words for doubt, and nothing that unblinds a vote."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import gradio as gr
import pytest

from components.frame import Studio
from components.judge_view import build_judge_view
from components.judged_view import NO_RUN, NOT_JUDGED, show_judged
from studio.compare.chat import Chat
from studio.judge import job
from studio.judge.asking import Ask, list_asked
from studio.judge.cost import used_of
from studio.judge.form import CRITERIA, Judgement
from studio.judge.plan import make_plan
from studio.judge.result import build_result
from studio.runs import Run
from studio.store import read_json, write_json
from studio.vote.ballots import begin_or_extend
from studio.vote.votes import cast, read_standing
from studio.workspace import Workspace
from tests.studio.judges import BAD, GOOD, answers_in, fair, judgement, make_scored_run, swayed

ATTACK = "<img src=x onerror=alert(1)>"
ASK = Ask("server", 50, "https://example.com/v1", f"big{ATTACK}")


@pytest.fixture
def run(workspace: Workspace) -> Run:
    return make_scored_run(workspace, [(BAD, GOOD)] * 9 + [(GOOD, BAD)] + [(ATTACK, f"{ATTACK} too")])


def judge_by(run: Run, rule: Callable[[str, str], str]) -> dict[str, Any]:
    """judge.json as a judge of this rule would leave it; what the rule leaves empty could not be read."""
    asked = list_asked(run, ASK)
    replies = {}
    for each in asked:
        text = rule(*answers_in({"messages": each.messages}))
        said = Judgement.model_validate_json(text).model_dump() if text else None
        replies[each.key] = {"judgement": said, "why": "" if text else ATTACK, "in": 700, "out": 90}
    rows = [{**row, "key": key} for key, row in replies.items()]
    result = build_result(run, ASK, asked, replies, used_of(rows, asked))
    write_json(run.folder / "judge.json", result)
    return result


def plain(page: str) -> str:
    return re.sub(r"<[^>]*>", "", page)


def test_before_it_was_judged_one_reads_what_will_be_done(run):
    assert show_judged(run) == NOT_JUDGED


def test_who_is_preferred_stands_first_with_its_count_its_chance_and_its_interval(run):
    judge_by(run, fair)
    shown = show_judged(run)
    words = plain(shown)
    assert 'class="verdict better"' in shown
    assert "✓ It prefers your model." in words
    assert "Tuned won 9 of 11, lost 1, tied 1; a fair coin would do this, one way or the other, 1 in 47 times." in words
    assert "90 % went to the tuned model (between 55 and 100 %)" in words
    assert "In none of 11 did the order of the answers sway it." in words


def test_a_swayed_judge_is_called_too_weak_and_prefers_nobody(run):
    judge_by(run, swayed)
    words = plain(show_judged(run))
    assert "None of its judgements count." in words
    assert "swayed by the order in 11 of 11, 11 times towards whatever stood first; those do not count." in words
    assert "too weak for this" in words
    assert "<table><caption>Mean" not in show_judged(run)


def test_what_could_not_be_read_is_shown_in_numbers(run):
    judge_by(run, lambda first, second: "" if first == ATTACK else fair(first, second))
    words = plain(show_judged(run))
    assert "In 1 of 11 a reply could not be read, even when asked again" in words


def test_each_criterion_has_its_means_with_intervals_and_a_word_beside_the_colour(run):
    judge_by(run, fair)
    shown = show_judged(run)
    for name in CRITERIA:
        row = re.search(rf"<tr><th scope=\"row\">{name.capitalize()}<br>.*?</tr>", shown)
        assert row
        assert plain(row[0]).count(" to ") >= 3
        assert "✓ better" in plain(row[0])


def test_a_minus_looks_as_it_does_elsewhere(run):
    judge_by(run, lambda first, second: fair(second, first))
    row = re.search(r"<tr><th scope=\"row\">[^<]*<br>.*?</tr>", show_judged(run))
    assert row
    assert "<td>\u2212" in row[0]
    assert not re.search(r"-\d", plain(row[0]))


def test_what_models_say_is_text_and_never_markup(run):
    judge_by(run, lambda first, second: judgement("same").replace("It is 3.", ATTACK))
    shown = show_judged(run)
    assert "<img" not in shown
    assert shown.count("&lt;img") > 20


def test_an_open_vote_stays_blind(run):
    judge_by(run, fair)
    assert shown_rows(run) == 11
    begin_or_extend(run)
    assert shown_rows(run) == 0
    assert "11 questions still wait for your blind vote" in plain(show_judged(run))
    standing = read_standing(run)
    assert standing
    assert standing.next
    cast(run, standing.next.mark, "left")
    assert shown_rows(run) == 1


def shown_rows(run: Run) -> int:
    _, _, answers = show_judged(run).partition('<div class="answers">')
    return answers.partition("</table>")[0].count('<th scope="row">')


def test_agreement_with_the_person_is_said_in_words(run):
    judge_by(run, fair)
    assert "No question that counts here has your vote." in plain(show_judged(run))


# The form


def build(workspace: Workspace, shared: bool = False) -> tuple[Any, dict[str, Any]]:
    """The view, and its fields by their elem_id."""
    with gr.Blocks() as page:
        run = gr.Dropdown(elem_id="run")
        view = build_judge_view(Studio(workspace, Chat(), shared), run)
    return view, {block.elem_id: block for block in page.blocks.values() if getattr(block, "elem_id", None)}


def test_without_a_run_it_says_what_goes_here(workspace):
    view, fields = build(workspace)
    assert view.show(None)[fields["judged"]] == NO_RUN


def test_what_would_be_sent_stands_above_the_button_for_the_judge_of_last_time(run, workspace):
    job.begin(run, ASK, make_plan(run, ASK).mark)
    view, fields = build(workspace)
    shown = view.show(run.id)
    assert set(shown) <= set(view.outputs)
    assert (shown[fields["judge-address"]], shown[fields["judge-many"]]) == (ASK.address, 50)
    assert "11 questions with their wanted answers and both answers" in shown[fields["judge-plan"]]
    assert "go to https://example.com. Nothing else is sent." in shown[fields["judge-plan"]]


def test_without_scores_the_plan_says_what_to_do_first(run, workspace):
    (run.folder / "scores.json").unlink()
    write_json(run.folder / "judge" / "ask.json", asdict(ASK))
    view, fields = build(workspace)
    assert "Press “Measure both” under Scores first." in view.show(run.id)[fields["judge-plan"]]


def test_prices_come_back_with_the_judge_and_without_them_no_money_is_told(run, workspace):
    view, fields = build(workspace)
    job.begin(run, ASK, make_plan(run, ASK).mark)
    shown = view.show(run.id)
    assert (shown[fields["judge-price-in"]], shown[fields["judge-price-out"]]) == (0, 0)
    assert "That makes 22 requests: about" in shown[fields["judge-plan"]]
    assert "money" not in shown[fields["judge-plan"]]
    priced = replace(ASK, price_in=2.5, price_out=0.0)
    job.begin(run, priced, make_plan(run, priced).mark)
    shown = view.show(run.id)
    assert (shown[fields["judge-price-in"]], shown[fields["judge-price-out"]]) == (2.5, 0)
    assert "At 2.50 for a million in and 0 for a million out that is about" in shown[fields["judge-plan"]]


def test_what_was_used_stands_below_what_it_found_also_with_its_price(run):
    judge_by(run, fair)
    told = plain(show_judged(run))
    assert "It used 15,400 tokens in and 1,980 out, as it counts them." in told
    known = read_json(run.folder / "judge.json")
    write_json(run.folder / "judge.json", {**known, "prices": {"in": 2.5, "out": 10.0}})
    assert "At 2.50 for a million in and 10 for a million out that is 0.058, in the money" in plain(show_judged(run))


def press(workspace: Workspace, run: Run, mark: str, shared: bool = False) -> tuple[Any, dict[Any, Any]]:
    """Press the button with this mark on the page: the view, and what it shows then."""
    with gr.Blocks() as page:
        chosen = gr.Dropdown(elem_id="run")
        view = build_judge_view(Studio(workspace, Chat(), shared), chosen)
    handler = next(each.fn for each in page.fns.values() if each.name == "judge")
    assert handler
    return view, handler(run.id, mark, "", "server", "http://127.0.0.1:9/v1", "big", None, 20)


def test_nothing_is_sent_before_it_was_read(run, workspace):
    view, shown = press(workspace, run, "")
    mark = make_plan(run, Ask("server", 20, "http://127.0.0.1:9/v1", "big")).mark
    assert mark in shown.values()
    assert "Nothing is sent yet." in shown[view.work.state]
    assert job.read_ask(run) is None
    with pytest.raises(gr.Error, match="over a shared link"):
        press(workspace, run, "", shared=True)


def test_a_failure_stays_on_the_page(run, workspace):
    mark = make_plan(run, Ask("server", 20, "http://127.0.0.1:9/v1", "big")).mark
    view, shown = press(workspace, run, mark)
    said, end_s = shown[view.work.state], time.monotonic() + 60
    assert "<progress" in said
    while "<progress" in said and time.monotonic() < end_s:
        time.sleep(0.1)
        said = view.tick(run, said).get(view.work.state, said)
    assert "Nobody answers at http://127.0.0.1:9/v1" in said
