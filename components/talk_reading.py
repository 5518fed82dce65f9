"""Reading what was answered: which words differ, and which examples an answer comes from."""

from __future__ import annotations

from typing import Any

from components.answers_view import show_apart, show_nearest
from components.frame import Studio, open_picked
from components.notices import told
from components.talk_page import TalkPage
from components.turns import Turns, last_answer
from studio.compare.nearest import nearest
from studio.compare.voices import name_of
from studio.data.datasets import open_dataset
from studio.errors import ModelError
from studio.runs import open_run


def connect_reading(studio: Studio, page: TalkPage) -> None:
    @told
    def tell_apart(marked: bool, run_id: str | None, keys: list[str], *said: Turns) -> str:
        if not marked or not run_id:
            return ""
        chosen = open_run(studio.workspace, run_id)
        names = [name_of(chosen, voice) for voice in page.shown.voices(keys)]
        answers = [(name, last_answer(turns)) for name, turns in zip(names, said, strict=False)]
        return show_apart(answers) if all(text for _, text in answers) else ""

    @told
    def tell_why(run_id: str | None, keys: list[str], *said: Turns) -> str:
        """Of what the run that is picked said; where it was not asked, of the last who learned something."""
        chosen, voices = open_picked(studio, run_id), page.shown.voices(keys)
        learned = [(voice, last_answer(turns)) for voice, turns in zip(voices, said, strict=False)]
        learned = [(voice, text) for voice, text in learned if voice.kind != "base" and text]
        if not learned:
            raise ModelError("There is no answer yet.", "Ask something first; then its nearest examples are shown.")
        voice, text = next((each for each in learned if each[0].kind == "run"), learned[-1])
        data = open_run(studio.workspace, voice.of).recipe.data
        name = name_of(chosen, voice)
        return show_nearest(name, nearest(open_dataset(studio.workspace, data).conversations("train"), text))

    said: list[Any] = [page.run, page.shown.who, *page.shown.panes]
    page.mark.input(tell_apart, [page.mark, *said], page.apart, show_progress="hidden")
    page.why.click(tell_why, said, page.reasons)
