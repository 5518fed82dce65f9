"""Talking to the model before and after, and to others, side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr
from gradio.blocks import Block

from components.answers_view import Said, show_apart, show_figures, show_nearest
from components.asked_view import FILE, MOST_LISTED, UNSEEN, build_asked_view, list_questions, questions_from
from components.frame import RunView, Studio, open_picked, require_rest
from components.how_view import HowView, build_how_view
from components.kept_view import KeptForm, build_kept_view
from components.notices import ending_with, show_note, show_progress, told
from components.panes_view import PanesView, build_panes_view
from components.turns import Turns, last_answer, messages_of, plain, turn_of
from studio.compare.chat import Reply
from studio.compare.kept import Kept, Pane, Setup
from studio.compare.nearest import nearest
from studio.compare.voices import Voice, is_there, keep_chosen, name_of, title_of_voice
from studio.data.conversation import Conversation
from studio.data.datasets import open_dataset
from studio.errors import ModelError, RunError
from studio.runs import Run, open_run

TAKE = "Take a question it never saw"
COPY = """element.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  button.textContent = "Copied";
});"""


@dataclass(frozen=True)
class TalkView(RunView):
    """`fresh` also empties the panes."""

    fresh: Callable[[str | None], dict[Any, Any]]


def build_talk_view(studio: Studio, run: gr.Dropdown) -> TalkView:
    """Build it below `run`, which holds the id of the run that is picked."""
    state = gr.HTML(elem_id="compare-state")
    shown = build_panes_view()
    who, panes = shown.who, shown.panes
    figures = gr.HTML(js_on_load=COPY, elem_id="figures")
    apart = gr.HTML(elem_id="apart")
    wanted = gr.HTML(elem_id="wanted")
    with gr.Row():
        box = gr.Textbox(
            label="Ask all of them", placeholder="Write as your customer would. Enter sends.", lines=2, max_lines=8,
            elem_id="ask", scale=4, submit_btn=False,
        )  # fmt: skip
        with gr.Column(scale=1, min_width=160):
            send = gr.Button("Send", variant="primary", elem_id="send")
            stop = gr.Button("Stop", variant="stop", elem_id="stop-answer", interactive=False)
    with gr.Row():
        unseen = gr.Button(TAKE, elem_id="unseen", size="sm")
        why = gr.Button("Why does it say that?", elem_id="why", size="sm")
        clear = gr.Button("Clear", elem_id="clear", size="sm")
        mark = gr.Checkbox(False, label="Mark the words that differ", elem_id="mark", container=False)
    listed = gr.Dropdown(label=UNSEEN, elem_id="listed", interactive=True, filterable=True)
    asked_of = build_asked_view(studio)
    source = asked_of.source
    reasons = gr.HTML(elem_id="reasons")
    how = build_how_view()
    told_of = (figures, apart, reasons, state)  # answers that are gone, or not yet there
    form: set[Block] = {run, who, box, *panes, mark, *how.fields}
    kept = build_kept_view(studio, run, _kept_form(studio, shown, how))

    @told
    def ask(given: dict[Any, Any]) -> Iterator[Any]:
        yield from ask_about(given, given[box], [given[pane] for pane in panes])

    @told
    def ask_again(given: dict[Any, Any], event: gr.EditData) -> Iterator[Any]:
        """A question was written anew: what came after it goes."""
        place = event.index if isinstance(event.index, int) else event.index[0]
        yield from ask_about(given, plain(str(event.value)), [given[pane][:place] for pane in panes])

    def ask_about(given: dict[Any, Any], text: str, said: Sequence[Turns]) -> Iterator[Any]:
        if not text.strip():
            raise ModelError("There is no question yet.", "Write one in the box, or take one it never saw.")
        chosen, voices = open_picked(studio, given[run]), shown.voices(given[who])
        require_rest(studio)
        yield {send: gr.Button(interactive=False), stop: gr.Button(interactive=True), reasons: "", apart: ""}
        turns = {voice: [*before, turn_of("user", text)] for voice, before in zip(voices, said, strict=False)}
        idle = {send: gr.Button(interactive=True), stop: gr.Button(interactive=False)}
        yield from ending_with(answer(chosen, turns, given), idle)

    def answer(chosen: Run, turns: dict[Voice, Turns], given: dict[Any, Any]) -> Iterator[Any]:
        for progress in studio.chat.open(studio.workspace, list(turns)):
            yield {state: show_progress(progress)}
        yield {
            box: "", figures: "", state: show_note(_words_of_waiting(len(turns), studio.chat.in_turn)),
            **dict(zip(panes, turns.values(), strict=False)),
        }  # fmt: skip
        prompts = {voice: messages_of(said, given[how.system]) for voice, said in turns.items()}
        for reply in studio.chat.ask(prompts, how.longest_of(given), how.sampling(given), how.strength_of(given)):
            answered = [[*said, turn_of("assistant", reply.texts[voice])] for voice, said in turns.items()]
            yield dict(zip(panes, answered, strict=False))
            if reply.done:
                texts = [Said(name_of(chosen, voice), reply.texts[voice], reply.figures[voice]) for voice in turns]
                yield {
                    state: _show_speed(reply, texts, studio.chat.in_turn),
                    figures: show_figures(texts),
                    apart: show_apart([(each.name, each.text) for each in texts]) if given[mark] else "",
                }

    @told
    def halt() -> None:
        studio.chat.stop()

    @told
    def wipe() -> dict[Any, Any]:
        studio.chat.stop()
        return {**dict(zip(panes, shown.silence, strict=True)), **dict.fromkeys((wanted, *told_of), "")}

    @told
    def choose(run_id: str | None, keys: list[str], first: Turns) -> dict[Any, Any]:
        """Who is new was not there when the others were asked: all begin anew, with the last question at hand."""
        chosen = open_picked(studio, run_id)
        voices = [Voice.parse(key) for key in keys]
        keep_chosen(chosen, voices)
        asked = [turn for turn in first if turn["role"] == "user"]
        again = {box: last_answer([{**asked[-1], "role": "assistant"}])} if asked else {}
        return {**shown.title(studio.workspace, voices, shown.silence), **again, **dict.fromkeys(told_of, "")}

    def questions(run_id: str | None, of: str) -> list[Conversation]:
        return questions_from(studio, of, lambda: _held_out(studio, open_picked(studio, run_id)))

    @told
    def list_them(run_id: str | None, of: str) -> Any:
        button = "Take a question of the file" if of == FILE else TAKE
        return {listed: list_questions(questions(run_id, of), of), unseen: gr.Button(button)}

    @told
    def take_next(run_id: str | None, of: str, now: int | None) -> dict[Any, Any]:
        asked = questions(run_id, of)
        return take(asked, 0 if now is None else (now + 1) % len(asked))

    @told
    def take_listed(run_id: str | None, of: str, place: int | None) -> dict[Any, Any]:
        return {} if place is None else take(questions(run_id, of), place)

    def take(asked: Sequence[Conversation], place: int) -> dict[Any, Any]:
        """What was said before the last question stands in the panes."""
        example = asked[place]
        before = [turn_of(message.role, message.content) for message in example.prompt[:-1] if message.role != "system"]
        words = f"<strong>Question {place + 1} of {len(asked)}.</strong>"
        if example.wanted:
            words = (
                f"<strong>Question {place + 1} of {len(asked)}. Wanted:</strong> <code>{escape(example.wanted)}</code>"
            )
        return {
            box: example.prompt[-1].content,
            wanted: f'<p class="wanted">{words}</p>',
            listed: place if place < MOST_LISTED else None,
            **{pane: list(before) for pane in panes},
            **dict.fromkeys(told_of, ""),
        }

    @told
    def tell_apart(marked: bool, run_id: str | None, keys: list[str], *said: Turns) -> str:
        if not marked or not run_id:
            return ""
        chosen = open_run(studio.workspace, run_id)
        names = [name_of(chosen, voice) for voice in shown.voices(keys)]
        answers = [(name, last_answer(turns)) for name, turns in zip(names, said, strict=False)]
        return show_apart(answers) if all(text for _, text in answers) else ""

    @told
    def tell_why(run_id: str | None, keys: list[str], *said: Turns) -> str:
        """Of what the run that is picked said; where it was not asked, of the last who learned something."""
        chosen, voices = open_picked(studio, run_id), shown.voices(keys)
        learned = [(voice, last_answer(turns)) for voice, turns in zip(voices, said, strict=False)]
        learned = [(voice, text) for voice, text in learned if voice.kind != "base" and text]
        if not learned:
            raise ModelError("There is no answer yet.", "Ask something first; then its nearest examples are shown.")
        voice, text = next((each for each in learned if each[0].kind == "run"), learned[-1])
        data = open_run(studio.workspace, voice.of).recipe.data
        name = name_of(chosen, voice)
        return show_nearest(name, nearest(open_dataset(studio.workspace, data).conversations("train"), text))

    def show(run_id: str | None) -> dict[Any, Any]:
        if not run_id:
            nobody = "There is no trained run yet. Train one first; it can then be asked here."
            return {
                state: show_note(nobody),
                how.system: "",
                send: gr.Button(interactive=False),
                listed: list_questions([]),
                **kept.show(None),
            }
        return {**shown.show(open_run(studio.workspace, run_id)), **asking(run_id)}

    def asking(run_id: str) -> dict[Any, Any]:
        dataset = open_dataset(studio.workspace, open_run(studio.workspace, run_id).recipe.data)
        return {
            state: "", how.system: dataset.system, send: gr.Button(interactive=True),
            listed: list_questions([each for each in dataset.conversations("test") if not each.is_passage]),
            unseen: gr.Button(TAKE), **asked_of.show(), **kept.show(run_id),
        }  # fmt: skip

    def fresh(run_id: str | None) -> dict[Any, Any]:
        if not run_id:
            return {
                **show(None),
                **dict(zip(panes, shown.silence, strict=True)),
                **dict.fromkeys((wanted, figures, apart, reasons), ""),
            }
        chosen = open_run(studio.workspace, run_id)
        emptied = dict.fromkeys((wanted, figures, apart, reasons), "")
        return {**asking(run_id), **shown.show(chosen, shown.silence), **emptied}

    quiet: dict[str, Any] = {"show_progress": "hidden"}
    answering: dict[str, Any] = {**quiet, "concurrency_id": "accelerator", "concurrency_limit": 1}
    answered = [send, stop, box, *panes, *told_of]
    gr.on([send.click, box.submit], ask, form, answered, **answering)
    for pane in panes:
        pane.edit(ask_again, form, answered, **answering)
    stop.click(halt, queue=False)
    clear.click(wipe, None, [*panes, wanted, *told_of], queue=False)
    who.input(choose, [run, who, panes[0]], [*panes, box, *told_of], **quiet)
    taken = [box, wanted, listed, *panes, *told_of]
    unseen.click(take_next, [run, source, listed], taken, **quiet)
    listed.input(take_listed, [run, source, listed], taken, **quiet)
    for arrival in asked_of.arrivals:
        arrival.success(list_them, [run, source], [listed, unseen], **quiet)
    mark.input(tell_apart, [mark, run, who, *panes], apart, **quiet)
    why.click(tell_why, [run, who, *panes], reasons)
    outputs = [how.system, send, unseen, listed, wanted, *told_of, *shown.outputs, *asked_of.outputs, *kept.outputs]
    return TalkView(outputs, show, fresh)


def _kept_form(studio: Studio, shown: PanesView, how: HowView) -> KeptForm:
    def describe(given: dict[Any, Any]) -> tuple[Sequence[Pane], Setup]:
        voices = shown.voices(given[shown.who])
        panes = [Pane(title_of_voice(studio.workspace, voice), (), voice.key) for voice in voices]
        return panes, how.setup_of(given)

    def fill(kept: Kept, turns: Sequence[Turns]) -> dict[Any, Any]:
        """Who said it is chosen again, if all of them are still there."""
        filled: dict[Any, Any] = how.fill(kept.setup)
        if all(is_there(studio.workspace, pane.voice) for pane in kept.panes):
            voices = [Voice.parse(pane.voice) for pane in kept.panes]
            filled |= {shown.who: [voice.key for voice in voices], **shown.title(studio.workspace, voices, turns)}
        else:
            filled |= dict(zip(shown.panes, turns, strict=True))
        return filled

    return KeptForm(shown.panes, {shown.who, *how.fields}, describe, [shown.who, *how.fields], fill)


def _held_out(studio: Studio, run: Run) -> list[Conversation]:
    """Raises: RunError where there is no held-out part."""
    kept = open_dataset(studio.workspace, run.recipe.data).conversations("test")
    asked = [conversation for conversation in kept if not conversation.is_passage]
    if not asked:
        raise RunError("This data set has no held-out part.", "Bring at least three different examples.")
    return asked


def _words_of_waiting(count: int, in_turn: bool) -> str:
    if in_turn:
        return "They answer one after the other …"
    return {1: "It is reading your question …", 2: "Both are reading your question …"}.get(
        count, "All are reading your question …"
    )


def _show_speed(reply: Reply, said: Sequence[Said], in_turn: bool) -> str:
    cut = [each.name for each in said if not each.figures.finished]
    more = f" {' and '.join(cut)} {'were' if len(cut) > 1 else 'was'} cut off." if cut else ""
    who = {1: "It", 2: "Both"}.get(len(said), f"All {len(said)}")
    how = ", one after the other," if in_turn else ""
    return show_note(f"{who} answered{how} in {reply.seconds:.1f} s.{more}")
