"""Asking all who are in the panes: a question in the box, or one above that was written anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gradio as gr

from components.answers_view import Said, show_apart, show_figures
from components.frame import Studio, open_picked, require_rest
from components.notices import ending_with, show_note, show_progress, told
from components.talk_page import TalkPage
from components.talk_words import show_speed, words_of_waiting
from components.turns import Turns, before_question, messages_of, plain, turn_of
from studio.compare.voices import Voice, name_of
from studio.errors import ModelError
from studio.runs import Run

Given = dict[Any, Any]


def connect_asking(studio: Studio, page: TalkPage) -> None:
    panes, how = page.shown.panes, page.how

    @told
    def ask(given: Given) -> Iterator[Any]:
        yield from ask_about(given, given[page.box], [given[pane] for pane in panes])

    def ask_again(edited: gr.Chatbot) -> Callable[..., Iterator[Any]]:
        @told
        def ask_anew(given: Given, event: gr.EditData) -> Iterator[Any]:
            """A question was written anew: what came after it goes, also where one joined later than others."""
            place = event.index if isinstance(event.index, int) else event.index[0]
            from_end = sum(turn["role"] == "user" for turn in given[edited][place:])
            said = [before_question(given[pane] or [], from_end) for pane in panes]
            yield from ask_about(given, plain(str(event.value)), said)

        return ask_anew

    def ask_about(given: Given, text: str, said: Sequence[Turns]) -> Iterator[Any]:
        if not text.strip():
            raise ModelError("There is no question yet.", "Write one in the box, or take one it never saw.")
        chosen, voices = open_picked(studio, given[page.run]), page.shown.voices(given[page.shown.who])
        require_rest(studio)
        yield {
            page.send: gr.Button(interactive=False), page.stop: gr.Button(interactive=True),
            page.reasons: "", page.apart: "",
        }  # fmt: skip
        turns = {voice: [*before, turn_of("user", text)] for voice, before in zip(voices, said, strict=False)}
        yield from ending_with(answer(chosen, turns, given), at_rest(page))

    def answer(chosen: Run, turns: dict[Voice, Turns], given: Given) -> Iterator[Any]:
        for progress in studio.chat.open(studio.workspace, list(turns)):
            yield {page.state: show_progress(progress)}
        names = {voice: name_of(chosen, voice) for voice in turns}
        words = words_of_waiting(names, studio.chat.in_turn, {}, ())
        yield {
            page.box: "", page.figures: "", page.state: show_note(words),
            **dict(zip(panes, turns.values(), strict=False)),
        }  # fmt: skip
        prompts = {voice: messages_of(said, given[how.system]) for voice, said in turns.items()}
        for reply in studio.chat.ask(prompts, how.longest_of(given), how.sampling(given), how.strength_of(given)):
            answered = [[*said, turn_of("assistant", reply.texts[voice])] for voice, said in turns.items()]
            yield dict(zip(panes, answered, strict=False))
            if reply.done:
                texts = [Said(names[voice], reply.texts[voice], reply.figures[voice]) for voice in turns]
                yield {
                    page.state: show_speed(reply, texts, studio.chat.in_turn),
                    page.figures: show_figures(texts),
                    page.apart: show_apart([(each.name, each.text) for each in texts]) if given[page.mark] else "",
                }
            elif (now := words_of_waiting(names, studio.chat.in_turn, reply.texts, reply.ended)) != words:
                words = now
                yield {page.state: show_note(words)}

    @told
    def halt() -> None:
        studio.chat.stop()

    @told
    def wipe() -> Given:
        studio.chat.stop()
        return {**page.shown.say([]), page.wanted: "", **page.silent()}

    answering: dict[str, Any] = {
        "show_progress": "hidden", "concurrency_id": "accelerator", "concurrency_limit": 1,
    }  # fmt: skip
    answered = [page.send, page.stop, page.box, *panes, *page.told_of]
    asked = [gr.on([page.send.click, page.box.submit], ask, page.form, answered, **answering)]
    asked += [pane.edit(ask_again(pane), page.form, answered, **answering) for pane in panes]
    # What is still being said is said of the run before.
    page.run.input(None, None, None, cancels=asked, queue=False)
    page.stop.click(halt, queue=False)
    page.clear.click(wipe, None, [*panes, page.wanted, *page.told_of], queue=False)


def at_rest(page: TalkPage) -> Given:
    return {page.send: gr.Button(interactive=True), page.stop: gr.Button(interactive=False)}
