"""Talk to the model before and after, side by side; measure both on what neither saw."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

import gradio as gr

from components.forgot_view import build_forgot_view
from components.frame import Studio, TabView, pick, require_rest, run_choices
from components.notices import ending_with, show_note, show_progress, told
from components.scores_view import show_scores
from components.vote_view import build_vote_view
from studio.compare import proof
from studio.compare.chat import Reply, titles
from studio.data.conversation import Conversation, Message
from studio.data.datasets import open_dataset
from studio.errors import ModelError, RunError
from studio.place import read_place, write_place
from studio.runs import Run, open_run

Turns = list[dict[str, Any]]
SIDES = ("base", "tuned")
HEIGHT = 380


def build_compare_tab(studio: Studio) -> TabView:
    run = gr.Dropdown(label="Run", elem_id="compare-run", interactive=True)
    state = gr.HTML(elem_id="compare-state")
    with gr.Row(equal_height=True):
        before = gr.Chatbot(
            label="Before", elem_id="pane-base", height=HEIGHT, render_markdown=False, buttons=["copy"], min_width=280,
            placeholder="The model as it came answers here.",
        )  # fmt: skip
        after = gr.Chatbot(
            label="After", elem_id="pane-tuned", height=HEIGHT, render_markdown=False, buttons=["copy"], min_width=280,
            placeholder="The model as you taught it answers here.",
        )  # fmt: skip
    wanted = gr.HTML(elem_id="wanted")
    with gr.Row():
        box = gr.Textbox(
            label="Ask both", placeholder="Write as your customer would. Enter sends.", lines=2, max_lines=8,
            elem_id="ask", scale=4, submit_btn=False,
        )  # fmt: skip
        with gr.Column(scale=1, min_width=160):
            send = gr.Button("Send", variant="primary", elem_id="send")
            stop = gr.Button("Stop", variant="stop", elem_id="stop-answer", interactive=False)
    with gr.Row():
        unseen = gr.Button("Take a question it never saw", elem_id="unseen", size="sm")
        clear = gr.Button("Clear", elem_id="clear", size="sm")
    with gr.Accordion("Instruction and length", open=False):
        system = gr.Textbox(
            label="Instruction",
            info="What the data set says first, unless you change it.",
            lines=2,
            elem_id="system",
        )
        temperature = gr.Slider(
            0,
            1.5,
            value=0,
            step=0.05,
            label="Temperature",
            info="0 always takes the likeliest word; higher varies more.",
            elem_id="temperature",
        )
        longest = gr.Slider(16, 2048, value=256, step=16, label="Longest answer (tokens)", elem_id="longest")
    with gr.Accordion("Blind vote", open=False, elem_id="blind-vote"):
        vote = build_vote_view(studio, run)
    with gr.Accordion("Scores on the held-out examples", open=True):
        measure = gr.Button("Measure both", elem_id="measure")
        table = gr.HTML(elem_id="scores")
    with gr.Accordion("What it forgot", open=False, elem_id="what-it-forgot"):
        forgot = build_forgot_view(studio, run)
    export = gr.Button("Next: Export", elem_id="to-export")

    @told
    def ask(
        run_id: str | None, text: str, left: Turns, right: Turns, said: str, heat: float, most: float
    ) -> Iterator[Any]:
        if not text.strip():
            raise ModelError("There is no question yet.", "Write one in the box, or take one it never saw.")
        chosen = _open(studio, run_id)
        require_rest(studio)
        yield {send: gr.Button(interactive=False), stop: gr.Button(interactive=True)}
        left, right = [*left, _turn("user", text)], [*right, _turn("user", text)]
        idle = {send: gr.Button(interactive=True), stop: gr.Button(interactive=False)}
        yield from ending_with(answer(chosen, left, right, said, int(most), heat), idle)

    def answer(chosen: Run, left: Turns, right: Turns, said: str, most: int, heat: float) -> Iterator[Any]:
        for progress in studio.chat.open(chosen):
            yield {state: show_progress(progress)}
        yield {box: "", before: left, after: right, state: show_note(_words_of_waiting(studio.chat.in_turn))}
        prompts = {"base": _messages(left, said), "tuned": _messages(right, said)}
        for reply in studio.chat.ask(prompts, most, heat):
            yield {
                before: [*left, _turn("assistant", reply.texts["base"])],
                after: [*right, _turn("assistant", reply.texts["tuned"])],
                state: _show_speed(reply, studio.chat.in_turn) if reply.done else gr.skip(),
            }

    @told
    def halt() -> None:
        studio.chat.stop()

    @told
    def wipe() -> tuple[Turns, Turns, str, str]:
        studio.chat.stop()
        return [], [], "", ""

    @told
    def take_unseen(run_id: str | None, now: str) -> tuple[str, str]:
        chosen = _open(studio, run_id)
        held_out = open_dataset(studio.workspace, chosen.recipe.data).conversations("test")
        asked = [conversation for conversation in held_out if not conversation.is_passage]
        if not asked:
            raise RunError("This data set has no held-out part.", "Bring at least three different examples.")
        questions = [c.prompt[-1].content for c in asked]
        following = (questions.index(now) + 1) % len(asked) if now in questions else 0
        answer = escape(asked[following].wanted)
        place = f"Question {following + 1} of {len(asked)}"
        return questions[following], f'<p class="wanted"><strong>{place}. Wanted:</strong> <code>{answer}</code></p>'

    @told
    def measure_both(run_id: str | None) -> Iterator[str]:
        chosen = _open(studio, run_id)
        require_rest(studio)
        studio.chat.close()
        for progress in proof.score_run(chosen):
            yield show_progress(progress)
        yield show_scores(proof.read_scores(chosen))

    @told
    def change_run(run_id: str | None) -> Any:
        if run_id:
            write_place(studio.workspace, run=run_id)
        return {
            **show(run_id),
            before: gr.Chatbot([], label=_titles(studio, run_id)[0]),
            after: gr.Chatbot([], label=_titles(studio, run_id)[1]),
            wanted: "",
        }

    def show(run_id: str | None) -> dict[Any, Any]:
        if not run_id:
            return {
                state: show_note("There is no trained run yet. Train one first; it can then be asked here."),
                system: "", table: "", send: gr.Button(interactive=False), **vote.show(None), **forgot.show(None),
            }  # fmt: skip
        chosen = open_run(studio.workspace, run_id)
        return {
            state: "",
            system: open_dataset(studio.workspace, chosen.recipe.data).system,
            table: show_scores(proof.read_scores(chosen)),
            send: gr.Button(interactive=True),
            **vote.show(run_id),
            **forgot.show(run_id),
        }

    asking = gr.on(
        [send.click, box.submit],
        ask,
        [run, box, before, after, system, temperature, longest],
        [send, stop, state, box, before, after],
        show_progress="hidden",
        concurrency_id="accelerator",
        concurrency_limit=1,
    )
    stop.click(halt, queue=False)
    clear.click(wipe, None, [before, after, state, wanted], queue=False)
    unseen.click(take_unseen, [run, box], [box, wanted], show_progress="hidden")
    measure.click(measure_both, run, table, show_progress="hidden", concurrency_id="accelerator", concurrency_limit=1)
    changing = [state, system, table, send, before, after, wanted, *vote.outputs, *forgot.outputs]
    run.input(change_run, run, changing, show_progress="hidden")
    assert asking is not None

    @told
    def read() -> Any:
        choices = run_choices(studio)
        chosen = pick(choices, read_place(studio.workspace).run)
        names = _titles(studio, chosen)
        return {
            run: gr.Dropdown(choices=choices, value=chosen),
            before: gr.Chatbot(label=names[0]),
            after: gr.Chatbot(label=names[1]),
            **show(chosen),
        }

    return TabView(
        read, [run, before, after, state, system, table, send, *vote.outputs, *forgot.outputs], [(export, "export")]
    )


def _open(studio: Studio, run_id: str | None) -> Run:
    if not run_id:
        raise RunError("No run is picked.", "Train one first, then pick it here.")
    return open_run(studio.workspace, run_id)


def _titles(studio: Studio, run_id: str | None) -> tuple[str, str]:
    return titles(open_run(studio.workspace, run_id)) if run_id else ("Before", "After")


def _turn(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "content": text}


def _messages(turns: Turns, system: str) -> tuple[Message, ...]:
    """A pane's turns as a conversation; Gradio hands back each text as a list of parts."""
    said = [{"role": turn["role"], "content": _text(turn["content"])} for turn in turns]
    head = [{"role": "system", "content": system}] if system.strip() else []
    return Conversation.from_dicts([*head, *said]).messages


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def _words_of_waiting(in_turn: bool) -> str:
    if in_turn:
        return "They answer one after the other: first Before, then After …"
    return "Both are reading your question …"


def _show_speed(reply: Reply, in_turn: bool) -> str:
    tokens = sum(reply.tokens.values())
    cut = [side for side, name in zip(SIDES, ("Before", "After"), strict=True) if not reply.finished[side]]
    more = f" {' and '.join({'base': 'Before', 'tuned': 'After'}[side] for side in cut)} was cut off." if cut else ""
    answered = "Both answered, one after the other," if in_turn else "Both answered"
    return show_note(
        f"{answered} in {reply.seconds:.1f} s, {tokens / max(reply.seconds, 0.01):.0f} tokens a second.{more}"
    )
