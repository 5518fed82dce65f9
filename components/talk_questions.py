"""Taking a question to the box: one that no training saw, or one of a file."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import gradio as gr

from components.asked_view import FILE, MOST_LISTED, list_questions, questions_from
from components.frame import Studio, open_picked
from components.notices import told
from components.talk_page import TAKE, TalkPage
from components.turns import turn_of
from studio.data.conversation import Conversation
from studio.data.datasets import open_dataset
from studio.errors import RunError
from studio.runs import Run


def connect_questions(studio: Studio, page: TalkPage) -> None:
    def questions(run_id: str | None, of: str) -> list[Conversation]:
        return questions_from(studio, of, lambda: _held_out(studio, open_picked(studio, run_id)))

    @told
    def list_them(run_id: str | None, of: str) -> Any:
        button = "Take a question of the file" if of == FILE else TAKE
        return {page.listed: list_questions(questions(run_id, of), of), page.unseen: gr.Button(button)}

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
            page.box: example.prompt[-1].content,
            page.wanted: f'<p class="wanted">{words}</p>',
            page.listed: place if place < MOST_LISTED else None,
            **page.shown.say(before),
            **page.silent(),
        }

    quiet: dict[str, Any] = {"show_progress": "hidden"}
    asking = [page.run, page.asked_of.source]
    taken = [page.box, page.wanted, page.listed, *page.shown.panes, *page.told_of]
    page.unseen.click(take_next, [*asking, page.listed], taken, **quiet)
    page.listed.input(take_listed, [*asking, page.listed], taken, **quiet)
    for arrival in page.asked_of.arrivals:
        arrival.success(list_them, asking, [page.listed, page.unseen], **quiet)


def list_held_out(studio: Studio, run: Run) -> gr.Dropdown:
    return list_questions(_unseen(studio, run))


def _held_out(studio: Studio, run: Run) -> list[Conversation]:
    """Raises: RunError where there is no held-out part."""
    asked = _unseen(studio, run)
    if not asked:
        raise RunError("This data set has no held-out part.", "Bring at least three different examples.")
    return asked


def _unseen(studio: Studio, run: Run) -> list[Conversation]:
    kept = open_dataset(studio.workspace, run.recipe.data).conversations("test")
    return [conversation for conversation in kept if not conversation.is_passage]
