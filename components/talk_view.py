"""Talking to the model before and after, side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr
from gradio.blocks import Block

from components.answers_view import SIDES, show_apart, show_figures, show_nearest
from components.frame import RunView, Studio, open_picked, require_rest
from components.notices import ending_with, show_note, show_progress, told
from components.turns import Turns, last_answer, messages_of, plain, turn_of
from studio.compare.chat import Reply, titles
from studio.compare.nearest import nearest
from studio.compare.sampling import Sampling
from studio.data.conversation import Conversation
from studio.data.datasets import open_dataset
from studio.errors import ModelError, RunError
from studio.runs import Run, open_run

HEIGHT = 380
MOST_LISTED = 500
COPY = """element.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  button.textContent = "Copied";
});"""
MOST_LETTERS = 90


@dataclass(frozen=True)
class TalkView(RunView):
    """`fresh` also empties the panes."""

    fresh: Callable[[str | None], dict[Any, Any]]


def build_talk_view(studio: Studio, run: gr.Dropdown) -> TalkView:
    """Build it below `run`, which holds the id of the run that is picked."""
    state = gr.HTML(elem_id="compare-state")
    with gr.Row(equal_height=True):
        panes = {side: _build_pane(side) for side in SIDES}
    figures = gr.HTML(js_on_load=COPY, elem_id="figures")
    apart = gr.HTML(elem_id="apart")
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
        why = gr.Button("Why does it say that?", elem_id="why", size="sm")
        clear = gr.Button("Clear", elem_id="clear", size="sm")
        mark = gr.Checkbox(False, label="Mark the words that differ", elem_id="mark", container=False)
    listed = gr.Dropdown(
        label="Questions it never saw", elem_id="listed", interactive=True, filterable=True,
        info="Of the held-out part of the data set. Type to search.",
    )  # fmt: skip
    reasons = gr.HTML(elem_id="reasons")
    with gr.Accordion("Instruction, chance and length", open=False, elem_id="how"):
        system = gr.Textbox(
            label="Instruction", info="What the data set says first, unless you change it.", lines=2, elem_id="system"
        )
        temperature = gr.Slider(
            0, 1.5, value=0, step=0.05, label="Temperature", elem_id="temperature",
            info="0 always takes the likeliest word; higher varies more.",
        )  # fmt: skip
        top_p = gr.Slider(
            0.1, 1, value=0.95, step=0.01, label="Top-p", elem_id="top-p",
            info="Only the likeliest words that together hold this share of the chance; lower is more careful.",
        )  # fmt: skip
        seed = gr.Number(
            0, label="Seed", precision=0, minimum=0, elem_id="seed", info="The same seed draws the same answer again."
        )
        dice = gr.Checkbox(
            True, label="Same dice", elem_id="same-dice",
            info="Both draw with the same luck, so that what differs is the model's doing.",
        )  # fmt: skip
        longest = gr.Slider(16, 2048, value=256, step=16, label="Longest answer (tokens)", elem_id="longest")
    answering = [send, stop, state, box, *panes.values(), figures, apart, reasons]
    form: set[Block] = {run, box, *panes.values(), system, temperature, top_p, seed, dice, longest, mark}

    @told
    def ask(given: dict[Any, Any]) -> Iterator[Any]:
        yield from ask_about(given, given[box], {side: given[pane] for side, pane in panes.items()})

    @told
    def ask_again(given: dict[Any, Any], event: gr.EditData) -> Iterator[Any]:
        """A question was written anew: what came after it goes."""
        place = event.index if isinstance(event.index, int) else event.index[0]
        yield from ask_about(
            given, plain(str(event.value)), {side: given[pane][:place] for side, pane in panes.items()}
        )

    def ask_about(given: dict[Any, Any], text: str, said: dict[str, Turns]) -> Iterator[Any]:
        if not text.strip():
            raise ModelError("There is no question yet.", "Write one in the box, or take one it never saw.")
        chosen = open_picked(studio, given[run])
        require_rest(studio)
        yield {send: gr.Button(interactive=False), stop: gr.Button(interactive=True), reasons: "", apart: ""}
        turns = {side: [*before, turn_of("user", text)] for side, before in said.items()}
        idle = {send: gr.Button(interactive=True), stop: gr.Button(interactive=False)}
        yield from ending_with(answer(chosen, turns, given), idle)

    def answer(chosen: Run, turns: dict[str, Turns], given: dict[Any, Any]) -> Iterator[Any]:
        for progress in studio.chat.open(chosen):
            yield {state: show_progress(progress)}
        asked = {panes[side]: said for side, said in turns.items()}
        yield {box: "", figures: "", **asked, state: show_note(_words_of_waiting(studio.chat.in_turn))}
        prompts = {side: messages_of(said, given[system]) for side, said in turns.items()}
        drawn = Sampling(given[temperature], given[top_p], int(given[seed] or 0), given[dice])
        for reply in studio.chat.ask(prompts, int(given[longest]), drawn):
            yield {pane: [*turns[side], turn_of("assistant", reply.texts[side])] for side, pane in panes.items()}
            if reply.done:
                told_apart = show_apart(reply.texts["base"], reply.texts["tuned"]) if given[mark] else ""
                yield {state: _show_speed(reply, studio.chat.in_turn), figures: show_figures(reply), apart: told_apart}

    @told
    def halt() -> None:
        studio.chat.stop()

    @told
    def wipe() -> dict[Any, Any]:
        studio.chat.stop()
        emptied: dict[Any, Any] = {pane: [] for pane in panes.values()}
        return {**emptied, **dict.fromkeys((state, wanted, figures, apart, reasons), "")}

    @told
    def take_next(run_id: str | None, now: int | None) -> dict[Any, Any]:
        asked = _held_out(studio, open_picked(studio, run_id))
        return take(asked, 0 if now is None else (now + 1) % len(asked))

    @told
    def take_listed(run_id: str | None, place: int | None) -> dict[Any, Any]:
        return {} if place is None else take(_held_out(studio, open_picked(studio, run_id)), place)

    def take(asked: Sequence[Conversation], place: int) -> dict[Any, Any]:
        """What was said before the last question stands in the panes."""
        example = asked[place]
        before = [turn_of(message.role, message.content) for message in example.prompt[:-1] if message.role != "system"]
        words = f"<strong>Question {place + 1} of {len(asked)}. Wanted:</strong> <code>{escape(example.wanted)}</code>"
        return {
            box: example.prompt[-1].content,
            wanted: f'<p class="wanted">{words}</p>',
            listed: place if place < MOST_LISTED else None,
            **{pane: list(before) for pane in panes.values()},
            **dict.fromkeys((figures, apart, reasons, state), ""),
        }

    @told
    def tell_apart(marked: bool, before: Turns, after: Turns) -> str:
        answers = last_answer(before), last_answer(after)
        return show_apart(*answers) if marked and all(answers) else ""

    @told
    def tell_why(run_id: str | None, after: Turns) -> str:
        chosen, text = open_picked(studio, run_id), last_answer(after)
        if not text:
            raise ModelError("There is no answer yet.", "Ask something first; then its nearest examples are shown.")
        learned = open_dataset(studio.workspace, chosen.recipe.data).conversations("train")
        return show_nearest(nearest(learned, text))

    def show(run_id: str | None) -> dict[Any, Any]:
        if not run_id:
            nobody = "There is no trained run yet. Train one first; it can then be asked here."
            return {state: show_note(nobody), system: "", send: gr.Button(interactive=False), listed: _listing([])}
        chosen = open_run(studio.workspace, run_id)
        dataset = open_dataset(studio.workspace, chosen.recipe.data)
        return {
            state: "", system: dataset.system, send: gr.Button(interactive=True),
            listed: _listing([each for each in dataset.conversations("test") if not each.is_passage]),
            **{pane: gr.Chatbot(label=name) for pane, name in zip(panes.values(), titles(chosen), strict=True)},
        }  # fmt: skip

    def fresh(run_id: str | None) -> dict[Any, Any]:
        names = titles(open_run(studio.workspace, run_id)) if run_id else tuple(SIDES.values())
        emptied = {pane: gr.Chatbot([], label=name) for pane, name in zip(panes.values(), names, strict=True)}
        return {**show(run_id), **emptied, **dict.fromkeys((wanted, figures, apart, reasons), "")}

    gr.on(
        [send.click, box.submit], ask, form, answering,
        show_progress="hidden", concurrency_id="accelerator", concurrency_limit=1,
    )  # fmt: skip
    for pane in panes.values():
        pane.edit(ask_again, form, answering, show_progress="hidden", concurrency_id="accelerator", concurrency_limit=1)
    stop.click(halt, queue=False)
    clear.click(wipe, None, [*panes.values(), state, wanted, figures, apart, reasons], queue=False)
    taken = [box, wanted, listed, *panes.values(), figures, apart, reasons, state]
    unseen.click(take_next, [run, listed], taken, show_progress="hidden")
    listed.input(take_listed, [run, listed], taken, show_progress="hidden")
    mark.input(tell_apart, [mark, *panes.values()], apart, show_progress="hidden")
    why.click(tell_why, [run, panes["tuned"]], reasons)
    return TalkView([state, system, send, listed, *panes.values(), wanted, figures, apart, reasons], show, fresh)


def _build_pane(side: str) -> gr.Chatbot:
    what = "as it came" if side == "base" else "as you taught it"
    return gr.Chatbot(
        label=SIDES[side], elem_id=f"pane-{side}", height=HEIGHT, render_markdown=False, buttons=[],
        min_width=280, editable="user", placeholder=f"The model {what} answers here.",
    )  # fmt: skip


def _listing(asked: Sequence[Conversation]) -> gr.Dropdown:
    choices = [
        (f"{place + 1}. {' '.join(example.prompt[-1].content.split())[:MOST_LETTERS]}", place)
        for place, example in enumerate(asked[:MOST_LISTED])
    ]
    more = f"Questions it never saw (the first {MOST_LISTED} of {len(asked):,})"
    return gr.Dropdown(
        choices=choices,
        value=None,
        label=more if len(asked) > MOST_LISTED else f"Questions it never saw ({len(asked)})",
    )


def _held_out(studio: Studio, run: Run) -> list[Conversation]:
    """Raises: RunError where there is no held-out part."""
    kept = open_dataset(studio.workspace, run.recipe.data).conversations("test")
    asked = [conversation for conversation in kept if not conversation.is_passage]
    if not asked:
        raise RunError("This data set has no held-out part.", "Bring at least three different examples.")
    return asked


def _words_of_waiting(in_turn: bool) -> str:
    if in_turn:
        return "They answer one after the other: first Before, then After …"
    return "Both are reading your question …"


def _show_speed(reply: Reply, in_turn: bool) -> str:
    cut = [name for side, name in SIDES.items() if not reply.figures[side].finished]
    more = f" {' and '.join(cut)} {'were' if len(cut) > 1 else 'was'} cut off." if cut else ""
    answered = "Both answered, one after the other," if in_turn else "Both answered"
    return show_note(f"{answered} in {reply.seconds:.1f} s.{more}")
