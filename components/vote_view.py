"""The blind vote: a held-out question, two answers whose makers are hidden, and what the votes tell so far."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gradio as gr

from components.actions import action, pressed
from components.alone import or_say
from components.bubbles import show_conversation
from components.frame import RunView, Studio, open_picked, require_rest
from components.notices import show_note, show_progress, told
from components.script_link import FETCH
from studio.data import intake
from studio.data.conversation import Conversation
from studio.errors import DamagedError, TunesmithError
from studio.place import write_place
from studio.runs import Run, open_run
from studio.vote.answers import ASKED_AT_ONCE, ask_both, has_unasked, read_pairs
from studio.vote.ballots import Ballot, begin_or_extend, find_waiting
from studio.vote.preferences import read_preferences, write_preferences
from studio.vote.tally import Tally, say_interval, say_more, say_tally
from studio.vote.votes import CHOICES, NAME_LENGTH, REASON_LENGTH, Standing, cast, read_standing, undo
from studio.workspace import ASSETS

LONG = 160  # characters of an answer that stands beside another on a phone
MOST_OF_A_QUESTION = 4000
LABELS = ("Left is better", "Right is better", "Both good", "Both bad")
NO_RUN = (
    '<div class="empty"><h3>Two answers, names hidden</h3><p>Once a run is trained, you judge here which answers are '
    "better, without knowing which model gave which. Train one first.</p></div>"
)
HOW_SURE = (
    "Decide beforehand how many votes you give. Who stops as soon as it looks settled is misled by chance in 15 of "
    "100 votes of up to 40 questions, not in 5. The chance is that of an exact sign test, ties left out; the "
    "interval is exact too, with 95 % confidence (Clopper and Pearson). Scores, Judge and Report show no answer "
    "that is still to be voted on; but their totals may tell you what to look for, so look at them afterwards."
)


def build_vote_view(studio: Studio, run: gr.Dropdown, telling: Sequence[RunView]) -> RunView:
    """Build it below `run`, which holds the id of the run that is picked.

    `telling`: views that show whose answer is whose, but of no question that is still to be voted on. They are shown
    anew in the moment in which a question becomes one.
    """
    covered = [output for view in telling for output in view.outputs]
    page = gr.HTML(
        value=NO_RUN,
        css_template=(ASSETS / "vote.css").read_text(encoding="utf-8"),
        js_on_load=(ASSETS / "vote.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id="vote",
    )
    link = gr.HTML(elem_id="vote-rows")

    def show(run_id: str | None) -> dict[Any, Any]:
        if not run_id:
            return {page: NO_RUN, link: ""}
        chosen = open_run(studio.workspace, run_id)
        return {page: or_say(lambda: show_vote(chosen)), link: ""}

    @told
    def act(run_id: str | None, event: gr.EventData) -> Iterator[Any]:
        chosen = open_picked(studio, run_id)
        sent: dict[str, Any] = event._data or {}
        done, of, reason, who = (str(sent.get(name, "")) for name in ("act", "of", "reason", "who"))
        if done == "rows":
            yield {link: _show_link(write_preferences(chosen))}
            return
        if done == "data":
            yield from bring(write_preferences(chosen))
            return
        if done in CHOICES:
            cast(chosen, of, done, reason, who)
        elif done == "undo" and of.isdigit():
            undo(chosen, int(of), who)
            yield {**show(run_id), **cover(chosen)}
            return
        yield show(run_id)

    @told
    def go_on(run_id: str | None, event: gr.EventData) -> Iterator[Any]:
        """Begin, or add questions; both answers are asked for where there are none, and shown when both are whole."""
        chosen = open_picked(studio, run_id)
        try:
            if pressed(event)[0] == "ask" or not read_pairs(chosen):
                require_rest(studio)
                for progress in ask_both(chosen, studio.chat):
                    yield {page: show_progress(progress)}
            begin_or_extend(chosen)
        except TunesmithError:
            yield show(run_id)
            raise
        yield {**show(run_id), **cover(chosen)}

    def cover(chosen: Run) -> dict[Any, Any]:
        return {output: value for view in telling for output, value in view.found(chosen).items()}

    def bring(file: Path) -> Iterator[Any]:
        for progress in intake.take_in(studio.workspace, file):
            yield {link: show_progress(progress)}
        dataset = intake.taken(studio.workspace, file)
        write_place(studio.workspace, dataset=dataset.ref)
        yield {link: show_note(f"They stand in Data as “{dataset.title}”.")}

    # Multiple: a key that comes while the page still takes in the last vote is sent, and refused by its mark.
    voting = page.click(act, run, [page, link, *covered], show_progress="hidden", trigger_mode="multiple")
    asking = page.submit(
        go_on, run, [page, link, *covered], show_progress="hidden", concurrency_id="accelerator", concurrency_limit=1,
    )  # fmt: skip
    run.input(None, cancels=[asking])  # what it tells belongs to the run before
    voting.success(None, link, None, js=FETCH)
    return RunView([page, link], show)


def show_vote(run: Run) -> str:
    """What is to be done next, and how it stands. Before a vote nothing in it tells whose answer is whose."""
    try:
        standing = read_standing(run)
    except DamagedError as error:
        button = action("begin", "Begin a new vote", kind="first")
        return show_note(f"✖ {error.what} {error.do}", "bad") + f'<p class="acts">{button}</p>'
    if standing is None:
        return _show_beginning(len(read_pairs(run)))
    if not standing.round.is_of(run):
        note = show_note("The run has learned on since these answers were given; its new ones need a new vote.")
        return note + f'<p class="acts">{action("begin", "Begin a new vote", kind="first")}</p>' + _show_state(standing)
    ballot = standing.next
    upper = _show_ballot(ballot, standing) if ballot else _show_end(run, standing)
    return upper + _show_state(standing) + _show_rows(run)


def _show_beginning(answered: int) -> str:
    if answered:
        words = f"Both have answered {answered} held-out questions. They come in a shuffled order, on shuffled sides."
        button = action("begin", "Begin the vote", kind="first")
    else:
        words = (
            f"First both are asked up to {ASKED_AT_ONCE} held-out questions, which takes a few minutes. "
            "“Measure both” below asks all of them at once, which is quicker for many."
        )
        button = action("begin", "Ask both, then vote", kind="first")
    return (
        '<div class="empty"><h3>Two answers, names hidden</h3><p>You see a question that no training saw and two '
        "answers, one of the model as it came and one of yours. You say which is better; after each vote you see how "
        f'it stands.</p><p>{words}</p><p class="acts">{button}</p></div>'
    )


def _show_ballot(ballot: Ballot, standing: Standing) -> str:
    total = len(standing.round.ballots)
    question = show_conversation(replace(Conversation(ballot.pair.prompt), row=ballot.place), MOST_OF_A_QUESTION)
    wanted = (
        f'<details><summary>Show the answer that was wanted</summary><div class="wanted" dir="auto">'
        f"{escape(ballot.pair.wanted)}</div></details>"
        if ballot.pair.wanted
        else ""
    )
    long = any(len(answer) > LONG for answer in ballot.shown)
    answers = "".join(
        _show_answer(name, answer, long) for name, answer in zip(("Left", "Right"), ballot.shown, strict=True)
    )
    buttons = "".join(
        f'<button type="button" class="act" data-act="{choice}" data-of="{ballot.mark}"><kbd>{number}</kbd>{label}'
        "</button>"
        for number, (choice, label) in enumerate(zip(CHOICES, LABELS, strict=True), start=1)
    )
    return (
        f'<p class="count"><strong>Question {ballot.place + 1} of {total}.</strong> Which answer is better? '
        '<span class="keys fine">Keys 1 to 4 vote.</span></p>'
        f'<div class="question" tabindex="0" role="region" aria-label="Question">{question}</div>{wanted}'
        f'<div class="pair-of-answers">{answers}</div><div class="ballot">{buttons}</div>'
        f'<div class="fields"><label class="reason">Why? (optional; Esc leaves the field)'
        f'<input name="reason" maxlength="{REASON_LENGTH}" autocomplete="off"></label>'
        f'<label>Your name (optional)<input name="who" maxlength="{NAME_LENGTH}" autocomplete="off"></label></div>'
    )


def _show_answer(name: str, answer: str, long: bool) -> str:
    words = escape(answer.strip()) or "<em>(empty)</em>"
    kind = "answer long" if long else "answer"
    return (
        f'<section><h4>{name}</h4><div class="{kind}" dir="auto" tabindex="0" role="region" '
        f'aria-label="{name} answer">{words}</div></section>'
    )


def _show_end(run: Run, standing: Standing) -> str:
    end = f"<p><strong>All {len(standing.round.ballots)} questions are voted on.</strong></p>"
    return end + or_say(lambda: _show_more(run, standing))


def _show_more(run: Run, standing: Standing) -> str:
    waiting = len(find_waiting(run, standing.round))
    button = ""
    if waiting:
        button = action("begin", f"Vote on {waiting} more", kind="first")
    elif has_unasked(run):
        button = action("ask", f"Ask both up to {ASKED_AT_ONCE} more questions")
    return f'<p class="acts">{button}</p>' if button else ""


def _show_state(standing: Standing) -> str:
    tally, total = standing.tally, len(standing.round.ballots)
    return (
        f'<div class="standing"><progress aria-label="{tally.cast} of {total} voted" max="{total}" '
        f'value="{tally.cast}"></progress><div role="status">{_say_all(tally, total - tally.cast)}</div>'
        f"{_say_remarks(standing)}{_show_undo(tally)}"
        f'<details class="fine"><summary>How sure is this?</summary><p class="fine">{HOW_SURE}</p></details></div>'
    )


def _say_all(tally: Tally, left: int) -> str:
    sentences = (say_interval(tally), say_more(tally, left))
    more = "".join(f"<p>{sentence}</p>" for sentence in sentences if sentence)
    return f"<p><strong>{say_tally(tally)}</strong></p>{more}"


def _say_remarks(standing: Standing) -> str:
    same, changed = standing.round.same, standing.changed
    remarks = [
        f"To {same} more question{'s' * (same != 1)} both gave the same answer; those are left out." if same else "",
        f"{changed} vote{'s' * (changed != 1)} given anew after the count had told the sides, so not blind."
        if changed
        else "",
    ]
    return "".join(f'<p class="fine">{remark}</p>' for remark in remarks if remark)


def _show_undo(tally: Tally) -> str:
    return f'<p class="acts">{action("undo", "Undo the last vote", tally.cast)}</p>' if tally.cast else ""


def _show_rows(run: Run) -> str:
    count = len(read_preferences(run))
    if not count:
        return ""
    return (
        f"<details><summary>Learn from these votes</summary><p>{count} vote{'s' * (count != 1)} found one answer "
        "better. As preference rows (prompt, chosen, rejected) TRL’s DPOTrainer learns from them; Data reads them too. "
        "They are held-out questions: measure a model that learned from them with others.</p>"
        f'<p class="acts">{action("rows", "Download the rows")}{action("data", "Bring them into Data")}</p></details>'
    )


def _show_link(file: Path) -> str:
    address = f"/gradio_api/file={quote(file.as_posix())}"
    return f'<p><a download href="{address}">{escape(file.name)}</a> holds the rows.</p>'
